"""Win rates with intervals: Duet beside evalica 0.4.2, same answers, same machine, one run (``make bench``).

Two figures are printed. Time: every win rate of a study with its interval. Honesty: how often a 95 % interval
leaves out the truth when raters and clips differ and no system is better; evalica's bootstrap resamples answers
as if each came from a new person about a new clip. The peer lives in an environment of its own under var/peers.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from analysis.ratings import Ratings
from tests.analysis.simulate import simulate
from tests.benchmarks.peers import evalica_python

TIMED = 3
NULL_STUDIES = 60

PEER_SCRIPT = """
import json, sys, time
import evalica, pandas as pd
outcome = {1: evalica.Winner.X, 0: evalica.Winner.Draw, -1: evalica.Winner.Y}
out = []
for _, part in pd.read_csv(sys.argv[1]).groupby("number", sort=False):
    winners = [outcome[sign] for sign in part["sign"]]
    began = time.perf_counter()
    found = evalica.bootstrap(
        evalica.average_win_rate, part["system_1"].tolist(), part["system_2"].tolist(), winners,
        n_resamples=1000, bootstrap_method="percentile", random_state=1,
    )
    seconds = time.perf_counter() - began
    name = sorted(found.low.index)[0]
    out.append([seconds, float(found.low[name]), float(found.high[name])])
print(json.dumps(out))
"""


def main() -> None:
    large = [
        simulate(seed=seed, raters=200, per_rater=50, systems=("alpha", "beta", "delta", "gamma"))
        for seed in range(TIMED)
    ]
    null = [simulate(seed=1000 + seed, raters=20, per_rater=20, clips_per_genre=3) for seed in range(NULL_STUDIES)]
    ours_s, ours_missed = [], 0
    for frame in large:
        began = time.perf_counter()
        Ratings(frame).win_rates()
        ours_s.append(time.perf_counter() - began)
    for frame in null:
        net = Ratings(_one_question(frame)).win_rates().averages[0].net
        assert net.low is not None
        assert net.high is not None
        ours_missed += not net.low <= 0 <= net.high
    theirs = _peer([_one_question(frame) for frame in [*large, *null]])
    # evalica answers one question at a time and Duet was timed on both.
    theirs_s = [2 * seconds for seconds, _, _ in theirs[:TIMED]]
    theirs_missed = sum(not low <= 0.5 <= high for _, low, high in theirs[TIMED:])
    answers = len(large[0])
    print(f"{answers} answers, 4 systems, 2 questions; medians of {TIMED}")
    print(f"  Duet, all win rates with two-way intervals   {median(ours_s):8.3f} s")
    print(f"  evalica, average win rate, 1000 resamples    {median(theirs_s):8.3f} s")
    print(f"  ratio                                        {median(theirs_s) / median(ours_s):8.1f} ×")
    missed = "95 % interval leaves out the truth"
    print(f"{NULL_STUDIES} studies in which no system is better, 20 raters × 12 clips, effects of both")
    print(f"  Duet's {missed}    {ours_missed:5d}  ({ours_missed / NULL_STUDIES:.0%})")
    print(
        f"  evalica's 95 % interval leaves out the truth {theirs_missed:5d}  ({theirs_missed / NULL_STUDIES:.0%})"
    )


def _one_question(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["question"] == "music_preference"]


def _peer(frames: list[pd.DataFrame]) -> list[tuple[float, float, float]]:
    table = pd.concat(
        frame.assign(number=number, sign=np.sign(frame["score"]).astype(int))[
            ["number", "system_1", "system_2", "sign"]
        ]
        for number, frame in enumerate(frames)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.csv"
        table.to_csv(path, index=False)
        done = subprocess.run(
            [evalica_python(), "-c", PEER_SCRIPT, path], check=True, stdout=subprocess.PIPE, text=True
        )
    return [tuple(found) for found in json.loads(done.stdout)]


if __name__ == "__main__":
    sys.exit(main())
