"""What a person types, and the files it stands on."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted((ROOT / "script").iterdir())
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-node.txt", "package-lock.json")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_posix_shell_and_may_be_run(script: Path) -> None:
    assert script.read_text().startswith("#!/bin/sh\n")
    assert os.access(script, os.X_OK)
    subprocess.run(["sh", "-n", script], check=True)


def test_ci_runs_what_a_person_runs() -> None:
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)
    assert "script/test" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_names_no_host(name: str) -> None:
    assert not re.findall(r"\S*://\S*|--\S*index\S*", (ROOT / name).read_text())


@pytest.mark.parametrize("name", LOCKS[:3])
def test_every_locked_python_package_has_a_version_and_hashes(name: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_every_named_front_end_file_is_there_after_set_up() -> None:
    listed = subprocess.run([ROOT / "script" / "vendor", "--list"], capture_output=True, text=True, check=True).stdout
    assert [name for name in listed.split() if not (ROOT / name).is_file()] == []


def test_every_front_end_package_is_copied_or_only_for_development() -> None:
    import json

    packages = set(json.loads((ROOT / "package.json").read_text())["dependencies"])
    listed = subprocess.run([ROOT / "script" / "vendor", "--list"], capture_output=True, text=True, check=True).stdout
    assert packages == {name.split("/")[2] for name in listed.split()}


def test_a_second_set_up_finds_everything_done_and_says_nothing() -> None:
    for _ in range(2):
        done = subprocess.run([ROOT / "script" / "setup", "--dev"], capture_output=True, text=True, check=True)
    assert done.stdout == ""


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", ".dockerignore", *LOCKS])
def test_what_containers_need_is_in_the_repository(name: str) -> None:
    assert (ROOT / name).is_file()
