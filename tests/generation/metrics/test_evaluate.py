"""The whole evaluation with a cascade that knows nothing, on eight clips."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from generation.cascade.training.shards import Shards
from generation.contracts import GenerationError
from generation.metrics.clips import First
from generation.metrics.evaluate import SYSTEMS, evaluate, write_results
from generation.metrics.soundtracks import Player
from generation.metrics.tables import markdown
from tests.generation.cascade.micro import micro_cascade
from tests.generation.metrics.conftest import CLIPS

CHOSEN = ("v2meow-clip-i3d", "v2meow-clip-audio-stage2", "v2meow-clip-i3d-text")


@pytest.mark.slow
def test_untrained_cascade_is_evaluated_and_its_own_music_wins(
    held_out: Shards, training_music: Shards, tmp_path: Path
) -> None:
    results = evaluate(micro_cascade(), CHOSEN, held_out, training_music, CLIPS, tmp_path)
    assert [each.name for each in results.systems] == ["own music", "v2meow-clip-i3d", "v2meow-clip-audio-stage2"]
    own, played = results.systems[:2]
    assert own.following.own_genre.own > 0.6 > played.following.own_genre.own
    assert own.following.motion.own > 0.5
    assert own.sound.fad is not None
    assert played.sound.fad is not None
    assert own.sound.fad < played.sound.fad
    assert list(results.steering) == ["v2meow-clip-i3d-text"]
    first, last = results.tokens[0], results.tokens[-1]
    assert [(each.stage, each.seen) for each in (first, last)] == [("1", "clip + i3d"), ("3", "")]
    assert [each.stage for each in results.tokens] == ["1", "1", "2", "2, decoder only", "3"]
    assert first.other is not None
    assert last.other is None
    # A codebook of 16 vectors, guessed at by an untrained stage.
    assert last.own.nats > 1
    assert last.own.accuracy < 0.3
    assert [each.levels for each in results.codec] == [2, 4]
    table = markdown(results)
    assert "`v2meow-clip-audio-stage2`" in table
    assert "own minus other video: motion" in table
    figures, page = write_results(results, tmp_path, table)
    assert json.loads(figures.read_text())["clips"] == CLIPS
    assert page.read_text() == table


def test_soundtracks_that_are_there_are_not_written_again(
    held_out: Shards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = Player(micro_cascade(), First(held_out, 3), tmp_path)
    fresh = player.soundtracks("v2meow-clip")
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(Player, "_played", None)
    for before, after in zip(fresh, player.soundtracks("v2meow-clip"), strict=True):
        assert np.array_equal(before, after)


def test_other_weights_and_other_prompts_are_not_taken_for_the_same(held_out: Shards, tmp_path: Path) -> None:
    cascade = micro_cascade()
    clips = First(held_out, 2)
    Player(cascade, clips, tmp_path).soundtracks("v2meow-clip-text", ["rock", "reggae"])
    Player(cascade, clips, tmp_path).soundtracks("v2meow-clip-text", ["rock", "rock"])
    assert len(list(tmp_path.iterdir())) == 2
    with torch.no_grad():
        cascade.stage1.score_bias.add_(1)
    Player(cascade, clips, tmp_path).soundtracks("v2meow-clip-text", ["rock", "rock"])
    assert len(list(tmp_path.iterdir())) == 3


def test_batches_do_not_change_what_is_played(held_out: Shards, tmp_path: Path) -> None:
    cascade, clips = micro_cascade(), First(held_out, 3)
    alone = Player(cascade, clips, tmp_path / "alone", batch=1).soundtracks("v2meow-vit-i3d")
    together = Player(cascade, clips, tmp_path / "together", batch=3).soundtracks("v2meow-vit-i3d")
    for first, second in zip(alone, together, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-3)


def test_what_cannot_be_evaluated_is_refused(held_out: Shards, training_music: Shards, tmp_path: Path) -> None:
    cascade = micro_cascade()
    with pytest.raises(GenerationError, match=r"cmt cannot be evaluated; there are v2meow-clip"):
        evaluate(cascade, ["cmt"], held_out, None, CLIPS, tmp_path)
    with pytest.raises(GenerationError, match="music alone"):
        evaluate(cascade, ["v2meow-clip"], training_music, None, CLIPS, tmp_path)
    with pytest.raises(GenerationError, match="at least 8"):
        evaluate(cascade, ["v2meow-clip"], held_out, None, 3, tmp_path)


def test_every_variant_is_evaluated_by_default() -> None:
    assert len(SYSTEMS) == 8
