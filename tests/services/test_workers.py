"""Celery workers and the scheduler over Redis: work is done, and a killed worker costs one repeated task."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from generation.media.binaries import ffmpeg_path
from tests.services.stack import COMPOSE, Stack, wait_for

pytestmark = pytest.mark.services

ASK_FOR_ALL = """
import json
from django.db import transaction
from studyapp.actions.stimuli import enqueue, request_stimulus
from studyapp.actions.systems import ensure_system
from studyapp.models import Clip, Study

study, _ = Study.objects.get_or_create(slug="services", defaults={"title": "Services"})
study.clips.set(Clip.objects.all())
system = ensure_system(key="ground-truth", preset="default", by=None)
clips = Clip.objects.order_by("pk")[FROM:TO]
with transaction.atomic():
    asked = [request_stimulus(clip=clip, system=system, study=study) for clip in clips]
    enqueue(stimuli=asked)
print(json.dumps([stimulus.pk for stimulus in asked]))
"""


@dataclass(frozen=True, slots=True)
class Work:
    """The stimuli of a stack as its database knows them."""

    stack: Stack

    def ask_for(self, first: int, last: int) -> list[int]:
        asked: list[int] = json.loads(
            self.stack.script(ASK_FOR_ALL.replace("FROM", str(first)).replace("TO", str(last)))
        )
        return asked

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.stack.database_url) as connection:
            return connection.execute(sql, values).fetchall()

    def states(self, stimuli: list[int]) -> set[str]:
        return {state for (state,) in self.rows("SELECT state FROM studyapp_stimulus WHERE id = ANY(%s)", stimuli)}

    def all_ready(self, stimuli: list[int]) -> bool:
        states = self.states(stimuli)
        assert "failed" not in states, self.rows("SELECT error FROM studyapp_stimulus WHERE error <> ''")
        return states == {"ready"}


@pytest.fixture(scope="module")
def work(stack: Stack) -> Work:
    videos = stack.folder / "videos"
    videos.mkdir()
    for number in range(3):
        _video(videos / f"clip{number}.mp4", hertz=220 * (number + 1))
    stack.manage("import_clips", str(videos), "--length", "3")
    return Work(stack)


def _video(path: Path, *, hertz: int) -> None:
    picture = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=3"]
    sound = ["-f", "lavfi", "-i", f"sine={hertz}:sample_rate=48000:duration=3"]
    code = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)]
    subprocess.run([ffmpeg_path(), "-nostdin", "-v", "error", *picture, *sound, *code], check=True)


def test_a_worker_renders_what_is_asked_for_over_redis(work: Work) -> None:
    stimuli = work.ask_for(0, 1)
    assert work.states(stimuli) == {"requested"}
    worker = work.stack.start_worker("worker-cpu")
    wait_for("the rendering", lambda: work.all_ready(stimuli), seconds=60)
    ((file, size),) = work.rows("SELECT file, file_bytes FROM studyapp_stimulus WHERE id = ANY(%s)", stimuli)
    assert (work.stack.var / "media" / file).stat().st_size == size
    worker.stop()
    assert not work.stack.is_healthy("worker-cpu")


def test_a_worker_killed_in_the_middle_costs_one_repeated_task(work: Work) -> None:
    stack = work.stack
    stimuli = work.ask_for(1, 3)
    victim = stack.launch_worker("worker-cpu")
    wait_for("the rendering", lambda: "rendering" in work.states(stimuli), seconds=60)
    victim.kill()
    assert "rendering" in work.states(stimuli)

    # The half minute of silence after which a worker is taken for dead, without waiting for it.
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("UPDATE studyapp_stimulus SET last_sign_of_life = now() - interval '10 minutes'")
    stack.launch_worker("worker-short")
    stack.launch_worker("worker-cpu")
    stack.start_scheduler()
    wait_for("the sweep and the rendering", lambda: work.all_ready(stimuli), seconds=90)

    attempts = sorted(
        attempt for (attempt,) in work.rows("SELECT attempt FROM studyapp_stimulus WHERE id = ANY(%s)", stimuli)
    )
    assert attempts == [1, 2]
    files = [path for path in (stack.var / "media" / "stimuli").rglob("*") if path.is_file()]
    assert len(files) == 3


def test_the_schedulers_health_check_passes_while_it_writes(work: Work) -> None:
    _, *command = COMPOSE["services"]["scheduler"]["healthcheck"]["test"]
    command = [word.replace("/tmp/beat", str(work.stack.folder / "beat")) for word in command]
    done = subprocess.run(command, env=work.stack.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
