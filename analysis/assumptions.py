"""What a plan takes for granted: how far preferences lie apart, how raters and clips differ, who leaves or errs.

One latent scale carries it all: effect + rater + clip + logistic noise, a tie within ± band, "much better" one
step further. Net preference and ties are what a researcher knows, effect and band follow from them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy import optimize, special

from analysis.answers import Answers
from analysis.results import AnalysisError
from analysis.variance import Codes, Floats, dense

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(61)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
FEW = 10


@dataclass(frozen=True, slots=True)
class Assumptions:
    """``net`` is the preference to be found (−1 to 1), ``tie`` the share without one.

    ``rater_sd`` and ``clip_sd`` are in logits, of a rater's leaning towards a system and of a clip's. ``dropout``
    is the share of raters who leave before the end; what they leave is offered again, so it costs raters, not
    answers. ``careless`` is the share who answer at random and fail the gold pairs. ``source`` says where it all
    comes from.
    """

    net: float = 0.15
    tie: float = 0.25
    rater_sd: float = 0.5
    clip_sd: float = 0.7
    dropout: float = 0.1
    careless: float = 0.05
    source: str = "given"

    def __post_init__(self) -> None:
        for name in ("tie", "dropout", "careless"):
            if not 0 <= getattr(self, name) < 1:
                raise AnalysisError(f"{name} is a share from 0 to below 1, not {getattr(self, name):g}")
        if abs(self.net) >= 1 - self.tie:
            raise AnalysisError(
                f"net preference {self.net:g} leaves no room beside {self.tie:.0%} of ties; it lies within "
                f"±{1 - self.tie:.2f}"
            )
        if self.rater_sd < 0 or self.clip_sd < 0:
            raise AnalysisError(f"standard deviations are 0 or more, not {min(self.rater_sd, self.clip_sd):g}")

    def latent(self) -> tuple[float, float]:
        """Effect and band in logits."""
        spread = float(np.hypot(self.rater_sd, self.clip_sd))
        wins, losses = (1 - self.tie + self.net) / 2, (1 - self.tie - self.net) / 2
        above, below = _inverse(wins, spread), _inverse(losses, spread)
        return (above - below) / 2, -(above + below) / 2


PRESETS: Mapping[str, Assumptions] = {
    # The spread of the simulations that the intervals were measured in (docs/statistics.md).
    "typical": Assumptions(source="preset typical: rater SD 0.5, clip SD 0.7 logits, a quarter of ties"),
    "close": Assumptions(net=0.08, tie=0.35, source="preset close: two variants of one model"),
    "clear": Assumptions(net=0.32, tie=0.2, source="preset clear: a model against a weak baseline"),
    "divided": Assumptions(rater_sd=1.2, source="preset divided: tastes differ a lot, rater SD 1.2 logits"),
    "uneven": Assumptions(clip_sd=1.2, source="preset uneven: clips differ a lot, clip SD 1.2 logits"),
}


def from_pilot(answers: Answers, *, question: str | None = None, **changes: float) -> Assumptions:
    """Assumptions from a pilot's answers to one question: ties, and the spread of raters and of clips.

    ``question`` is its name, such as "music_preference"; None: the first that was answered. ``source`` names it.
    Spreads come from how alike two answers are that share a rater, or a clip, on one pair of systems. Net
    preference is never the pilot's own, whose clearest pair looks clearer than it is: it is the preset's unless
    ``changes`` gives another; so may any other field. ``source`` says within which bounds the spreads lie
    (χ², nominally 95 %): small pilots often find none where there is some, so plan with the upper bound too.
    Raises AnalysisError for a question that nobody answered.
    """
    asked = {answers.questions[code]: code for code in answers.asked()}
    name = next(iter(asked)) if question is None else question
    if name not in asked:
        raise AnalysisError(f"nobody answered question {name!r} in the pilot; there is: {', '.join(asked)}")
    mine = np.flatnonzero(answers.question == asked[name])
    sign = np.sign(answers.score[mine]).astype(np.float64)
    pair, rater, clip = answers.pair[mine], answers.rater[mine], answers.clip[mine]
    tie = float((sign == 0).mean())
    # What makes answers alike depends on where they lie, so spreads are those at the pilot's own preference.
    centre = np.bincount(pair, sign) / np.maximum(np.bincount(pair), 1)
    room = 0.98 - tie
    there = float(np.clip(centre[np.argmax(np.abs(centre))], -room, room))
    of_raters, raters_low, raters_high = _alike(sign, pair, rater, clip)
    of_clips, clips_low, clips_high = _alike(sign, pair, clip, rater)
    rater_sd, clip_sd = _latent_spread(there, tie, of_raters, of_clips)
    rater_bounds = [_spread_of(there, tie, bound, clip_sd) for bound in (raters_low, raters_high)]
    clip_bounds = [_spread_of(there, tie, bound, rater_sd) for bound in (clips_low, clips_high)]
    raters, clips = len(np.unique(rater)), len(np.unique(clip))
    caution = f"; fewer than {FEW} of either: take the spread with care" if min(raters, clips) < FEW else ""
    source = (
        f"pilot: {len(mine)} answers to {name} of {raters} raters on {clips} clips; rater SD within "
        f"{rater_bounds[0]:.2f} and {rater_bounds[1]:.2f}, clip SD within {clip_bounds[0]:.2f} and "
        f"{clip_bounds[1]:.2f} logits{caution}"
    )
    net = changes.pop("net", PRESETS["typical"].net)
    found = Assumptions(net=net, tie=tie, rater_sd=rater_sd, clip_sd=clip_sd, source=source)
    return replace(found, **changes)  # type: ignore[arg-type]


def clip_spread(assumed: Assumptions) -> float:
    """Standard deviation over clips of a clip's own net preference: s_i in SE ≥ s_i / √I."""
    effect, band = assumed.latent()
    at = effect + assumed.clip_sd * _NODES
    means = _above(at - band, assumed.rater_sd) - _above(-at - band, assumed.rater_sd)
    return math.sqrt(max(float(_WEIGHTS @ means**2 - (_WEIGHTS @ means) ** 2), 0.0))


def _alike(sign: Floats, pair: Codes, cluster: Codes, other: Codes) -> tuple[float, float, float]:
    """Covariance of two answers that share pair and cluster and differ in ``other``, and its 95 % bounds.

    The sum of squares between clusters is a multiple of χ² if their sums are about normal. Its bounds say how much
    there may be where none was found, which leaving clusters out one by one does not.
    """
    centre = np.bincount(pair, sign) / np.maximum(np.bincount(pair), 1)
    residual = sign - centre[pair]
    key = dense(pair * (int(cluster.max()) + 1) + cluster)
    cell = dense(key * (int(other.max()) + 1) + other)
    between = float((np.bincount(key, residual) ** 2).sum())
    within = float((np.bincount(cell, residual) ** 2).sum())
    shared = float((np.bincount(key) ** 2).sum() - (np.bincount(cell) ** 2).sum())
    clusters = int(key.max()) + 1
    df = clusters - len(np.unique(pair))
    if shared <= 0 or df < 1:
        return 0.0, 0.0, math.inf
    each = (df, *special.chdtri(df, (0.025, 0.975)).tolist())
    found, low, high = ((between * clusters / one - within) / shared for one in each)
    return found, low, high


def _latent_spread(net: float, tie: float, of_raters: float, of_clips: float) -> tuple[float, float]:
    """Standard deviations in logits that make answers alike by as much; in turn, as each bears on the other."""
    rater_sd = clip_sd = 0.5
    for _ in range(6):
        rater_sd = _spread_of(net, tie, of_raters, clip_sd)
        clip_sd = _spread_of(net, tie, of_clips, rater_sd)
    return rater_sd, clip_sd


def _spread_of(net: float, tie: float, covariance: float, other_sd: float) -> float:
    def gap(own_sd: float) -> float:
        effect, band = Assumptions(net=net, tie=tie, rater_sd=own_sd, clip_sd=other_sd).latent()
        at = effect + own_sd * _NODES
        means = _above(at - band, other_sd) - _above(-at - band, other_sd)
        return float(_WEIGHTS @ means**2 - (_WEIGHTS @ means) ** 2) - covariance

    if covariance <= 1e-6:
        return 0.0
    return 4.0 if gap(4.0) < 0 else float(optimize.brentq(gap, 1e-6, 4.0, xtol=1e-4))


def _above(at: Floats, spread: float) -> Floats:
    """Chance that ``at`` + N(0, spread²) + logistic noise is above 0."""
    return np.asarray(special.expit(np.asarray(at)[..., None] + spread * _NODES) @ _WEIGHTS)


@cache
def _inverse(chance: float, spread: float) -> float:
    return float(optimize.brentq(lambda at: float(_above(np.array(at), spread)) - chance, -60, 60, xtol=1e-10))
