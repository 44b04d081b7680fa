"""A job that takes too long ends, whoever lets errors pass on its way."""

from __future__ import annotations

import contextlib
import time

import pytest

from triage.commands import processes


def test_a_late_job_ends_though_errors_are_let_pass() -> None:
    with pytest.raises(processes.Overtime), processes.Penalty(1), contextlib.suppress(Exception):  # type: ignore[no-untyped-call]
        time.sleep(5)


def test_the_worker_uses_that_alarm() -> None:
    assert processes.StoppableWorker.death_penalty_class is processes.Penalty
