from __future__ import annotations

from pathlib import Path

import numpy as np

from generation.baselines import silence
from generation.contracts import ClipFacts, Request


def test_every_clip_gets_zeros_of_its_exact_length() -> None:
    assert silence.refusal(ClipFacts("forest", 7.5, frozenset()), {}) is None
    heard = silence.build("default", {}, "cpu").generate(
        Request("forest", Path("unused.mp4"), 7.5, 3), lambda share, what: None
    )
    assert heard.waveform.shape == (2, 360_000)
    assert heard.waveform.dtype == np.float32
    assert heard.sample_rate_hz == 48_000
    assert not heard.waveform.any()
