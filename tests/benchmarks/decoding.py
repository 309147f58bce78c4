"""Decoding against public implementations of the same size, in one run: ``make bench`` prints the table.

12 layers, 1024 wide, 16 heads, feed-forward 4096, cross-attention to 128 states, one thread, fp32 unless said; on
CUDA everything in bf16. Rivals take turns, so that whatever else the machine does falls on all of them; medians
and their ratios are printed. On a processor the time is the thread's own, which waiting does not stretch.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.batching import batch_that_fits, free_bytes
from generation.cascade.decoding import Decoding
from generation.cascade.packing import in_huge_pages
from generation.cascade.presets import preset
from generation.cascade.published.libraries import transformers
from generation.cascade.sampling import Weights
from generation.cascade.transformer import Block, Decoder, TransformerConfig

WIDTH, LAYERS, HEADS, STATES, WORDS = 1024, 12, 16, 128, 1024
CONTEXT, STEPS, SEQUENCE = 112, 8, 250
SIZE = TransformerConfig(layers=LAYERS, dim=WIDTH, heads=HEADS, feed_forward=4096, buckets=128, furthest=512)
CPU = torch.device("cpu")

Turn = Callable[[], float]
"""Seconds of one step."""


def clock(device: torch.device) -> float:
    """Seconds of this thread; on CUDA of the wall, once the card is done."""
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def ours(decoder: Decoder, head: nn.Linear, seen: Tensor, weights: Weights) -> Turn:
    """Steps of a session whose first CONTEXT positions are filled; begun anew when it is full."""
    batch, _, dim = seen.shape
    device = seen.device
    x, ticks = torch.randn(batch, CONTEXT, dim, device=device), torch.arange(SEQUENCE, device=device)
    session: list[Decoding] = []

    def turn() -> float:
        if not session or session[0].filled + STEPS > SEQUENCE:
            session[:] = [
                Decoding(decoder, batch, SEQUENCE, seen=seen, seen_ticks=ticks[:STATES], weights=weights)
            ]
            session[0].extend(x, ticks[:CONTEXT])
            session[0].step(x[:, 0], CONTEXT)  # on CUDA the graph is captured here
        begun = clock(device)
        for _ in range(STEPS):
            head(session[0].step(x[:, 0], session[0].filled)).argmax(-1)
        return (clock(device) - begun) / STEPS

    return turn


def musicgen(seen: Tensor, dtype: torch.dtype = torch.float32) -> Turn:
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
        pad_token_id=0,
    )
    device = seen.device
    model = library.MusicgenForCausalLM(config).eval().to(device, dtype)
    seen = seen.to(dtype)
    state: dict[str, object] = {}

    def turn() -> float:
        filled = int(state.get("filled", SEQUENCE))  # type: ignore[call-overload]
        if filled + STEPS > SEQUENCE:
            own, cross = library.DynamicCache(config=config), library.DynamicCache(config=config)
            state["cache"] = library.EncoderDecoderCache(own, cross)
            words = torch.zeros(len(seen), CONTEXT, dtype=torch.long, device=device)
            model(input_ids=words, encoder_hidden_states=seen, past_key_values=state["cache"], use_cache=True)
            filled = CONTEXT
        word = torch.zeros(len(seen), 1, dtype=torch.long, device=device)
        begun = clock(device)
        for _ in range(STEPS):
            logits = model(
                input_ids=word, encoder_hidden_states=seen, past_key_values=state["cache"], use_cache=True
            ).logits
            word = logits[:, -1].argmax(-1, keepdim=True).view(len(seen), 1)
        state["filled"] = filled + STEPS
        return (clock(device) - begun) / STEPS

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
        begun = clock(CPU)
        for step in range(STEPS):
            hidden = x
            for layer, block in enumerate(decoder.blocks):
                hidden = one(block, layer, hidden, CONTEXT + step)
            head(decoder.norm(hidden)).argmax(-1)
        return (clock(CPU) - begun) / STEPS

    return turn


def uncached(decoder: Decoder, seen: Tensor) -> Turn:
    """All positions again at every step: the mean over a sequence, from a few of its lengths."""
    lengths = (2, 64, 128, 192, SEQUENCE)

    def turn() -> float:
        spent = []
        for length in lengths:
            begun = clock(CPU)
            decoder(torch.zeros(1, length, WIDTH), torch.arange(length), seen, torch.arange(STATES))
            spent.append(clock(CPU) - begun)
        areas = [
            (later - earlier) * (one + other) / 2
            for earlier, later, one, other in zip(lengths, lengths[1:], spent, spent[1:], strict=False)
        ]
        return sum(areas) / (lengths[-1] - lengths[0])

    return turn


def reading(device: torch.device = CPU, *, huge: bool = False) -> Turn:
    """Seconds of reading one gigabyte once, as a sum; ``huge``: out of pages of 2 MiB."""
    block = torch.ones(320 * 1024 * 1024, device=device)  # 1.34 GB
    block = in_huge_pages(block) if huge else block

    def turn() -> float:
        begun = clock(device)
        block.sum()
        return (clock(device) - begun) * 1e9 / block.nbytes

    return turn


def streamed_bytes(decoder: Decoder, head: nn.Linear, number: int) -> int:
    """What a step at batch 1 reads: weights but those of cross-attention's keys, and keys and values so far."""
    left_out = sum(b.cross_attention.key_value.weight.numel() for b in decoder.blocks if b.cross_attention)
    tables = sum(table.table.numel() for table in (decoder.bias, decoder.cross_bias) if table is not None)
    weights = sum(p.numel() for p in decoder.parameters()) - left_out - tables + head.weight.numel()
    return number * (weights + LAYERS * 2 * WIDTH * (CONTEXT + STATES))


def medians(turns: dict[str, Turn], rounds: int) -> dict[str, float]:
    """Seconds by name: turn about, the first round left out, for it packs weights and fills caches."""
    spent: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(rounds + 1):
        for name, turn in turns.items():
            spent[name].append(turn())
    return {name: statistics.median(times[1:]) for name, times in spent.items()}


def tiny() -> Turn:
    """A step of the preset tiny's coarse decoder, all of whose weights stay in the processor's cache."""
    config = preset("tiny").stages.coarse_decoder
    decoder, head = Decoder(config, cross=True).eval(), nn.Linear(config.dim, 512)
    return ours(decoder, head, torch.randn(1, STATES, config.dim), "float32")


def on_processor(decoder: Decoder, head: nn.Linear, rounds: int) -> None:
    single, eight = torch.randn(1, STATES, WIDTH), torch.randn(8, STATES, WIDTH)
    turns = {
        "ours": ours(decoder, head, single, "float32"),
        "ours, bf16 weights": ours(decoder, head, single, "bfloat16"),
        "ours, int8 weights": ours(decoder, head, single, "int8"),
        "MusicGen of transformers, cached": musicgen(single),
        "plain SDPA, cached": plain(decoder, head, single),
        "no cache, mean over 250 tokens": uncached(decoder, single),
        "ours, batch 8": ours(decoder, head, eight, "float32"),
        "ours, bf16 weights, batch 8": ours(decoder, head, eight, "bfloat16"),
        "MusicGen of transformers, batch 8": musicgen(eight),
        "tiny, coarse decoder": tiny(),
        "reading": reading(),
        "reading, pages of 2 MiB": reading(huge=True),
    }
    s = medians(turns, rounds)
    show_speeds(s, 8)
    streamed = streamed_bytes(decoder, head, 4) / 1e9
    show_ratios(
        {
            "MusicGen of transformers, cached": (s["MusicGen of transformers, cached"] / s["ours"], 1.5),
            "no cache, 250 tokens": (s["no cache, mean over 250 tokens"] / s["ours"], 12.0),
            "plain SDPA, cached": (s["plain SDPA, cached"] / s["ours"], None),
            "share of the bandwidth read": (streamed / s["ours"] * s["reading"], 0.75),
            "the same, read in pages of 2 MiB": (streamed / s["ours"] * s["reading, pages of 2 MiB"], None),
            "int8 against plain SDPA in fp32": (s["plain SDPA, cached"] / s["ours, int8 weights"], 1.6),
            "bf16 against plain SDPA in fp32": (s["plain SDPA, cached"] / s["ours, bf16 weights"], None),
            "MusicGen of transformers, batch 8": (
                s["MusicGen of transformers, batch 8"] / s["ours, batch 8"],
                1.2,
            ),
        }
    )


def on_card(decoder: Decoder, head: nn.Linear, rounds: int, device: torch.device) -> None:
    decoder, head = decoder.to(device), head.to(device)
    single = torch.randn(1, STATES, WIDTH, device=device)
    turns = {
        "ours": ours(decoder, head, single, "bfloat16"),
        "MusicGen of transformers, cached": musicgen(single, torch.bfloat16),
        "reading": reading(device),
    }
    s = medians(turns, rounds)
    full = batch_that_fits(
        SIZE, free_bytes(device), steps=SEQUENCE, states=STATES, prefix=CONTEXT, device=device.type
    )
    name = f"ours, batch {full}"
    many = ours(decoder, head, torch.randn(full, STATES, WIDTH, device=device), "bfloat16")
    s[name] = medians({name: many}, rounds)[name]
    show_speeds(s, full)
    show_ratios(
        {
            "MusicGen of transformers, cached": (s["MusicGen of transformers, cached"] / s["ours"], 3.0),
            "share of the bandwidth read": (
                streamed_bytes(decoder, head, 2) / 1e9 / s["ours"] * s["reading"],
                None,
            ),
        }
    )


def show_speeds(seconds: dict[str, float], batch: int) -> None:
    print(f"\nDecoding, {LAYERS} layers of {WIDTH}, {HEADS} heads, cross-attention to {STATES} states")
    for name, value in seconds.items():
        many = batch if name.endswith(f"batch {batch}") else 1
        unit = "GB/s" if name.startswith("reading") else "tokens/s"
        print(f"  {name:44}{many / value:10.1f} {unit}")


def show_ratios(ratios: dict[str, tuple[float, float | None]]) -> None:
    for name, (ratio, wanted) in ratios.items():
        print(f"  {name:44}{ratio:10.2f}" + ("" if wanted is None else f"   (wanted: {wanted:g} or more)"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    # The peer's own advice to its callers.
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    decoder, head = Decoder(SIZE, cross=True).eval(), nn.Linear(WIDTH, WORDS, bias=False)
    with torch.inference_mode():
        if options.device == "cpu":
            on_processor(decoder, head, options.rounds)
        else:
            on_card(decoder, head, options.rounds, torch.device(options.device))


if __name__ == "__main__":
    main()
