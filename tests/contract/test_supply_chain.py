"""What we install and what we commit: no secret, no host, no licence that binds what others build (case P3)."""

import importlib.metadata
import re
import subprocess

import pytest

from tests.conftest import ROOT

LICENCES = re.compile(
    r"(MIT|MIT-0|BSD|BSD-[23]-Clause|0BSD|Apache|Apache-2\.0|PSF|PSF-2\.0|Python Software Foundation|MPL-2\.0|Mozilla Public"
    r"|LGPL-3\.0|Zlib|CC0-1\.0|ISC|Unlicense|HPND)", re.IGNORECASE,
)  # fmt: skip
# Packages offered under several licences at once, of which we take the one named; it must still be among those offered.
TAKEN = {"pyphen": "Mozilla Public License 1.1 (MPL 1.1)"}
BINDING = re.compile(r"(?<![A-Z])(A?GPL)", re.IGNORECASE)
SECRETS = (
    re.compile("-----BEGIN" + r" (RSA |EC |OPENSSH |ENCRYPTED )?PRIVATE KEY"),
    re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    re.compile(r"\bgm_[A-Za-z0-9_-]{43}\b"),
    re.compile(r"\bxox[abp]-[A-Za-z0-9-]{10,}"),
    re.compile(r"""(?i)\b(client_secret|api_key|secret_key|auth_token)\s*[=:]\s*["'][A-Za-z0-9+/_-]{20,}["']"""),
    re.compile(r"postgres(ql)?://[^\s:@/]+:[^\s@/{}<$]+@"),
)


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_file_of_the_project_holds_a_secret():
    found = []
    for name in tracked():
        text = (ROOT / name).read_bytes().decode("utf-8", errors="replace")
        found += [(name, match[0][:40]) for pattern in SECRETS for match in pattern.finditer(text)]
    assert found == []


def test_the_search_for_secrets_finds_one():
    planted = [
        "-----BEGIN" + " PRIVATE KEY-----",
        "gm_" + "a" * 43,
        "postgresql://u:" + "geheim@h/d",
        "AKIA" + "A1B2" * 4,
    ]
    assert all(any(pattern.search(text) for pattern in SECRETS) for text in planted)


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-dev.txt", "requirements-node.txt", "package-lock.json"]
)
def test_lock_files_name_no_host_and_hash_everything(name):
    text = (ROOT / name).read_text()
    assert "://" not in text
    if name.endswith(".txt"):
        pinned = re.findall(r"^[a-z0-9][^\n]*==[^\n]*", text, re.MULTILINE)
        assert pinned
        assert all(line.rstrip().endswith("\\") for line in pinned)
    else:
        assert text.count('"integrity"') == text.count('"node_modules/')


def test_every_package_that_runs_has_a_licence_that_binds_nobody_else():
    names = re.findall(r"^([a-z0-9][a-z0-9._-]*)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    unclear = []
    for name in sorted(set(names)):
        try:
            told = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system than this one
        classified = [
            line.rpartition(" :: ")[2] for line in told.get_all("Classifier") or [] if line.startswith("License")
        ]
        licence = told.get("License-Expression") or " ".join(classified) or (told.get("License") or "")[:60]
        if name in TAKEN and TAKEN[name] in classified:
            licence = TAKEN[name]
        if not LICENCES.search(licence) or BINDING.search(licence):
            unclear.append((name, licence))
    assert unclear == []


@pytest.mark.nightly
def test_no_package_has_a_known_vulnerability():
    audit = [str(ROOT / ".venv/bin/pip-audit"), "--require-hashes", "--disable-pip", "--progress-spinner", "off", "-r"]
    done = subprocess.run([*audit, str(ROOT / "requirements.txt")], capture_output=True, text=True, timeout=300)
    assert "could not be audited" not in done.stdout, "the list of vulnerabilities cannot be reached from here"
    assert done.returncode == 0, done.stdout[-2000:]
