"""Systems that misbehave, or read text: written here as somebody else would, and run through the real registry."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from generation import registry
from generation.contracts import SystemSpec
from studyapp.actions import stimuli
from studyapp.models import Clip, Stimulus
from studyapp.states import StimulusState
from studyapp.work import device, rendering
from tests.studyapp.factories import make_study, make_system

OUTSIDER = """
from dataclasses import dataclass
import numpy as np
from generation.contracts import OutOfMemory, Soundtrack

built = []

@dataclass
class Outsider:
    mood: str
    device: str

    def generate(self, request, progress):
        progress(0.5, "playing")
        if self.mood == "hungry" and self.device == "cuda":
            raise OutOfMemory("the device ran out of memory")
        if self.mood == "broken":
            raise ZeroDivisionError("a line nobody tested")
        if self.mood == "silent":
            return Soundtrack(np.zeros((1, 16000), np.float32), 16000)
        # The pitch tells which text was read.
        pitch = 200 + 10 * len(request.text or "")
        seconds = np.arange(16000) / 16000
        tone = 0.3 * np.sin(2 * np.pi * pitch * seconds)
        return Soundtrack(tone[None].astype(np.float32), 16000, {"score.txt": str(request.text).encode()})

def build(preset, settings, device):
    built.append(device)
    return Outsider(settings["mood"], device)

def refusal(facts, settings):
    return None
"""


@pytest.fixture(autouse=True)
def outsider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "duet_outsider.py").write_text(OUTSIDER)
    monkeypatch.syspath_prepend(str(tmp_path))
    for key, reads_text in (("deaf-outsider", False), ("reading-outsider", True)):
        spec = SystemSpec(
            key=key,
            label=key,
            factory="duet_outsider:build",
            refusal="duet_outsider:refusal",
            sources=("contracts.py",),
            settings={"mood": "calm"},
            reads_text=reads_text,
            needs_accelerator=True,
        )
        monkeypatch.setitem(registry.SYSTEMS, key, spec)
    rendering._player.cache_clear()
    yield
    rendering._player.cache_clear()
    sys.modules.pop("duet_outsider", None)


@pytest.fixture
def render(clip: Clip) -> Callable[..., Stimulus]:
    def rendered(key: str = "deaf-outsider", mood: str = "calm") -> Stimulus:
        study = make_study()
        study.clips.add(clip)
        row = stimuli.request_stimulus(clip=clip, system=make_system(key, settings={"mood": mood}), study=study)
        stimuli.render_stimulus(stimulus_id=row.pk, worker="w")
        row.refresh_from_db()
        return row

    return rendered


pytestmark = pytest.mark.django_db(transaction=True)


def test_only_a_system_that_reads_text_is_given_the_caption(render: Callable[..., Stimulus]) -> None:
    deaf, reading = render("deaf-outsider"), render("reading-outsider")
    assert (deaf.error, reading.error) == ("", "")
    assert (deaf.text, reading.text) == ("", "ten letters")
    scores = [(Path(settings.MEDIA_ROOT) / row.artefacts["score.txt"]).read_text() for row in (deaf, reading)]
    assert scores == ["None", "ten letters"]
    assert deaf.file_sha256 != reading.file_sha256


def test_another_caption_is_another_stimulus_only_where_text_is_read(clip: Clip) -> None:
    study = make_study()
    study.clips.add(clip)
    systems = [make_system(key) for key in ("deaf-outsider", "reading-outsider")]
    before = [stimuli.request_stimulus(clip=clip, system=system, study=study).key for system in systems]
    clip.caption = "other words"
    after = [stimuli.request_stimulus(clip=clip, system=system, study=study).key for system in systems]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False]


def test_out_of_memory_is_tried_again_with_the_device_emptied_and_then_on_the_processor(
    render: Callable[..., Stimulus], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "device", lambda: "cuda")
    row = render(mood="hungry")
    import duet_outsider  # type: ignore[import-not-found]

    assert duet_outsider.built == ["cuda", "cuda", "cpu"]
    assert (row.state, row.error, row.attempt) == (StimulusState.READY, "", 1)
    assert row.environment["device"] == "cpu"


def test_bug_in_a_system_is_told_in_the_row_and_stops_no_worker(
    render: Callable[..., Stimulus], caplog: pytest.LogCaptureFixture
) -> None:
    row = render(mood="broken")
    assert row.state == StimulusState.FAILED
    assert row.error == "Unexpected ZeroDivisionError: a line nobody tested. The worker's log has the details."
    assert "Traceback" in caplog.text


def test_silent_soundtrack_is_refused_with_a_sentence(render: Callable[..., Stimulus]) -> None:
    row = render(mood="silent")
    assert row.state == StimulusState.FAILED
    assert "silent or too quiet" in row.error
