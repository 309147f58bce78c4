from pathlib import Path

import numpy as np
import pytest
import torch

from generation.cascade.clap import CLAP_RELEASE, Clap, ClapConfig, clap_filters, load_clap, log_mel
from generation.cascade.published.strict import published_shapes
from generation.cascade.time_grid import TimeGrid
from generation.contracts import GenerationError

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

SMALL = ClapConfig(
    dim=8,
    sound_dim=64,
    patch_dim=8,
    depths=(1, 1, 1, 1),
    sound_heads=(1, 1, 2, 2),
    text_dim=12,
    text_layers=1,
    text_heads=2,
    text_feed_forward=16,
    vocabulary=300,
    text_tokens=16,
    words_room=40_000,
)


@pytest.fixture(scope="module")
def clap() -> Clap:
    torch.manual_seed(0)
    return Clap(TimeGrid(), SMALL).eval()


@pytest.fixture(scope="module")
def files(clap: Clap, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights under the published names, and a table of all bytes beside them."""
    folder = tmp_path_factory.mktemp("clap")
    tensors = {
        name.removeprefix("network."): value for name, value in clap.state_dict().items() if name != "words"
    }
    tensors["text_model.embeddings.position_ids"] = torch.arange(18)[None]
    torch.save(tensors, folder / "pytorch_model.bin")
    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    table = tokenizers.Tokenizer(
        tokenizers.models.BPE(
            vocab={word: at for at, word in enumerate(["<s>", "<pad>", "</s>", *letters])}, merges=[]
        )
    )
    table.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    table.post_processor = tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    table.save(str(folder / "tokenizer.json"))
    return folder


def test_bands_are_those_that_clap_was_taught() -> None:
    wave = 0.3 * np.random.default_rng(0).standard_normal(480_000).astype(np.float32)
    extractor = transformers.ClapFeatureExtractor(frequency_min=50, truncation="rand_trunc")
    theirs = extractor(wave, sampling_rate=48_000, return_tensors="np")["input_features"][0, 0]
    ours = log_mel(torch.from_numpy(wave)[None], clap_filters())[0]
    np.testing.assert_allclose(ours.numpy(), theirs, atol=2e-3)


def test_published_weights_and_words_load_whole(clap: Clap, files: Path) -> None:
    fresh = Clap(TimeGrid(), SMALL).eval()
    load_clap(files / "pytorch_model.bin", fresh)
    wave = 0.1 * torch.randn(1, 16_000 * 3, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(fresh.embed_audio(wave), clap.embed_audio(wave))
        said = fresh.embed_text(["slow reggae", "勢いのあるロック", "rock " * 1000])
    assert said.shape == (3, 8)
    torch.testing.assert_close(said.norm(dim=1), torch.ones(3))


def test_music_of_any_length_is_heard(clap: Clap) -> None:
    wave = 0.1 * torch.randn(2, 16_000 * 21, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        for seconds in (0.5, 4, 21):
            heard = clap.embed_audio(wave[:, : int(16_000 * seconds)])
            torch.testing.assert_close(heard.norm(dim=1), torch.ones(2))


def test_a_part_keeps_its_words(clap: Clap, files: Path) -> None:
    first, second = Clap(TimeGrid(), SMALL).eval(), Clap(TimeGrid(), SMALL).eval()
    load_clap(files / "pytorch_model.bin", first)
    second.load_state_dict(first.state_dict(), strict=True)
    with torch.inference_mode():
        torch.testing.assert_close(second.embed_text(["rock"]), first.embed_text(["rock"]))


def test_text_without_a_table_of_words_is_refused(clap: Clap) -> None:
    with pytest.raises(GenerationError, match=r"tokenizer\.json"):
        clap.embed_text(["rock"])


def test_a_missing_table_of_words_is_named(files: Path, tmp_path: Path) -> None:
    lonely = tmp_path / "pytorch_model.bin"
    lonely.write_bytes((files / "pytorch_model.bin").read_bytes())
    with pytest.raises(GenerationError, match=r"tokenizer\.json"):
        load_clap(lonely, Clap(TimeGrid(), SMALL))


def test_faults_of_a_file_are_named(files: Path, tmp_path: Path) -> None:
    tensors = torch.load(files / "pytorch_model.bin", weights_only=True)
    del tensors["text_projection.linear1.bias"]
    tensors["audio_projection.linear1.bias"] = torch.zeros(3)
    tensors["surprise"] = torch.zeros(1)
    torch.save(tensors, tmp_path / "pytorch_model.bin")
    (tmp_path / "tokenizer.json").write_bytes((files / "tokenizer.json").read_bytes())
    with pytest.raises(GenerationError) as caught:
        load_clap(tmp_path / "pytorch_model.bin", Clap(TimeGrid(), SMALL))
    for name in ("text_projection.linear1.bias", "audio_projection.linear1.bias", "surprise"):
        assert name in str(caught.value)


def test_an_empty_text_is_refused(clap: Clap) -> None:
    with pytest.raises(ValueError, match="empty"):
        clap.embed_text(["rock", " "])


def test_the_release_accounts_for_every_tensor(clap: Clap) -> None:
    assert "logit_scale_a" in published_shapes(clap, CLAP_RELEASE)
