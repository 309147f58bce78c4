"""The published checkpoint, ``loss_8_params.pt`` of wzk1015/video-bgm-generation (MIT): read strictly, kept here.

It was saved through DataParallel, so its names begin with ``module.``; both ways are read. It has never been at
hand here: what is tested is a random network of its sizes under its names.
"""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file

from generation.baselines.cmt.network import CMT, PUBLISHED
from generation.cascade.published.resolve import digest_of
from generation.cascade.published.strict import Release, Source, load_published

ORIGIN = "github.com/wzk1015/video-bgm-generation, loss_8_params.pt, linked from its README"
LICENCE = "MIT"
_POSITIONS = ("*encoder_pos_emb.pe",)
RELEASES = (
    Release(
        "CMT's checkpoint",
        "module.init_in_linear.weight",
        lambda name: Source((f"module.{name}",)),
        ignored=_POSITIONS,
    ),
    Release("CMT's checkpoint", "init_in_linear.weight", lambda name: Source((name,)), ignored=_POSITIONS),
)


def install(checkpoint: Path, out: Path) -> Path:
    """Check the published file tensor by tensor and keep it as safetensors at ``out``; gives that path.

    Raises GenerationError naming every tensor that is missing, left over or of another shape.
    """
    network = CMT(PUBLISHED)
    load_published(checkpoint, network, RELEASES)
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_suffix(".new")
    notes = {"origin": ORIGIN, "licence": LICENCE, "published_sha256": digest_of(checkpoint)}
    save_file(network.state_dict(), fresh, metadata=notes)
    fresh.replace(out)
    return out
