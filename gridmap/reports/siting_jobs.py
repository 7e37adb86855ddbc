"""Siting under way."""

from pathlib import Path
from typing import Any

from gridmap.reports.runs import Report, Runs
from gridmap.reports.siting_question import Prepared, answer


def _work(prepared: Prepared, report: Report, _: Path) -> dict[str, Any]:
    return answer(prepared, report)


RUNS = Runs("siting", _work)
start, find, own, cancel = RUNS.start, RUNS.find, RUNS.own, RUNS.cancel
