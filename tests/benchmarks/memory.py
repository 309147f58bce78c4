"""Peak memory of a preset that writes a 10-second clip, with random weights."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import torch

from generation import registry
from generation.cascade.cascade import PARTS, Cascade
from generation.cascade.pipeline import V2Meow
from generation.cascade.presets import PRESETS, preset
from generation.contracts import Request
from generation.media.master import make_master
from generation.variants import VARIANTS
from generation.world import write_demo

KEY = "v2meow-clip-i3d"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preset", choices=sorted(PRESETS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    sizes, variant = preset(options.preset), VARIANTS[KEY]
    cascade = Cascade(sizes)
    for part in variant.parts:
        cascade.adopt(part, PARTS[part](sizes))
    with tempfile.TemporaryDirectory() as room:
        write_demo(Path(room), clips=1, seed=0, progress=lambda share, words: None)
        (video,) = Path(room).glob("*.mp4")
        master = make_master(video, Path(room) / "master.mp4", start_s=0.0, duration_s=10.0)
        system = V2Meow(cascade, variant, registry.effective_settings(KEY, {}), text=False)
        request = Request("clip", master.path, master.duration_s, 0, None, {})
        begun = time.process_time()
        system.generate(request, lambda share, words: None)
    spent = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{options.preset}, {KEY}, 10 s: {spent:.0f} s of processor time, peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
