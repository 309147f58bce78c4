import numpy as np
import pytest
import torch

from generation.cascade.semantic.tokens import MertConfig, SemanticTokenizer, W2vBertConfig
from generation.cascade.semantic.transformers_encoders import (
    MertEncoder,
    W2vBertEncoder,
    filter_banks,
    load_mert,
    load_w2v_bert,
    mert_release,
    standardised,
    w2v_bert_release,
)
from generation.cascade.spectra import resample
from generation.cascade.time_grid import TimeGrid
from generation.contracts import GenerationError

transformers = pytest.importorskip("transformers")

W2V = W2vBertConfig(tokens=4, layer=2, published_layers=3, dim=16, heads=2, feed_forward=24)
MERT = MertConfig(tokens=4, layer=2, published_layers=3, dim=16, heads=2, feed_forward=24, convolution=8, groups=4)
GRID = TimeGrid()


@pytest.fixture
def music() -> torch.Tensor:
    return 0.3 * torch.randn(2, 16_000, generator=torch.Generator().manual_seed(1))


def test_filter_banks_are_those_that_w2v_bert_was_taught(music: torch.Tensor) -> None:
    extractor = transformers.SeamlessM4TFeatureExtractor()
    theirs = extractor(list(music.numpy()), sampling_rate=16_000, return_tensors="np")["input_features"]
    ours = standardised(filter_banks(music))
    np.testing.assert_allclose(ours.reshape(theirs.shape).numpy(), theirs, atol=2e-3)


def test_w2v_bert_reads_pairs_of_the_layer_that_is_asked_for(music: torch.Tensor) -> None:
    encoder = W2vBertEncoder(GRID, W2V).eval()
    whole = published_w2v_bert()
    fill_from(whole, encoder, w2v_bert_release(W2V))
    padded = torch.nn.functional.pad(music, (120, 120))
    read = standardised(filter_banks(padded)).reshape(2, -1, 160)
    with torch.inference_mode():
        hidden = whole(input_features=read, output_hidden_states=True).hidden_states[W2V.layer]
        expected = (hidden[:, 0::2] + hidden[:, 1::2]) / 2
        torch.testing.assert_close(encoder(music), expected)


def test_mert_reads_threes_of_the_layer_that_is_asked_for(music: torch.Tensor) -> None:
    encoder = MertEncoder(GRID, MERT).eval()
    whole = published_mert()
    fill_from(whole, encoder, mert_release(MERT))
    heard = resample(music, 16_000, 24_000)
    extractor = transformers.Wav2Vec2FeatureExtractor(sampling_rate=24_000, do_normalize=True)
    normal = extractor(list(heard.numpy()), sampling_rate=24_000, return_tensors="pt")["input_values"]
    with torch.inference_mode():
        padded = torch.nn.functional.pad(normal, (40, 40))
        hidden = whole(padded, output_hidden_states=True).hidden_states[MERT.layer]
        expected = (hidden[:, 0::3] + hidden[:, 1::3] + hidden[:, 2::3]) / 3
        torch.testing.assert_close(encoder(music), expected, atol=1e-4, rtol=1e-4)


def test_a_published_encoder_gives_twenty_five_tokens_a_second(music: torch.Tensor) -> None:
    for config in (W2V, MERT):
        tokenizer = SemanticTokenizer(GRID, config).eval()
        with torch.inference_mode():
            features = tokenizer.encoder(music).flatten(0, 1)
            tokenizer.fit(features, torch.Generator().manual_seed(0))
            tokens = tokenizer.encode(music)
        assert tokens.shape == (2, 25)
        assert len(tokens.unique()) == 4


@pytest.mark.parametrize("name", ["w2v-bert", "mert"])
def test_weights_saved_under_published_names_load_bit_for_bit(name, tmp_path) -> None:
    encoder, load, tensors = published(name)
    torch.save(tensors, tmp_path / "weights.bin")
    load(tmp_path / "weights.bin", encoder)
    held = dict(encoder.network.state_dict())
    some = (
        "encoder.layers.1.feed_forward.output_dense.weight"
        if name == "mert"
        else ("encoder.layers.1.ffn2.output_dense.weight")
    )
    assert torch.equal(held[some], tensors[some])


@pytest.mark.parametrize("name", ["w2v-bert", "mert"])
def test_a_missing_an_extra_and_a_misshaped_tensor_are_named(name, tmp_path) -> None:
    encoder, load, tensors = published(name)
    gone, bent = [key for key in sorted(tensors) if ".layers.0." in key and key.endswith("bias")][:2]
    del tensors[gone]
    tensors[bent] = torch.zeros(3)
    tensors["encoder.surprise"] = torch.zeros(1)
    torch.save(tensors, tmp_path / "weights.bin")
    with pytest.raises(GenerationError) as caught:
        load(tmp_path / "weights.bin", encoder)
    for each in (gone, bent, "encoder.surprise"):
        assert each in str(caught.value)


def published_w2v_bert():
    return transformers.Wav2Vec2BertModel(
        transformers.Wav2Vec2BertConfig(
            hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24
        )
    ).eval()


def published_mert():
    return transformers.HubertModel(
        transformers.HubertConfig(
            hidden_size=16,
            num_hidden_layers=3,
            num_attention_heads=2,
            intermediate_size=24,
            conv_dim=(8,) * 7,
            num_conv_pos_embedding_groups=4,
        )
    ).eval()


def fill_from(whole, encoder, release) -> None:
    """Give the encoder the lower layers of a whole network."""
    theirs = {old_name(name): value for name, value in whole.state_dict().items()}
    with torch.no_grad():
        for name, value in encoder.state_dict().items():
            (source,) = release.source(name).names
            value.copy_(theirs[source])


def old_name(name: str) -> str:
    """As a weight norm's tensors were named when MERT was published."""
    return name.replace("parametrizations.weight.original0", "weight_g").replace(
        "parametrizations.weight.original1", "weight_v"
    )


def published(name: str):
    if name == "mert":
        whole, encoder, load = published_mert(), MertEncoder(GRID, MERT), load_mert
    else:
        whole, encoder, load = published_w2v_bert(), W2vBertEncoder(GRID, W2V), load_w2v_bert
    return encoder, load, {old_name(key): value for key, value in whole.state_dict().items()}
