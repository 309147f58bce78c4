from pathlib import Path

import numpy as np
import pytest

from generation.contracts import GenerationError
from generation.metrics.listening import SYSTEMS, Scored, draw, page, prompts_of, score
from generation.registry import SYSTEMS as KNOWN
from generation.world import write_demo
from tests.generation.metrics.sounds import RATE, clicks, tone


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo(tmp_path_factory.mktemp("demo"), clips=3).parent


@pytest.mark.slow
def test_real_systems_score_clips_and_become_a_page(demo: Path, tmp_path: Path) -> None:
    videos, donors, prompts = prompts_of(demo, 2)
    scored = score(videos, donors, ["ground-truth", "random-shuffle"], prompts, "tiny", "cpu", lambda s, w: None)
    assert [(each.system, each.clip) for each in scored] == [
        (system, video.stem) for system in ("ground-truth", "random-shuffle") for video in videos
    ]
    assert all(len(each.wave) == 10 * RATE for each in scored)
    assert not np.allclose(scored[0].wave, scored[2].wave, atol=0.05)
    pictures = draw(scored, tmp_path / "images")
    text = page(scored, pictures, prompts, "tiny", tmp_path)
    assert "](images/random-shuffle.jpg)" in text
    assert all((tmp_path / "images" / f"{system}.jpg").stat().st_size < 180_000 for system in pictures)
    assert text.count("| `ground-truth` |") == 2
    assert "“hip hop music”" in text


def test_pictures_and_figures_differ_with_the_sound(tmp_path: Path) -> None:
    one = [Scored("v2meow-clip", "a", tone())]
    other = [Scored("v2meow-clip", "a", clicks(120))]
    first, second = draw(one, tmp_path / "1")["v2meow-clip"], draw(other, tmp_path / "2")["v2meow-clip"]
    assert first.read_bytes() != second.read_bytes()
    rows = [
        next(line for line in page(each, {}, {"a": "rock"}, "tiny", tmp_path).splitlines() if "| a |" in line)
        for each in (one, other)
    ]
    assert " 2.0 | " in rows[1]
    assert rows[0] != rows[1]


def test_every_variant_of_v2meow_and_both_references_are_listened_to() -> None:
    """The other baselines are heard in docs/systems.md."""
    assert set(SYSTEMS) == {*(key for key in KNOWN if key.startswith("v2meow")), "ground-truth", "random-shuffle"}


def test_a_folder_without_enough_clips_is_refused(demo: Path, tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match=r"manifest\.csv"):
        prompts_of(tmp_path, 2)
    with pytest.raises(GenerationError, match="needs more clips"):
        prompts_of(demo, 3)
