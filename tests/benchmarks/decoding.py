"""Decoding against public implementations of the same size, in one run: ``make bench`` prints the table.

12 layers, 1024 wide, 16 heads, feed-forward 4096, cross-attention to 128 states, fp32 unless said, one thread.
Rivals take turns, so that whatever else the machine does falls on all of them; medians and ratios are printed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.decoding import Decoding
from generation.cascade.published.libraries import transformers
from generation.cascade.transformer import Block, Decoder, TransformerConfig

WIDTH, LAYERS, HEADS, STATES, WORDS = 1024, 12, 16, 128, 1024
CONTEXT, STEPS, SEQUENCE = 112, 8, 250
SIZE = TransformerConfig(layers=LAYERS, dim=WIDTH, heads=HEADS, feed_forward=4096, buckets=128, furthest=512)
TICKS = torch.arange(SEQUENCE + 1)

Turn = Callable[[], float]
"""Seconds of one step."""


def ours(decoder: Decoder, head: nn.Linear, seen: Tensor, weights: str) -> Turn:
    """Steps of a session whose first CONTEXT positions are filled; begun anew when it is full."""
    batch = len(seen)
    x = torch.randn(batch, CONTEXT, WIDTH)
    session: list[Decoding] = []

    def turn() -> float:
        if not session or session[0].filled + STEPS > SEQUENCE:
            session[:] = [
                Decoding(decoder, batch, SEQUENCE, seen=seen, seen_ticks=TICKS[:STATES], weights=weights)  # type: ignore[arg-type]
            ]
            session[0].extend(x, TICKS[:CONTEXT])
        begun = time.perf_counter()
        for _ in range(STEPS):
            head(session[0].step(x[:, 0], session[0].filled)).argmax(-1)
        return (time.perf_counter() - begun) / STEPS

    return turn


def musicgen(seen: Tensor) -> Turn:
    """The decoder of transformers' MusicGen with its own cache, one codebook."""
    library = transformers()
    config = library.MusicgenDecoderConfig(
        vocab_size=WORDS,
        num_hidden_layers=LAYERS,
        ffn_dim=4096,
        num_attention_heads=HEADS,
        hidden_size=WIDTH,
        num_codebooks=1,
        dropout=0.0,
        bos_token_id=None,
    )
    model = library.MusicgenForCausalLM(config).eval()
    state: dict[str, object] = {}

    def turn() -> float:
        filled = int(state.get("filled", SEQUENCE))  # type: ignore[call-overload]
        if filled + STEPS > SEQUENCE:
            own, cross = library.DynamicCache(config=config), library.DynamicCache(config=config)
            state["cache"] = library.EncoderDecoderCache(own, cross)
            words = torch.zeros(len(seen), CONTEXT, dtype=torch.long)
            model(input_ids=words, encoder_hidden_states=seen, past_key_values=state["cache"], use_cache=True)
            filled = CONTEXT
        word = torch.zeros(len(seen), 1, dtype=torch.long)
        begun = time.perf_counter()
        for _ in range(STEPS):
            logits = model(
                input_ids=word, encoder_hidden_states=seen, past_key_values=state["cache"], use_cache=True
            ).logits
            word = logits[:, -1].argmax(-1, keepdim=True).view(len(seen), 1)
        state["filled"] = filled + STEPS
        return (time.perf_counter() - begun) / STEPS

    return turn


def plain(decoder: Decoder, head: nn.Linear, seen: Tensor) -> Turn:
    """The usual way: nn.Linear, scaled_dot_product_attention, a preallocated cache, no positions."""
    batch = len(seen)
    keys = torch.randn(LAYERS, batch, HEADS, SEQUENCE, WIDTH // HEADS)
    values = torch.randn_like(keys)
    looked = [block.cross_attention.look(seen) for block in decoder.blocks if block.cross_attention is not None]
    x = torch.randn(batch, 1, WIDTH)

    def one(block: Block, layer: int, hidden: Tensor, now: int) -> Tensor:
        query, keys[layer, :, :, now : now + 1], values[layer, :, :, now : now + 1] = block.self_attention.split(
            block.self_norm(hidden)
        )
        mixed = F.scaled_dot_product_attention(query, keys[layer, :, :, : now + 1], values[layer, :, :, : now + 1])
        hidden = hidden + block.self_attention.out(mixed.transpose(1, 2).reshape(batch, 1, -1))
        cross = block.cross_attention
        assert cross is not None
        assert block.cross_norm is not None
        query = cross.query(block.cross_norm(hidden)).view(batch, 1, HEADS, -1).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(query, *looked[layer])
        hidden = hidden + cross.out(mixed.transpose(1, 2).reshape(batch, 1, -1))
        return hidden + block.mix(block.mix_norm(hidden))  # type: ignore[no-any-return]

    def turn() -> float:
        begun = time.perf_counter()
        for step in range(STEPS):
            hidden = x
            for layer, block in enumerate(decoder.blocks):
                hidden = one(block, layer, hidden, CONTEXT + step)
            head(decoder.norm(hidden)).argmax(-1)
        return (time.perf_counter() - begun) / STEPS

    return turn


def uncached(decoder: Decoder, seen: Tensor) -> Turn:
    """All positions again at every step: the mean over a sequence, from a few of its lengths."""
    lengths = (2, 64, 128, 192, SEQUENCE)

    def turn() -> float:
        spent = []
        for length in lengths:
            begun = time.perf_counter()
            decoder(torch.zeros(1, length, WIDTH), TICKS[:length], seen, TICKS[:STATES])
            spent.append(time.perf_counter() - begun)
        areas = [
            (later - earlier) * (one + other) / 2
            for earlier, later, one, other in zip(lengths, lengths[1:], spent, spent[1:], strict=False)
        ]
        return sum(areas) / (lengths[-1] - lengths[0])

    return turn


def reading() -> Turn:
    """Seconds of reading one gigabyte once, as a sum."""
    block = torch.ones(320 * 1024 * 1024)  # 1.34 GB

    def turn() -> float:
        begun = time.perf_counter()
        block.sum()
        return (time.perf_counter() - begun) * 1e9 / (block.numel() * 4)

    return turn


def streamed_bytes(decoder: Decoder, head: nn.Linear) -> int:
    """Weights that a step in fp32 reads: all but those of cross-attention's keys and values, read once a clip."""
    left_out = sum(b.cross_attention.key_value.weight.numel() for b in decoder.blocks if b.cross_attention)
    tables = sum(table.table.numel() for table in (decoder.bias, decoder.cross_bias) if table is not None)
    return 4 * (sum(p.numel() for p in decoder.parameters()) - left_out - tables + head.weight.numel())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    decoder, head = Decoder(SIZE, cross=True).eval(), nn.Linear(WIDTH, WORDS, bias=False)
    with torch.inference_mode():
        single, batch = torch.randn(1, STATES, WIDTH), torch.randn(8, STATES, WIDTH)
        turns = {
            "ours, fp32": ours(decoder, head, single, "float32"),
            "ours, int8 weights": ours(decoder, head, single, "int8"),
            "MusicGen of transformers, cached": musicgen(single),
            "plain SDPA, cached": plain(decoder, head, single),
            "no cache": uncached(decoder, single),
            "ours, fp32, batch 8": ours(decoder, head, batch, "float32"),
            "MusicGen of transformers, cached, batch 8": musicgen(batch),
            "reading 1 GB": reading(),
        }
        spent: dict[str, list[float]] = {name: [] for name in turns}
        for _ in range(options.rounds):
            for name, turn in turns.items():
                spent[name].append(turn())
    _print(
        {name: statistics.median(times[1:] or times) for name, times in spent.items()},
        streamed_bytes(decoder, head),
    )


def _print(seconds: dict[str, float], streamed: int) -> None:
    print(f"\nDecoding, {LAYERS} layers of {WIDTH}, {HEADS} heads, cross-attention to {STATES} states, one thread")
    for name, value in seconds.items():
        if name == "reading 1 GB":
            print(f"  {name:44}{1 / value:8.1f} GB/s")
        else:
            print(f"  {name:44}{(8 if name.endswith('8') else 1) / value:8.1f} tokens/s")
    bandwidth, ours_s = 1 / seconds["reading 1 GB"], seconds["ours, fp32"]
    ratios = {
        "MusicGen of transformers, cached": (seconds["MusicGen of transformers, cached"] / ours_s, 1.5),
        "no cache, 250 tokens": (seconds["no cache"] / ours_s, 12.0),
        "share of the bandwidth measured, fp32": (streamed / 1e9 / ours_s / bandwidth, 0.75),
        "int8 against plain SDPA in fp32": (seconds["plain SDPA, cached"] / seconds["ours, int8 weights"], 1.6),
        "MusicGen of transformers, batch 8": (
            seconds["MusicGen of transformers, cached, batch 8"] / seconds["ours, fp32, batch 8"],
            1.2,
        ),
    }
    for name, (ratio, wanted) in ratios.items():
        print(f"  {name:44}{ratio:8.2f}   (wanted: {wanted:g} or more)")


if __name__ == "__main__":
    main()
