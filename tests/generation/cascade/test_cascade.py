"""The networks of a preset belong together, and are shared."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import torch

from generation.cascade.cascade import LEARNS_FROM, PARTS, Cascade, shared_cascade
from generation.cascade.checkpoint import part_path, save_part
from generation.cascade.looking import Kept
from generation.contracts import GenerationError
from tests.generation.cascade.micro import micro_cascade, micro_preset


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder with every part of the micro preset, each remembering whom it learnt from."""
    preset, cascade = micro_preset(), micro_cascade()
    for part, build in PARTS.items():
        module = build(preset)
        module.load_state_dict(cascade._parts[part].state_dict())
        notes = {"learnt_from": json.dumps(cascade.identities(LEARNS_FROM.get(part, ())))}
        save_part(part_path(preset.name, part, tmp_path), module, config=preset.config_of(part), notes=notes)
    return tmp_path


def test_parts_that_were_trained_together_load(weights: Path) -> None:
    cascade = Cascade(micro_preset(), folder=weights)
    cascade.load(PARTS)
    books = cascade.codec.codebooks
    told = cascade.stage3.codes.books[0]
    assert torch.allclose(told, books[2] / books[2].std(), atol=1e-5), "stages read codes as the codec's vectors"


@pytest.mark.parametrize(("stage", "teacher"), [("stage1", "semantic"), ("stage1", "clip"), ("stage3", "codec")])
def test_a_stage_beside_a_stranger_is_refused_by_name(weights: Path, stage: str, teacher: str) -> None:
    preset = micro_preset()
    stranger = PARTS[teacher](preset)
    save_part(part_path(preset.name, teacher, weights), stranger, config=preset.config_of(teacher), notes={})
    with pytest.raises(GenerationError, match=f"the weights of {stage} were trained with another {teacher}"):
        Cascade(preset, folder=weights).load([teacher, stage])


def test_a_decoder_that_was_trained_on_alone_is_no_stranger(weights: Path) -> None:
    preset = micro_preset()
    codec = micro_cascade().codec
    with torch.no_grad():
        for parameter in codec.get_submodule("decoder").parameters():
            parameter.add_(1.0)
    save_part(part_path(preset.name, "codec", weights), codec, config=preset.config_of("codec"), notes={})
    Cascade(preset, folder=weights).load(["codec", "stage2", "stage3"])


def test_variants_of_a_process_share_one_cascade(weights: Path) -> None:
    first = shared_cascade(micro_preset(), "cpu", weights)
    assert shared_cascade(micro_preset(), "cpu", weights) is first
    assert first.stage1 is shared_cascade(micro_preset(), "cpu", weights).stage1


def test_threads_that_load_at_once_load_each_part_once(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's threads play variants that share one cascade."""
    read: list[str] = []
    plain = Cascade._read

    def slowly(cascade: Cascade, part: str) -> tuple[torch.nn.Module, dict[str, str]]:
        read.append(part)
        time.sleep(0.02)
        return plain(cascade, part)

    monkeypatch.setattr(Cascade, "_read", slowly)
    wanted = [
        ["stage1", "clip", "semantic"],
        ["codec", "stage2", "clip"],
        ["stage3", "vit", "semantic", "codec"],
    ] * 2
    at_once = Barrier(len(wanted))

    def load(parts: list[str]) -> Cascade:
        at_once.wait()
        cascade = shared_cascade(micro_preset(), "cpu", weights)
        cascade.load(parts)
        return cascade

    with ThreadPoolExecutor(len(wanted)) as threads:
        found = list(threads.map(load, wanted))
    assert len(set(map(id, found))) == 1
    assert sorted(read) == sorted({part for parts in wanted for part in parts})


def test_threads_that_look_at_one_video_have_it_looked_at_once() -> None:
    made: list[int] = []
    kept: Kept[int] = Kept(1)

    def get(key: int) -> int:
        def make() -> int:
            made.append(key)
            time.sleep(0.02)
            return key

        return kept.get(key, make)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(get, [7] * 4)) == [7] * 4
        assert made == [7]
        # With room for one, what another thread has just had made may be gone; nobody is handed nothing.
        assert list(threads.map(get, [1, 2] * 6)) == [1, 2] * 6
