"""What a whole report costs, by rows, systems and raters: seconds and memory of ``python -m analysis report``.

Each is a process of its own, imports included. ``--draw FILE.svg`` draws the curves (matplotlib).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tests.analysis.simulate import row

ROWS = (1_000, 10_000, 100_000, 1_000_000)
SYSTEMS = (2, 4, 6, 10, 15)
RATERS = (20, 200, 2_000, 10_000)
LIMITS = {100_000: (5.0, 400), 1_000_000: (20.0, None)}

CHILD = """
import json, sys, time
began = time.perf_counter()
from analysis.__main__ import main
sys.stdout = sys.stderr
code = main(["report", sys.argv[1], "-o", sys.argv[2]])
# The kernel's high-water mark of this program alone; getrusage would take over that of who started it.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
told = [time.perf_counter() - began, int(peak.split()[1]) / 1024]
print(json.dumps(told), file=sys.__stdout__)
sys.exit(code)
"""


class Cost(NamedTuple):
    seconds: float
    mib: float


def study(rows: int, *, systems: int = 6, raters: int = 200, clips: int = 100, genres: int = 10) -> pd.DataFrame:
    """Both questions on every trial, raters and clips that lean, five answers."""
    rng = np.random.default_rng(7)
    trials = rows // 2
    names = np.array([f"system {n:02d}" for n in range(systems)], dtype=object)
    one = rng.integers(0, systems, trials)
    other = (one + rng.integers(1, systems, trials)) % systems
    one, other = np.minimum(one, other), np.maximum(one, other)
    left, clip = rng.random(trials) < 0.5, rng.integers(0, clips, trials)
    rater = np.sort(rng.integers(0, raters, trials))
    strengths = np.linspace(-0.6, 0.6, systems)
    leaning, drawing = rng.normal(0, 0.7, raters), rng.normal(0, 0.7, clips)
    blank = row(rater="", trial="", genre="", clip="", pair=("", ""), score=0)
    tables = []
    for question in ("visual_relevance", "music_preference"):
        latent = strengths[one] - strengths[other] + leaning[rater] + drawing[clip] + rng.logistic(size=trials)
        score = (np.sign(latent) * ((np.abs(latent) > 0.5) * 1 + (np.abs(latent) > 1.5) * 1)).astype(int)
        presented = np.where(left, score, -score)
        told = {
            "rater_id": _named("r", raters)[rater],
            "session_id": _named("s", raters)[rater],
            "trial_id": _named("t", trials),
            "position": np.arange(trials) % 50 + 1,
            "question": question,
            "genre": _named("genre ", genres)[clip * genres // clips],
            "clip_id": _named("c", clips)[clip],
            "system_1": names[one],
            "system_2": names[other],
            "system_left": np.where(left, names[one], names[other]),
            "system_right": np.where(left, names[other], names[one]),
            "score": score,
            "score_presented": presented,
            "choice": 3 - presented,
            "response_time_ms": rng.integers(2_000, 40_000, trials),
        }
        tables.append(pd.DataFrame({**{name: [value] * trials for name, value in blank.items()}, **told}))
    return pd.concat(tables, ignore_index=True)


def _named(prefix: str, count: int) -> np.ndarray:
    return np.array([f"{prefix}{n}" for n in range(count)], dtype=object)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draw", type=Path, help="draw the curves into this file")
    options = parser.parse_args()
    found: dict[str, dict[int, Cost]] = {"rows": {}, "systems": {}, "raters": {}}
    print("A whole report from a CSV file: 6 systems, 200 raters, 100 clips, 10 genres unless said")
    for rows in ROWS:
        found["rows"][rows] = cost(study(rows))
        _say(f"{rows:>9,} rows", found["rows"][rows], *LIMITS.get(rows, (None, None)))
    for systems in SYSTEMS:
        found["systems"][systems] = cost(study(100_000, systems=systems))
        _say(f"{systems:>9,} systems, 100,000 rows", found["systems"][systems], None, None)
    for raters in RATERS:
        found["raters"][raters] = cost(study(100_000, raters=raters))
        _say(f"{raters:>9,} raters, 100,000 rows", found["raters"][raters], None, None)
    if options.draw:
        _draw(found, options.draw)


def cost(frame: pd.DataFrame) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.csv"
        frame.to_csv(path, index=False)
        command = [sys.executable, "-c", CHILD, path, Path(folder) / "report.html"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)
    return Cost(*json.loads(done.stdout))


def _say(what: str, found: Cost, seconds: float | None, mib: float | None) -> None:
    wanted = f", wanted {seconds:g} s" + (f" and {mib} MiB" if mib else "") if seconds else ""
    print(f"  {what:<34} {found.seconds:6.2f} s {found.mib:7.0f} MiB{wanted}")


def _draw(found: dict[str, dict[int, Cost]], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 3, figsize=(10, 3.2), sharey=True, layout="constrained")
    for panel, (what, costs) in zip(panels, found.items(), strict=True):
        panel.plot(list(costs), [cost.seconds for cost in costs.values()], "o-", color="#1f5a99")
        panel.set(xscale="log", yscale="log", xlabel=what + ("" if what == "rows" else " (100,000 rows)"))
        for at, cost_ in costs.items():
            label = f"{cost_.seconds:.1f} s\n{cost_.mib:.0f} MiB"
            panel.annotate(label, (at, cost_.seconds), (0, 7), textcoords="offset points", ha="center", fontsize=7)
        panel.margins(0.2, 0.35)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("seconds, imports included")
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    sys.exit(main())
