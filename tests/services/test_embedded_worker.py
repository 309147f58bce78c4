"""Real workers on the embedded broker: none of many tasks is lost, and a killed worker costs one repeated task."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from generation.media.master import extract_audio, make_master
from studyapp.actions import stimuli
from studyapp.models import Clip, Stimulus
from studyapp.states import StimulusState
from tests.studyapp.factories import make_clip, make_study, make_system, sha

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

SECONDS = 6.0


@contextmanager
def worker(tmp_path: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker on the test's own database, media folder and broker."""
    database = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database}"
    else:
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}").geturl()
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "DUET_VAR": str(tmp_path),
        "DUET_SECRET_KEY": settings.SECRET_KEY,
        "DUET_ALLOWED_HOSTS": "localhost",
        "DUET_DEVICE": "cpu",
    }
    with (tmp_path / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "--app=studyapp", "worker", "--queues=cpu,gpu,short"),
                *(f"--hostname={name}@%h", "--pool=threads", "--concurrency=1", "--loglevel=WARNING"),
                *("--without-mingle", "--without-gossip", "--without-heartbeat"),
            ],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(condition: Callable[[], bool], tmp_path: Path, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            logs = "\n".join(log.read_text() for log in tmp_path.glob("*.log"))
            pytest.fail(
                f"not within {seconds} s; rows {list(Stimulus.objects.values_list('state'))}; logs: {logs}"
            )
        time.sleep(0.02)


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    media = tmp_path / "media"
    source = tmp_path / "source.mkv"
    subprocess.run(
        [
            *("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s=320x180:r=25:d={SECONDS}"),
            *("-f", "lavfi", "-i", f"sine=330:r=48000:d={SECONDS},volume=0.5", str(source)),
        ],
        check=True,
    )
    master = make_master(source, media / "clips" / "a.mp4", duration_s=SECONDS)
    extract_audio(source, media / "audio" / "a.wav", duration_s=SECONDS)
    return make_clip(
        duration_s=SECONDS,
        master_file="clips/a.mp4",
        master_bytes=master.path.stat().st_size,
        audio_file="audio/a.wav",
        audio_sha256=sha("a"),
    )


def test_killed_worker_costs_one_repeated_task_and_nothing_else(clip: Clip, tmp_path: Path) -> None:
    study = make_study()
    study.clips.add(clip)
    rows = [
        stimuli.request_stimulus(clip=clip, system=make_system(), study=study)  # the same music under two names
        for _ in range(2)
    ]
    first, second = rows
    stimuli.enqueue(stimuli=rows)

    def state(row: Stimulus) -> tuple[str, int]:
        row.refresh_from_db()
        return row.state, row.attempt

    with worker(tmp_path, "doomed") as doomed:
        wait_for(lambda: state(first)[0] == StimulusState.RENDERING, tmp_path)
        os.killpg(doomed.pid, signal.SIGKILL)
        doomed.wait()
    assert state(first) == (StimulusState.RENDERING, 1)
    assert state(second) == (StimulusState.REQUESTED, 0)
    assert stimuli.requeue_abandoned(now=timezone.now()) == 0  # it could still be alive
    assert stimuli.requeue_abandoned(now=timezone.now() + timedelta(minutes=1)) == 1
    with worker(tmp_path, "next"):
        wait_for(lambda: Stimulus.objects.ready().count() == 2, tmp_path)
    assert state(first) == (StimulusState.READY, 2)
    assert state(second) == (StimulusState.READY, 1)
    assert sorted(path.name for path in (tmp_path / "media" / "stimuli").rglob("*.mp4")) == sorted(
        Path(row.file).name for row in rows
    )
    assert not list((tmp_path / "media").glob("**/.part-*"))


def test_two_workers_lose_and_repeat_none_of_a_hundred_tasks(tmp_path: Path) -> None:
    # The clip's files are missing, so each task ends after its claim with a sentence: real, and short.
    clip = make_clip()
    study = make_study()
    study.clips.add(clip)
    rows = [stimuli.request_stimulus(clip=clip, system=make_system(), study=study) for _ in range(100)]
    with worker(tmp_path, "one"), worker(tmp_path, "other"):
        for row in rows:
            stimuli.enqueue(stimuli=[row])
        wait_for(lambda: not Stimulus.objects.unfinished().exists(), tmp_path)
    assert set(Stimulus.objects.values_list("state", "attempt")) == {(StimulusState.FAILED, 1)}
    assert not list((tmp_path / "broker").glob("queues/*/*"))


def test_worker_that_is_asked_to_stop_finishes_what_it_has_begun(clip: Clip, tmp_path: Path) -> None:
    study = make_study()
    study.clips.add(clip)
    row = stimuli.request_stimulus(clip=clip, system=make_system(), study=study)
    stimuli.enqueue(stimuli=[row])
    with worker(tmp_path, "polite") as polite:
        wait_for(lambda: Stimulus.objects.filter(state=StimulusState.RENDERING).exists(), tmp_path)
        polite.terminate()
        assert polite.wait(30) == 0
    row.refresh_from_db()
    assert (row.state, row.error) == (StimulusState.READY, "")
