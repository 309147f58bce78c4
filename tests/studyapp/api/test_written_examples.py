"""The programs in docs/api.md run as they are printed, against a real server; its tables are those of the code."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from studyapp import tasks
from studyapp.actions import sessions
from studyapp.actions.tokens import make_token
from studyapp.actions.webhooks import WAITS, signature
from studyapp.models import Dataset, StudySession
from studyapp.states import DatasetState, SessionState, StudyState
from studyapp.views.webhooks import EVENTS
from tests.studyapp.factories import answer_trial, make_researcher, open_study

DOCS = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
SCRIPT, VERIFYING = re.findall(r"^```python\n(.*?)^```", DOCS, flags=re.MULTILINE | re.DOTALL)


def built_at_once(dataset_id: int) -> None:
    """What a worker does, as far as the script sees it."""
    dataset = Dataset.objects.get(pk=dataset_id)
    dataset.folder = f"datasets/{dataset_id}"
    dataset.path.mkdir(parents=True)
    (dataset.path / "ratings.csv").write_text("rating\n3\n")
    dataset.state, dataset.sha256, dataset.rows, dataset.ready_at = DatasetState.READY, "0", 1, timezone.now()
    dataset.save()


@pytest.mark.django_db(transaction=True)
# The live server starts before any test's settings.
@pytest.mark.filterwarnings("ignore:No directory at")
def test_the_script_does_what_it_says(live_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    researcher = make_researcher(is_superuser=False)
    study = open_study(by=researcher, clips=1, blocks=2)
    _, secret = make_token(user=researcher, name="docs", scope="write", days=1, by=researcher)
    done = sessions.enrol(study=study, now=timezone.now())
    answer_trial(done, done.block.trials.get())
    StudySession.objects.filter(pk=done.pk).update(state=SessionState.COMPLETED, completed_at=timezone.now())
    monkeypatch.setattr(tasks.build_dataset, "delay", built_at_once)

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", SCRIPT, study.slug]
        given = {"DUET_URL": live_server.url, "DUET_TOKEN": secret}
        return subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, timeout=60)

    ran = run()
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"^s[0-9a-f]{16} ", ran.stdout)
    assert "paused" in ran.stdout
    assert (tmp_path / "ratings.csv").read_text() == "rating\n3\n"
    study.refresh_from_db()
    assert study.state == StudyState.PAUSED
    again = run()
    assert again.returncode == 1
    assert "only a study that is open can be paused" in again.stderr


def test_the_verifying_program_believes_what_duet_signs_and_nothing_else() -> None:
    given: dict[str, Any] = {}
    exec(VERIFYING, given)  # noqa: S102
    believes = given["is_from_duet"]
    body = '{"said": "für Elise"}'.encode()
    now = datetime.now(UTC)
    header = signature("whsec_x", body, now)
    assert believes("whsec_x", header, body)
    assert not believes("whsec_y", header, body)
    assert not believes("whsec_x", header, body + b" ")
    assert not believes("whsec_x", signature("whsec_x", body, now - timedelta(minutes=6)), body)
    assert not believes("whsec_x", header.replace("t=", "t=1"), body)
    for nonsense in ("", "t=,v1=", "v1=abc", f"t={int(time.time())}"):
        assert not believes("whsec_x", nonsense, body)


def test_the_table_of_events_is_the_pages() -> None:
    table = re.findall(r"^\| `([\w.]+)` \|", DOCS, flags=re.MULTILINE)
    assert sorted(table) == sorted(EVENTS)


def test_the_waits_are_the_ones_told() -> None:
    assert [wait / timedelta(minutes=1) for wait in WAITS[:4]] == [1, 2, 5, 15]
    assert [wait / timedelta(hours=1) for wait in WAITS[4:]] == [1, 2, 4, 6, 10]
