"""Which of three sounds: six trials of a headphone test, drawn anew for each try and scored on the server.

Antiphase tones after Woods et al. 2017 (doi:10.3758/s13414-017-1361-2), Huggins pitch after Milne et al. 2020
(doi:10.3758/s13428-020-01514-0). Neither is sure: some pass by loudspeaker, some fail with headphones. The
threshold is the study's.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import permutations
from typing import Any

from studyapp.screening.score import Score

TRIALS = 6


def draw_antiphase(rng: random.Random) -> dict[str, Any]:
    """All six orders of quiet, antiphase and plain tone, each once: ``trials`` are (quiet, antiphase) places."""
    orders = [list(places[:2]) for places in permutations((1, 2, 3))]
    return {"trials": rng.sample(orders, len(orders))}


def draw_huggins(rng: random.Random) -> dict[str, Any]:
    """Each place holds the pitch twice: ``trials`` are (place, seed of the noise)."""
    places = [1, 1, 2, 2, 3, 3]
    return {"trials": [[place, rng.randrange(2**31)] for place in rng.sample(places, len(places))]}


def score(shown: Mapping[str, Any], answers: Mapping[str, Any], *, needed: int) -> Score:
    """answers: for each trial's number, from 0, the chosen place. The right one stands first in what was shown."""
    right = sum(trial[0] == answers.get(str(number)) for number, trial in enumerate(shown["trials"]))
    return Score(right, TRIALS, passed=right >= needed)
