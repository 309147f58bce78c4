from __future__ import annotations

from pathlib import Path

import ffmpeg
import numpy as np
import pytest

from generation import registry
from generation.contracts import ClipFacts, GenerationError, Request, Soundtrack
from generation.media.command import run, url
from generation.media.decode import write_wav

from .conftest import tone


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Finished files of an outside model: forest is 1 s long."""
    write_wav(tmp_path / "finished" / "forest.wav", tone(0), 48_000)
    return tmp_path / "finished"


def settings(folder: Path) -> dict[str, str]:
    return {"folder": str(folder), "model": "Outside 2.1"}


def refusal(clip: str, duration_s: float, folder: Path) -> str | None:
    return registry.refusal("imported", ClipFacts(clip, duration_s, frozenset()), settings(folder))


def generate(clip: str, duration_s: float, folder: Path) -> Soundtrack:
    system = registry.build("imported", "default", settings(folder))
    return system.generate(Request(clip, Path("unused.mp4"), duration_s, 0), lambda share, what: None)


def test_plays_the_file_named_after_the_clip(folder: Path) -> None:
    assert refusal("forest", 1.0, folder) is None
    heard = generate("forest", 1.0, folder)
    assert np.array_equal(heard.waveform, tone(0))


@pytest.mark.parametrize("suffix", [".aif", ".aiff", ".caf", ".au"])
def test_formats_of_studios_are_taken(folder: Path, suffix: str) -> None:
    source = ffmpeg.input(str(folder / "forest.wav")).audio
    run(source.output(url(folder / f"market{suffix}"), acodec="pcm_s16be"))
    assert refusal("market", 1.0, folder) is None
    assert np.abs(generate("market", 1.0, folder).waveform - tone(0)).max() < 1e-3


def test_is_cut_and_padded_within_half_a_second(folder: Path) -> None:
    assert generate("forest", 0.5, folder).waveform.shape == (2, 24_000)
    assert generate("forest", 1.4, folder).waveform.shape == (2, 67_200)
    assert refusal("forest", 1.4, folder) is None


def test_too_short_file_is_refused_with_both_lengths(folder: Path) -> None:
    sentence = refusal("forest", 10.0, folder)
    assert sentence is not None
    assert "forest.wav lasts 1.00 s and the clip 10.00 s" in sentence
    with pytest.raises(GenerationError, match=r"forest\.wav lasts 1\.00 s and the clip 10\.00 s"):
        generate("forest", 10.0, folder)


def test_missing_doubled_and_broken_files_are_named(folder: Path) -> None:
    missing = refusal("harbour", 1.0, folder)
    assert missing is not None
    assert "finished holds no file named harbour" in missing
    (folder / "forest.mp3").write_text("x")
    doubled = refusal("forest", 1.0, folder)
    assert doubled is not None
    assert "several files for forest: forest.mp3, forest.wav" in doubled
    (folder / "market.wav").write_text("not audio")
    broken = refusal("market", 1.0, folder)
    assert broken is not None
    assert "market.wav is not a media file" in broken


@pytest.mark.parametrize(("missing", "other"), [("folder", "model"), ("model", "folder")])
def test_both_settings_are_needed(missing: str, other: str) -> None:
    sentence = registry.refusal("imported", ClipFacts("forest", 1.0, frozenset()), {other: "x"})
    assert sentence is not None
    assert f"needs the setting `{missing}`" in sentence
    with pytest.raises(GenerationError, match=f"needs the setting `{missing}`"):
        registry.build("imported", "default", {other: "x"})


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    sentence = refusal("forest", 1.0, tmp_path / "nowhere")
    assert sentence is not None
    assert "nowhere' does not exist" in sentence


def test_replaced_file_changes_the_digest_of_the_inputs(folder: Path) -> None:
    facts = ClipFacts("forest", 1.0, frozenset())
    before = registry.inputs_digest("imported", "default", facts, settings(folder))
    assert before == registry.inputs_digest("imported", "default", facts, settings(folder))
    write_wav(folder / "forest.wav", tone(1), 48_000)
    assert registry.inputs_digest("imported", "default", facts, settings(folder)) != before
