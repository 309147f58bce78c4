"""Where one window ends and the next goes on, the music of the shipped weights has no seam."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.ndimage import maximum_filter1d

from generation.cascade.adaptors import Streams
from generation.cascade.cascade import Cascade
from generation.cascade.generate import StageSampling, write_codes
from generation.cascade.pipeline import finished
from generation.cascade.presets import preset
from generation.cascade.sampling import Sampling
from generation.cascade.training.sources import world_seeds
from generation.cascade.visual.sights import Sights
from generation.cascade.windows import windows
from generation.metrics.onsets import ENVELOPE_HZ, onset_envelope
from generation.variants import VARIANTS
from generation.world.pictures import render_frames
from generation.world.piece import plan

SECONDS, PIECES = 20, 4
RATE_HZ = 16_000
NEAR = 2 * ENVELOPE_HZ // 20 + 1
"""Frames of the envelope within 50 ms of a moment."""

Wave = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    return Cascade(preset("tiny"))


@pytest.fixture(scope="module")
def seams_s(cascade: Cascade) -> list[int]:
    return [window.last_s for window in windows(SECONDS, cascade.preset.grid)[:-1]]


@pytest.fixture(scope="module")
def waves(cascade: Cascade) -> list[Wave]:
    variant, made = VARIANTS["v2meow-clip"], cascade.preset
    with torch.inference_mode():
        features = []
        for seed in world_seeds(PIECES, "held-out"):
            frames = list(render_frames(plan(seed, duration_s=SECONDS), 256, 144, made.grid.flow_hz))
            sights = Sights.of(np.stack(frames), made.grid, px=made.picture_px, flow_px=made.flow_px)
            features.append(cascade.encode("clip", sights))
        sampling = StageSampling(Sampling(0.7, 48), Sampling(0.8, 64), Sampling(0.4, 64))
        streams = Streams({"clip": torch.stack(features)})
        codes = write_codes(cascade, variant, streams, SECONDS, range(PIECES), sampling)
        return [finished(wave) for wave in cascade.codec.decode(codes)]


def flux_ranks(waves: list[Wave], moments_s: list[int]) -> list[float]:
    """For every moment, the share of the clip in which the spectrum rises less, within 50 ms, than there."""
    ranks = []
    for wave in waves:
        highest = maximum_filter1d(onset_envelope(wave, RATE_HZ), NEAR)
        ranks += [float((highest < highest[moment * ENVELOPE_HZ]).mean()) for moment in moments_s]
    return ranks


@pytest.mark.slow
def test_spectral_flux_at_seams_is_within_the_range_found_elsewhere(waves: list[Wave], seams_s: list[int]) -> None:
    ranks = flux_ranks(waves, seams_s)
    assert len(ranks) == PIECES * 2
    assert max(ranks) < 1, "somewhere else in each clip the spectrum rises more"
    assert float(np.mean(ranks)) < 0.75, f"seams lie among the strongest onsets: {ranks}"


@pytest.mark.slow
def test_a_planted_seam_is_found(waves: list[Wave], seams_s: list[int]) -> None:
    planted = []
    for wave in waves:
        cut = wave.copy()
        for seam in seams_s:
            cut[seam * RATE_HZ - RATE_HZ // 10 : seam * RATE_HZ] = 0
        planted.append(cut)
    assert float(np.mean(flux_ranks(planted, seams_s))) > 0.75
