"""The course at micro size: every phase runs, learns, and writes weights that load."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from generation.baselines.riffusion.network import Painter, TinyConfig
from generation.baselines.riffusion.training import (
    Course,
    captions_of,
    encoded,
    make_pictures,
    scaled,
    train,
    train_codec,
)
from generation.cascade.checkpoint import fingerprint, load_part, read_notes
from generation.world.piece import plan

SMALL = TinyConfig(encoder=16, decoder=16, refiner=2, widths=(8, 8, 16, 16), condition=16)
MICRO = Course(pieces=2, codec_steps=2, codec_batch=2, short_steps=1, steps=1, again_steps=1, batch=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("riffusion")
    make_pictures(made, MICRO.first_seed, MICRO.pieces)
    return made


def test_a_course_ends_in_weights_that_load(folder: Path, tmp_path: Path) -> None:
    written = train(folder, tmp_path / "tiny.safetensors", MICRO, SMALL)

    painter = Painter(SMALL)
    load_part(written, painter, config=SMALL.words())
    notes = read_notes(written)
    assert (notes["steps"], notes["seed"]) == ("3", "0")
    assert json.loads(notes["config"])["widths"] == [8, 8, 16, 16]
    assert float(notes["loss"]) > 0


def test_one_seed_gives_the_same_weights(folder: Path, tmp_path: Path) -> None:
    def trained(course: Course) -> str:
        return fingerprint(load_file(train(folder, tmp_path / "tiny.safetensors", course, SMALL)))

    first = trained(MICRO)
    assert trained(MICRO) == first
    assert trained(replace(MICRO, seed=1)) != first


def test_pictures_are_made_once(folder: Path) -> None:
    (path,) = folder.glob("*.npy")
    before = path.stat().st_mtime_ns
    pictures = make_pictures(folder, MICRO.first_seed, MICRO.pieces)
    assert path.stat().st_mtime_ns == before
    assert pictures.shape == (2, 512, 1000)
    assert (pictures[0] != pictures[1]).any()


def test_the_codec_learns_pictures(folder: Path) -> None:
    pictures = make_pictures(folder, MICRO.first_seed, MICRO.pieces)
    torch.manual_seed(0)
    painter = Painter(SMALL)
    course = replace(MICRO, codec_steps=120, codec_batch=4, codec_rate=1e-2)
    train_codec(painter, pictures, course)

    wanted = scaled(torch.from_numpy(pictures[0, :, :256].copy())[None, None])
    with torch.inference_mode():
        painted = painter.codec.decode(painter.codec.encode(wanted))
    flat = (wanted - wanted.mean()).abs().mean()
    assert float((painted - wanted).abs().mean()) < 0.6 * float(flat)
    assert encoded(painter, pictures[:1]).shape == (1, 8, 64, 125)


def test_a_piece_has_several_names_that_tell_its_genre() -> None:
    piece = plan(1_000_000)
    said = captions_of(piece, np.random.default_rng(0))
    assert len(said) == 6
    assert len(set(said)) >= 5
    assert said[-2:] == [piece.caption, piece.genre.name.lower()]
