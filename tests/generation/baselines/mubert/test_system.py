from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from generation.baselines.mubert import system
from generation.baselines.mubert.account import API, Account
from generation.baselines.mubert.client import Patience
from generation.baselines.mubert.system import Mubert
from generation.contracts import ClipFacts, Failed, GenerationError, Request
from generation.text.weights import files

from .conftest import Answer, Service

SETTINGS = {"intensity": "medium", "bitrate_kbps": 320}
DONE = Answer(200, "done.json")


def request(text: str | None, duration_s: float = 9.5) -> Request:
    return Request("forest", Path("unused.mp4"), duration_s, 0, text)


def facts(caption: str) -> ClipFacts:
    return ClipFacts("forest", 10.0, frozenset(), caption)


@pytest.fixture
def mubert(account: Account, patience: Patience) -> Mubert:
    return Mubert(account, "medium", 320, patience)


def test_tags_of_the_caption_are_ordered_and_the_track_is_cut_to_the_clip(
    service: Service, mubert: Mubert, mp3: bytes
) -> None:
    service.answers = [DONE]
    service.file = Answer(200, mp3)
    said: list[str] = []
    soundtrack = mubert.generate(request("a house party at a club"), lambda share, what: said.append(what))
    assert soundtrack.waveform.shape == (2, 456_000)
    assert np.abs(soundtrack.waveform).max() > 0.05
    tags = json.loads(soundtrack.artefacts["tags.json"])
    assert {"house", "club"} <= {match["tag"] for match in tags["tags"]}
    assert service.ordered()["prompt"] == tags["prompt"] == ", ".join(match["tag"] for match in tags["tags"])
    assert service.ordered()["duration"] == 10
    assert soundtrack.artefacts["mubert.mp3"] == mp3
    assert "fetching the track" in said


def test_no_less_is_ordered_than_the_service_makes(service: Service, mubert: Mubert, mp3: bytes) -> None:
    service.answers = [DONE]
    service.file = Answer(200, mp3)
    assert mubert.generate(request("techno", 2.0), lambda share, what: None).duration_s == 2.0
    assert service.ordered()["duration"] == 5


def test_a_track_that_is_too_short_is_refused(service: Service, mubert: Mubert, mp3: bytes) -> None:
    service.answers = [DONE]
    service.file = Answer(200, mp3)
    with pytest.raises(GenerationError, match=r"Mubert's track lasts 11\.\d+ s and the clip 20.00 s"):
        mubert.generate(request("techno", 20.0), lambda share, what: None)


def test_a_file_that_is_not_audio_is_refused(service: Service, mubert: Mubert) -> None:
    service.answers = [DONE]
    service.file = Answer(200, b"<html>expired</html>")
    with pytest.raises(
        Failed, match=r"not audio that can be read \(20 bytes\).*; track 6f0c2d1e.* ordered"
    ) as failed:
        mubert.generate(request("techno"), lambda share, what: None)
    assert failed.value.artefacts["mubert.mp3"] == b"<html>expired</html>"
    assert "mubert-order.json" in failed.value.artefacts


@pytest.mark.parametrize("text", [None, "  "])
def test_without_a_caption_nothing_is_ordered(service: Service, mubert: Mubert, text: str | None) -> None:
    with pytest.raises(GenerationError, match="forest has no caption"):
        mubert.generate(request(text), lambda share, what: None)
    assert not service.asked


def test_planning_refuses_settings_and_missing_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUBERT_CUSTOMER_ID", "one")
    monkeypatch.setenv("MUBERT_ACCESS_TOKEN", "two")
    assert system.refusal(facts("techno"), SETTINGS) is None
    assert "intensity 'loud'" in (system.refusal(facts("techno"), {**SETTINGS, "intensity": "loud"}) or "")
    assert "bitrate_kbps 100" in (system.refusal(facts("techno"), {**SETTINGS, "bitrate_kbps": 100}) or "")
    monkeypatch.delenv("MUBERT_ACCESS_TOKEN")
    assert "MUBERT_ACCESS_TOKEN" in (system.refusal(facts("techno"), SETTINGS) or "")
    with pytest.raises(GenerationError, match="MUBERT_ACCESS_TOKEN"):
        system.build("default", SETTINGS, "cpu")


def test_the_cache_knows_the_address_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUBERT_API_URL", raising=False)
    assert system.inputs(facts("techno"), SETTINGS) == (API, *files())
    monkeypatch.setenv("MUBERT_API_URL", "https://proxy.example")
    assert system.inputs(facts("techno"), SETTINGS) == ("https://proxy.example", *files())


def test_planning_needs_no_torch() -> None:
    plan = "import sys, generation.baselines.mubert.system; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", plan], check=True, timeout=60)
