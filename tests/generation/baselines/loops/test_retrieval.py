from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from generation import registry
from generation.baselines.loops import retrieval
from generation.baselines.loops.library import SHIPPED, read_loops
from generation.contracts import ClipFacts, GenerationError, Request, Soundtrack
from generation.text.weights import files

from .conftest import ROWS

SETTINGS = {"library": ""}


def play(text: str | None, duration_s: float = 10.0, seed: int = 0, library: str = "") -> Soundtrack:
    system = retrieval.build("default", {"library": library}, "cpu")
    return system.generate(Request("forest", Path("unused.mp4"), duration_s, seed, text), lambda share, what: None)


def facts(caption: str) -> ClipFacts:
    return ClipFacts("forest", 10.0, frozenset(), caption)


@pytest.mark.parametrize(
    ("prompt", "family"),
    [
        ("a club banger with a four on the floor kick", "house"),
        ("slow reggae with an offbeat organ", "reggae"),
        ("heavy metal with distorted guitars", "rock"),
        ("epic orchestral trailer", "score"),
        ("calm music for meditation", "ambient"),
        ("swing jazz trio with double bass", "jazz"),
        # Not to be heard as a house: the tags are compared as kinds of music.
        ("frantic drum and bass for a racing game", "break"),
    ],
)
def test_the_prompt_decides_what_is_played(prompt: str, family: str) -> None:
    said = json.loads(play(prompt).artefacts["arrangement.json"])
    files = {row["file"] for row in said["loops"]}
    assert all(file.startswith(f"{family}-") for file in files)
    assert len(files) >= 3


def test_the_arrangement_says_what_sounds_when_and_that_it_is_not_mubert() -> None:
    soundtrack = play("lo-fi beats to study to", 9.3)
    said = json.loads(soundtrack.artefacts["arrangement.json"])
    assert said["system"] == "loop retrieval, not Mubert"
    assert (said["bpm"], said["key"]) == (84, "D minor")
    assert len(said["tags"]) == 3
    assert {"lo-fi", "study"} & {match["tag"] for match in said["tags"]}
    assert soundtrack.waveform.shape == (2, 446_400)
    for row in said["loops"]:
        assert row["start_s"] / (said["bar_s"] / 2) == pytest.approx(
            round(row["start_s"] / (said["bar_s"] / 2)), abs=1e-3
        )
        assert row["licence"] == "CC0-1.0"
    first = min(row["start_s"] for row in said["loops"])
    opening = {row["role"] for row in said["loops"] if row["start_s"] == first}
    assert first == 0
    assert opening < {row["role"] for row in said["loops"]}


def test_the_music_is_sound_throughout_and_fades_at_the_end() -> None:
    wave = play("uplifting house music", 12.0).waveform
    level = np.sqrt(np.square(wave).mean(0).reshape(48, -1).mean(1))
    assert np.isfinite(wave).all()
    assert np.abs(wave).max() <= 0.9
    assert level[:38].min() > 0.003
    assert level[-1] < 0.1 * level[:40].max()


def test_a_seed_gives_the_same_samples_and_another_gives_others() -> None:
    first, again, other = (play("disco party", seed=seed).waveform for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_researchers_own_library_is_played(library: Path) -> None:
    said = json.loads(play("techno", 12.0, library=str(library)).artefacts["arrangement.json"])
    assert {row["file"] for row in said["loops"]} == {row[0] for row in ROWS}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(None, "forest has no caption"), (" ", "forest has no caption"), ("весёлая музыка", "script")],
)
def test_a_prompt_that_cannot_be_read_is_refused_before_and_during(text: str | None, sentence: str) -> None:
    with pytest.raises(GenerationError, match=sentence):
        play(text)
    assert sentence in (registry.refusal("loop-retrieval", facts(text or ""), SETTINGS) or "")


def test_planning_refuses_a_library_with_a_file_that_is_not_sound(library: Path) -> None:
    settings = {"library": str(library)}
    assert retrieval.refusal(facts("techno"), settings) is None
    assert retrieval.refusal(facts("techno"), SETTINGS) is None
    (library / "keys.wav").write_text("not sound")
    assert "keys.wav is not audio" in (retrieval.refusal(facts("techno"), settings) or "")
    (library / "loops.csv").unlink()
    assert "holds no loops.csv" in (retrieval.refusal(facts("techno"), settings) or "")
    with pytest.raises(GenerationError, match=r"holds no loops.csv"):
        retrieval.build("default", settings, "cpu")


def test_the_cache_knows_the_table_and_every_file_of_it(library: Path) -> None:
    own = retrieval.inputs(facts("techno"), {"library": str(library)})
    assert own == (library / "loops.csv", *(library / row[0] for row in ROWS), *files())
    shipped = retrieval.inputs(facts("techno"), SETTINGS)
    assert shipped[0] == SHIPPED / "loops.csv"
    assert len(shipped) == 1 + len(read_loops("")) + len(files())


def test_planning_needs_no_torch() -> None:
    plan = "import sys, generation.baselines.loops.retrieval; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", plan], check=True, timeout=60)
