"""The published model's path, walked by a tiny random pipeline in the published folder layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from generation import registry
from generation.baselines.riffusion.limits import PARTS
from generation.baselines.riffusion.published import load_published
from generation.baselines.riffusion.system import build
from generation.cascade.published.libraries import ready_torchvision
from generation.contracts import ClipFacts, GenerationError, Request

COMMIT = "abc123" * 6 + "abcd"
SETTINGS: dict[str, Any] = {"guidance": "auto", "steps": 2, "model": "", "revision": "main", "download": "no"}
REQUEST = Request("clip", Path("unused.mp4"), duration_s=1.013, seed=3, text="funky bass")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline of Stable Diffusion's classes, eight pixels to a latent, with random weights."""
    ready_torchvision()
    from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    written = tmp_path_factory.mktemp("riffusion-model-v1")
    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    (written / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (written / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(written / "vocab.json"), str(written / "merges.txt"), model_max_length=16)
    text = CLIPTextConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=16, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(4, 4, 4, 4), norm_num_groups=2, latent_channels=4, layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        block_out_channels=(4, 4), layers_per_block=1, cross_attention_dim=16, attention_head_dim=2,
        norm_num_groups=2, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    scheduler = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
    )
    StableDiffusionPipeline(
        vae, CLIPTextModel(text), tokenizer, unet, scheduler, None, None, requires_safety_checker=False
    ).save_pretrained(written)
    return written


def test_a_folder_in_the_published_layout_is_played(folder: Path) -> None:
    told: list[float] = []
    system = build("v1", {**SETTINGS, "model": str(folder)}, "cpu")

    played = system.generate(REQUEST, lambda share, words: told.append(share))

    assert played.waveform.shape == (1, round(1.013 * 44_100))
    assert played.sample_rate_hz == 44_100
    assert np.isfinite(played.waveform).all()
    assert np.abs(played.waveform).max() > 0.1
    picture = cv2.imdecode(np.frombuffer(played.artefacts["spectrogram.png"], np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (512, 128)
    assert told == sorted(told)


def test_the_seed_and_the_text_decide_the_picture(folder: Path) -> None:
    painter = load_published(str(folder), "main", 7.0, 2, "cpu", download=False)

    def paint(text: str, seed: int) -> np.ndarray[Any, Any]:
        return painter.paint(text, 64, seed, lambda share: None)

    assert (paint("funky bass", 1) == paint("funky bass", 1)).all()
    assert (paint("funky bass", 1) != paint("funky bass", 2)).any()
    assert (paint("funky bass", 1) != paint("slow jazz", 1)).any()


def test_a_folder_that_does_not_exist_is_named() -> None:
    with pytest.raises(GenerationError, match=r"nowhere/at/all.*does not exist.*set `model`"):
        build("v1", {**SETTINGS, "model": "nowhere/at/all"}, "cpu")


def test_an_empty_folder_is_no_pipeline(tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match=r"holds no whole diffusers pipeline.*copy the model there again"):
        build("v1", {**SETTINGS, "model": str(tmp_path)}, "cpu")


def test_a_folder_without_its_unet_is_no_whole_pipeline(folder: Path, tmp_path: Path) -> None:
    for part in ("vae", "text_encoder", "tokenizer", "scheduler", "model_index.json"):
        (tmp_path / part).symlink_to(folder / part)
    with pytest.raises(GenerationError, match="holds no whole diffusers pipeline"):
        build("v1", {**SETTINGS, "model": str(tmp_path)}, "cpu")


def test_a_hub_id_that_was_never_downloaded_says_how_to_get_it() -> None:
    with pytest.raises(GenerationError, match=r"not in this machine's hub cache.*`download` to yes.*`model`"):
        build("v1", {**SETTINGS, "model": "riffusion/no-such-model"}, "cpu")


def test_a_hub_out_of_reach_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*args: object, **kwargs: object) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setattr("socket.socket.connect", closed)
    monkeypatch.setattr("socket.getaddrinfo", closed)
    with pytest.raises(GenerationError, match=r"could not be downloaded.*check the network"):
        build("v1", {**SETTINGS, "model": "riffusion/no-such-model", "download": "yes"}, "cpu")


def test_without_diffusers_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "diffusers", None)
    with pytest.raises(GenerationError, match=r"needs diffusers.*pip install"):
        build("v1", {**SETTINGS, "model": "riffusion/riffusion-model-v1"}, "cpu")


@pytest.fixture
def hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The hub id of a model that lies in a cache of the test's own, at ``COMMIT``."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    held = tmp_path / "models--riffusion--riffusion-model-v1"
    (held / "refs").mkdir(parents=True)
    (held / "refs" / "main").write_text(COMMIT)
    (held / "snapshots").mkdir()
    (held / "snapshots" / COMMIT).symlink_to(folder)
    return "riffusion/riffusion-model-v1"


def test_a_changed_file_in_the_folder_changes_what_the_cache_knows(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{}")
    (tmp_path / "unet").mkdir()
    weights = tmp_path / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(b"one")
    before = digest(model=str(tmp_path))
    assert digest(model=str(tmp_path)) == before
    weights.write_bytes(b"other")
    assert digest(model=str(tmp_path)) != before


def test_what_a_pipeline_does_not_hold_is_not_looked_at(folder: Path, tmp_path: Path) -> None:
    for part in (*PARTS, "model_index.json"):
        (tmp_path / part).symlink_to(folder / part)
    before = digest(model=str(tmp_path))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "deep.txt").write_text("not of the model")
    assert digest(model=str(tmp_path)) == before


def test_a_folder_that_is_no_pipeline_is_refused_before_it_is_listed() -> None:
    with pytest.raises(GenerationError, match=r"'/usr' holds no whole diffusers pipeline \(model_index.json"):
        digest(model="/usr")


def test_a_model_of_the_hub_is_known_by_what_was_asked_for_not_by_what_was_fetched(
    hub: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = digest(model=hub)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "empty"))
    assert digest(model=hub) == here
    assert digest(model=hub, revision="v1.1") != here
    assert digest(model="riffusion/other") != here
    with pytest.raises(GenerationError, match="revision is empty"):
        digest(model=hub, revision=" ")


def test_tiny_does_not_ask_about_the_published_model() -> None:
    assert digest("tiny", model="/usr") == digest("tiny", model="riffusion/other", revision="v1.1")


def test_the_commit_that_played_is_kept_beside_the_sound(hub: str) -> None:
    played = build("v1", {**SETTINGS, "model": hub}, "cpu").generate(REQUEST, lambda share, words: None)
    assert json.loads(played.artefacts["model.json"]) == {"model": hub, "revision": "main", "commit": COMMIT}


def digest(preset: str = "v1", **chosen: str) -> str:
    facts = ClipFacts("clip", 10.0, frozenset(), "funky bass")
    return registry.inputs_digest("riffusion", preset, facts, chosen)
