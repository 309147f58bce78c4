"""From an open study to its report in the deployed shape: simulated raters, and a worker for the report."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from tests.services.stack import Stack, wait_for

pytestmark = pytest.mark.services

RATERS, CLIPS = 6, 4
MAKE_STUDY = f"""
from tests.studyapp.factories import open_study
open_study(slug="flow", clips={CLIPS}, blocks={RATERS})
"""
FREEZE = """
import json
from studyapp.actions.datasets import freeze_dataset
from studyapp.models import Study
dataset = freeze_dataset(study=Study.objects.get(slug="flow"), include_simulated=True, by=None)
print(json.dumps(dataset.pk))
"""


def test_simulated_answers_become_a_report_that_a_worker_builds(stack: Stack) -> None:
    stack.script(MAKE_STUDY)
    said = stack.manage("simulate_raters", "flow", "--raters", str(RATERS), "--seed", "3")
    assert f"{RATERS} simulated raters answered {RATERS * CLIPS} trials" in said

    stack.launch_worker("worker-short")
    dataset = json.loads(stack.script(FREEZE))
    wait_for("the report", lambda: _row(stack, dataset)[0] in ("ready", "failed"), seconds=90)
    state, error, rows, folder = _row(stack, dataset)
    assert (state, error, rows) == ("ready", "", RATERS * CLIPS * 2)
    report = (stack.var / "media" / Path(folder) / "report.html").read_text()
    assert "simulated" in report


def _row(stack: Stack, dataset: int) -> tuple[str, str, int | None, str]:
    with psycopg.connect(stack.database_url) as connection:
        sql = "SELECT state, error, rows, folder FROM studyapp_dataset WHERE id = %s"
        (row,) = connection.execute(sql, [dataset]).fetchall()
        return row
