"""Rows for tests, made the short way: real database rows, real (tiny) files, no work queue.

``open_study()`` gives a study that can be rated at once. Its videos are real H.264/AAC when ``real_media=True``
(about 0.3 s the first time in a process), otherwise a few opaque bytes, enough for everything but a browser.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import secrets
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from generation.media.binaries import ffmpeg_path
from studyapp.models import (
    Block,
    Clip,
    Comparison,
    Response,
    Stimulus,
    Study,
    StudyMember,
    StudySession,
    System,
    SystemPair,
    Trial,
    User,
)
from studyapp.questions import Question
from studyapp.states import StimulusState, StudyState

# Names sort as they were made, as many digits as they have, and no short number is found in a page by chance.
_numbers = itertools.count(100_001)


def sha(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def make_researcher(**fields: Any) -> User:
    values = {"username": f"researcher{next(_numbers)}", "is_staff": True, "is_superuser": True, **fields}
    return User.objects.create_user(password="a-long-passphrase", **values)


@functools.cache
def _movie(colour: str, tone_hz: int, seconds: float) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "movie.mp4"
        picture = ["-f", "lavfi", "-i", f"color={colour}:s=160x90:r=25:d={seconds}"]
        tone = ["-f", "lavfi", "-i", f"sine={tone_hz}:r=48000:d={seconds}", "-shortest"]
        code = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
        plain = ["-movflags", "+faststart", "-map_metadata", "-1", "-fflags", "+bitexact", str(path)]
        command = [ffmpeg_path(), "-nostdin", "-v", "error", *picture, *tone, *code, *plain]
        subprocess.run(command, check=True)
        return path.read_bytes()


def make_clip(*, genre: str = "Rock", with_audio: bool = True, **fields: Any) -> Clip:
    number = next(_numbers)
    values: dict[str, Any] = {
        "dataset": "test",
        "clip_id": f"clip{number}",
        "genre": genre,
        "source_name": f"clip{number}.mp4",
        "source_sha256": sha(f"source{number}"),
        "duration_s": 10.0,
        "width": 640,
        "height": 360,
        "frame_rate": 25.0,
        "master_file": f"clips/{number}.mp4",
        "master_sha256": sha(f"master{number}"),
        "master_bytes": 1000,
        **fields,
    }
    if with_audio:
        values.setdefault("audio_file", f"audio/{number}.wav")
        values.setdefault("audio_sha256", sha(f"audio{number}"))
    return Clip.objects.create(**values)


def make_system(key: str = "ground-truth", *, slug: str | None = None, **fields: Any) -> System:
    slug = slug or f"{key}-{next(_numbers)}"
    return System.objects.create(key=key, slug=slug, label=slug, digest=sha(slug), **fields)


def make_stimulus(clip: Clip, system: System, *, content: bytes | None = None, **fields: Any) -> Stimulus:
    """A READY stimulus with a file of its own."""
    content = content if content is not None else secrets.token_bytes(4096)
    name = f"stimuli/{secrets.token_hex(8)}.mp4"
    path = Path(settings.MEDIA_ROOT) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    values: dict[str, Any] = {
        "key": sha(f"{clip.pk}/{system.slug}/{next(_numbers)}"),
        "seed": 1,
        "target_lufs": -23.0,
        "settings_digest": system.digest,
        "sources_digest": sha("sources"),
        "state": StimulusState.READY,
        "progress": 1.0,
        "ready_at": timezone.now(),
        "file": name,
        "file_sha256": sha(content),
        "file_bytes": len(content),
        "duration_s": clip.duration_s,
        "lufs": -23.0,
        "true_peak_dbtp": -6.0,
        "gain_db": 1.5,
        **fields,
    }
    return Stimulus.objects.create(clip=clip, system=system, **values)


def make_study(*, by: User | None = None, **fields: Any) -> Study:
    number = next(_numbers)
    # Nothing between consent and the first trial but what a test asks for.
    plain = {
        "checks_sound": False,
        "checks_understanding": False,
        "break_after": None,
        "completion_code": "DONE-42",
    }
    values = {"title": f"Study {number}", "slug": f"study-{number}", **plain, **fields}
    study = Study.objects.create(created_by=by, **values)
    if by is not None:
        make_member(study, by, role=StudyMember.Role.OWNER, sees_names=True)
    return study


def make_member(study: Study, user: User, **fields: Any) -> StudyMember:
    return StudyMember.objects.create(study=study, user=user, **fields)


def open_study(
    *,
    clips: int = 3,
    blocks: int = 2,
    systems: Sequence[System] | None = None,
    real_media: bool = False,
    seconds: float = 1.0,
    genres: Sequence[str] = ("Rock", "Reggae"),
    **fields: Any,
) -> Study:
    """An OPEN study: every block holds one trial for each clip, sides alternating."""
    study = make_study(**fields)
    first, second = systems or (make_system(), make_system("random-shuffle"))
    if first.pk > second.pk:
        first, second = second, first
    SystemPair.objects.create(study=study, system_1=first, system_2=second)
    comparisons = []
    for index in range(clips):
        clip = make_clip(genre=genres[index % len(genres)], duration_s=seconds)
        study.clips.add(clip)
        contents: list[bytes | None] = [None, None]
        if real_media:
            contents = [_movie("teal", 330, seconds), _movie("teal", 440, seconds)]
        comparisons.append(
            Comparison.objects.create(
                study=study,
                clip=clip,
                stimulus_1=make_stimulus(clip, first, content=contents[0]),
                stimulus_2=make_stimulus(clip, second, content=contents[1]),
            )
        )
    for number in range(1, blocks + 1):
        block = Block.objects.create(study=study, number=number)
        for position, comparison in enumerate(comparisons, start=1):
            Trial.objects.create(
                block=block,
                position=position,
                comparison=comparison,
                left_is_1=(number + position) % 2 == 0,
                played_first=Trial.PlayedFirst.LEFT if position % 2 else Trial.PlayedFirst.RIGHT,
            )
    Study.objects.filter(pk=study.pk).update(
        state=StudyState.OPEN, opened_at=timezone.now(), plan_sha256=sha(f"plan{study.pk}")
    )
    study.refresh_from_db()
    return study


def answer_trial(session: StudySession, trial: Trial, *, choice: int = 3) -> None:
    """Both answers, stored as they are: for tests of what comes after."""
    Response.objects.bulk_create(
        Response(
            session=session,
            trial=trial,
            question=question,
            choice=choice,
            coverage_left=1,
            coverage_right=1,
            response_time_ms=900,
            answered_at=timezone.now(),
        )
        for question in Question
    )
    StudySession.objects.filter(pk=session.pk).update(answer_count=F("answer_count") + len(Question))
