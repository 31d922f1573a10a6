from __future__ import annotations

from pathlib import Path

from ossifrage.agent.doctor import Outcome, examine_machine


def test_this_machine(tmp_path: Path) -> None:
    report = examine_machine(tmp_path / "home")
    assert {check.outcome for check in report.checks} == {Outcome.PASS}
    why = {check.name: check.why for check in report.checks}
    assert "446a9538cb6c348e" in why["vocabulary"]
    assert why["traces"].startswith("0 in ")
    assert "installed: " in why["embeddings"]


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    report = examine_machine(tmp_path / "home")
    (failure,) = [check for check in report.checks if check.outcome is Outcome.FAIL]
    assert failure.name == "traces"
    assert failure.advice
