"""Strengths: Duet beside evalica 0.4.2, same answers, same machine, one run (``make bench``).

Duet's intervals come from resampling raters, with ties and sides in the model; evalica's from resampling answers,
each as if from a new person, without sides: it is asked for less and timed on it. From 100,000 answers on its
bootstrap takes minutes, so fewer resamples are timed and multiplied, which is said.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis import bradley_terry as bt
from analysis.answers import coded
from analysis.resampling import resample
from tests.benchmarks.peers import evalica_python

SYSTEMS = 6
RATERS = 200
LEVELS = (-1, 0, 1)
RESAMPLES = 1000
# Rows, and how many of evalica's resamples are timed.
INTERVALS = ((10_000, 1000), (100_000, 20))
POINT_ROWS = 1_000_000
ROUNDS = 5

PEER_SCRIPT = """
import json, sys, time
import evalica, pandas as pd
outcome = {1: evalica.Winner.X, 0: evalica.Winner.Draw, -1: evalica.Winner.Y}
frame = pd.read_parquet(sys.argv[1])
resamples, rounds = int(sys.argv[2]), int(sys.argv[3])
xs, ys = frame["system_1"].tolist(), frame["system_2"].tolist()
winners = [outcome[sign] for sign in frame["sign"]]
if resamples:
    began = time.perf_counter()
    evalica.bootstrap(evalica.newman, xs, ys, winners, n_resamples=resamples, bootstrap_method="percentile",
                      random_state=1)
    print(json.dumps([time.perf_counter() - began]))
else:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        found = evalica.newman(xs, ys, winners, tolerance=1e-8, limit=10000)
        times.append(time.perf_counter() - began)
    print(json.dumps(times))
"""


class Drawn(NamedTuple):
    """Answers as codes: ``one`` and ``other`` (N,) are systems, ``side`` ±1, ``sign`` −1, 0, +1 for ``one``."""

    one: np.ndarray
    other: np.ndarray
    side: np.ndarray
    sign: np.ndarray
    rater: np.ndarray


def drawn(rows: int, seed: int = 7) -> Drawn:
    """Davidson's model with a quarter of ties, sides, and raters who lean."""
    rng = np.random.default_rng(seed)
    strengths, leaning = np.linspace(-0.8, 0.8, SYSTEMS), rng.normal(0, 0.5, (RATERS, SYSTEMS))
    one = rng.integers(0, SYSTEMS, rows)
    other = (one + rng.integers(1, SYSTEMS, rows)) % SYSTEMS
    one, other = np.minimum(one, other), np.maximum(one, other)
    side, rater = rng.choice((-1, 1), rows), rng.integers(0, RATERS, rows)
    eta = strengths[one] - strengths[other] + leaning[rater, one] - leaning[rater, other] + 0.2 * side
    weights = np.stack([np.exp(-eta / 2), np.full(rows, 0.7), np.exp(eta / 2)])
    edges = np.cumsum(weights / weights.sum(axis=0), axis=0)
    sign = (rng.random(rows) > edges[:2]).sum(axis=0) - 1
    return Drawn(one, other, side, sign, rater)


def main() -> None:
    print("Strengths with ties, sides and 95 % intervals from 1,000 resampled raters; 6 systems, 200 raters")
    for rows, timed in INTERVALS:
        answers = drawn(rows)
        ours = median(_timed(lambda answers=answers: _with_intervals(answers)) for _ in range(ROUNDS))
        theirs = _peer(answers, resamples=timed)[0] * RESAMPLES / timed
        how = "" if timed == RESAMPLES else f" ({timed} resamples, multiplied)"
        print(
            f"  {rows:>9,} answers: Duet {ours:8.3f} s, evalica {theirs:8.1f} s{how}, ratio {theirs / ours:7.0f} ×"
        )
    answers = drawn(POINT_ROWS)
    names = np.array([f"system {n}" for n in range(SYSTEMS)], dtype=object)
    first, second = pd.Series(names[answers.one]), pd.Series(names[answers.other])
    from_codes = median(_timed(lambda: _fitted(answers.one, answers.other, answers)) for _ in range(ROUNDS))
    from_strings = median(_timed(lambda: _from_strings(first, second, answers)) for _ in range(ROUNDS))
    theirs = median(_peer(answers, resamples=0))
    print(f"Strengths alone, {POINT_ROWS:,} answers; medians of {ROUNDS}; evalica's from strings")
    print(f"  evalica, Newman                 {theirs:8.3f} s")
    print(f"  Duet from codes                 {from_codes:8.3f} s, ratio {theirs / from_codes:6.1f} ×")
    print(f"  Duet from strings               {from_strings:8.3f} s, ratio {theirs / from_strings:6.1f} ×")


def _with_intervals(answers: Drawn) -> None:
    design, outcome = _design(answers.one, answers.other, answers)
    fitted = bt.fit(design)
    found, done = resample(design, outcome, answers.rater, fitted.parameters, resamples=RESAMPLES, seed=1)
    assert done.all()
    np.quantile(found, [0.025, 0.975], axis=0)


def _fitted(one: np.ndarray, other: np.ndarray, answers: Drawn) -> bt.Fit:
    return bt.fit(_design(one, other, answers)[0])


def _design(one: np.ndarray, other: np.ndarray, answers: Drawn) -> tuple[bt.Design, np.ndarray]:
    return bt.design(one, other, answers.side, answers.sign, systems=SYSTEMS, levels=LEVELS)


def _from_strings(first: pd.Series, second: pd.Series, answers: Drawn) -> bt.Fit:
    codes, names = zip(coded(first), coded(second), strict=True)
    every = sorted({*names[0], *names[1]})
    one, other = (
        np.array([every.index(name) for name in known])[code] for code, known in zip(codes, names, strict=True)
    )
    return _fitted(one, other, answers)


def _timed(work) -> float:  # type: ignore[no-untyped-def]
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _peer(answers: Drawn, *, resamples: int) -> list[float]:
    names = np.array([f"system {n}" for n in range(SYSTEMS)], dtype=object)
    table = pd.DataFrame({"system_1": names[answers.one], "system_2": names[answers.other], "sign": answers.sign})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.parquet"
        table.to_parquet(path)
        command = [evalica_python(), "-c", PEER_SCRIPT, path, str(resamples), str(ROUNDS)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [float(seconds) for seconds in json.loads(done.stdout)]


if __name__ == "__main__":
    sys.exit(main())
