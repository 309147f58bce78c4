"""A disk that fills up during generation: a sentence, no half file, and a retry that works."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studyapp.actions import stimuli
from studyapp.models import Clip, Comparison, Stimulus, Study, System
from studyapp.states import StimulusState
from studyapp.work import rendering
from tests.studyapp.factories import make_study, make_system

pytestmark = pytest.mark.django_db(transaction=True)

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from scipy.io import wavfile
seconds, output = float(sys.argv[1]), sys.argv[2]
if Path(__file__).with_name("full").exists():
    Path("/dev/full").write_bytes(bytes(100_000))
wave = 0.3 * np.sin(np.arange(int(48000 * seconds)) / 20)
wavfile.write(output, 48000, wave.astype(np.float32))
"""


@pytest.fixture
def tiny_disk(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """The media folder on a disk of its own of 2 MiB."""
    media = Path(settings.MEDIA_ROOT)
    media.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(media)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a disk of 2 MiB")
    try:
        yield media
    finally:
        subprocess.run(["umount", "--lazy", str(media)], check=True)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """A system that is a program; while a file “full” lies beside it, it meets a full disk."""
    rendering._player.cache_clear()
    (tmp_path / "program.py").write_text(PROGRAM)
    argv = [sys.executable, str(tmp_path / "program.py"), "{duration}", "{output}"]
    (tmp_path / "outside.toml").write_text(f"[commands.model]\nargv = {argv!r}\ntimeout_s = 60\n")
    monkeypatch.setenv("DUET_OUTSIDE", str(tmp_path / "outside.toml"))
    return make_system("command", settings={"command": "model", "model": "Model"})


def asked_for(clip: Clip, system: System) -> tuple[Study, Stimulus]:
    """In a study's design, beside another system's, so that the study's buttons know it."""
    study = make_study()
    study.clips.add(clip)
    row = stimuli.request_stimulus(clip=clip, system=system, study=study)
    other = stimuli.request_stimulus(clip=clip, system=make_system("silence"), study=study)
    Comparison.objects.create(study=study, clip=clip, stimulus_1=row, stimulus_2=other)
    return study, row


def render(stimulus: Stimulus) -> Stimulus:
    stimuli.render_stimulus(stimulus_id=stimulus.pk, worker="w")
    stimulus.refresh_from_db()
    return stimulus


def files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def test_a_full_disk_is_told_leaves_nothing_and_a_retry_with_room_works(
    tiny_disk: Path, clip: Clip, program: System
) -> None:
    study, row = asked_for(clip, program)
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(tiny_disk).free))
    before = files(tiny_disk)
    assert render(row).state == StimulusState.FAILED
    assert row.error.startswith("The disk is full")
    assert "then retry" in row.error
    assert files(tiny_disk) == before
    ballast.unlink()
    assert stimuli.retry_failed(study=study, by=None) == 1
    assert render(row).state == StimulusState.READY
    assert row.path.stat().st_size == row.file_bytes


def test_room_for_a_part_only_leaves_no_part(tiny_disk: Path, clip: Clip, program: System) -> None:
    _, row = asked_for(clip, program)
    (tiny_disk / "ballast").write_bytes(bytes(shutil.disk_usage(tiny_disk).free - 48 * 1024))
    before = files(tiny_disk)
    assert render(row).state == StimulusState.FAILED
    assert row.error.startswith("The disk is full")
    assert files(tiny_disk) == before


def test_a_program_that_meets_a_full_disk_is_told_alike(clip: Clip, program: System, tmp_path: Path) -> None:
    study, row = asked_for(clip, program)
    (tmp_path / "full").touch()
    assert render(row).state == StimulusState.FAILED
    assert row.error.startswith("The disk is full")
    (tmp_path / "full").unlink()
    assert stimuli.retry_failed(study=study, by=None) == 1
    assert render(row).state == StimulusState.READY
