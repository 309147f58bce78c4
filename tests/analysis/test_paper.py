"""The paper's tables by name: counts that fit its printed numbers give them back."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from analysis import paper
from analysis.ratings import Ratings, read
from analysis.results import TIES_LEFT_OUT
from tests.analysis.simulate import row, simulate

VR, MP = "visual_relevance", "music_preference"
# V2Meow (2305.06594), Table 1, third column of MV100K: each variant against CMT.
MV100K = {
    "V2Meow-CLIP": (78.2, 67.6),
    "V2Meow-I3D": (74.3, 65.8),
    "V2Meow-VIT": (81.4, 71.5),
    "V2Meow-VIT+I3D": (83.8, 76.8),
    "V2Meow-CLIP+I3D": (79.2, 68.2),
}
CMT_ON_MV100K = (20.6, 30.0)
# The same on MusicCaps: each variant against CMT, Riffusion and MUBERT.
BASELINES = {"CMT": (19.7, 20.7), "Riffusion": (38.6, 41.2), "MUBERT": (43.3, 49.3)}
MUSICCAPS = {
    "V2Meow-CLIP": (63.6, 58.5),
    "V2Meow-I3D": (68.8, 68.0),
    "V2Meow-VIT": (66.9, 60.3),
    "V2Meow-VIT+I3D": (71.8, 67.1),
    "V2Meow-CLIP+I3D": (67.4, 65.8),
}
# Table 4: the ablation's round robin on MV100K.
TABLE_4 = {
    "CLIP": (47.2, 49.0),
    "CLIP + I3D Flow": (63.0, 61.8),
    "VIT-VQGAN": (55.9, 53.6),
    "I3D Flow": (41.7, 40.7),
    "VIT-VQGAN + I3D Flow": (42.6, 45.3),
}
GENRES = tuple(f"genre {n}" for n in range(9))


def answers(
    pair: tuple[str, str], question: str, wins: int, losses: int, ties: int, *, genre: str = "all", dataset: str
) -> list[dict[str, object]]:
    scores = [1 + n % 2 for n in range(wins)] + [-1 - n % 2 for n in range(losses)] + [0] * ties
    name = f"{dataset}-{genre}-{'-'.join(pair)}"
    return [
        row(
            rater=f"r{n % 20}",
            trial=f"{name}-{n}",
            genre=genre,
            clip=f"{name}-c{n % 10}",
            pair=pair,
            score=score,
            question=question,
            left_is_1=n % 2 == 0,
        )
        | {"dataset": dataset}
        for n, score in enumerate(scores)
    ]


def cells(won: tuple[paper.Won, ...]) -> dict[tuple[str, str, str], str]:
    return {(one.dataset, one.system, one.question): f"{100 * one.win.value:.1f}" for one in won}


def mv100k() -> list[dict[str, object]]:
    """1,000 decided ratings a pair fit the printed tenths of a percent, and ties beside them change nothing."""
    rows = []
    for variant, printed in MV100K.items():
        for question, percent in zip((VR, MP), printed, strict=True):
            wins = round(10 * percent)
            rows += answers((variant, "CMT"), question, wins, 1000 - wins, 137, dataset="MV100K")
    return rows


def test_table_1_on_mv100k_comes_back_as_printed() -> None:
    found = cells(read(pd.DataFrame(mv100k())).paper_table_1())
    for variant, printed in {**MV100K, "CMT": CMT_ON_MV100K}.items():
        for question, percent in zip((VR, MP), printed, strict=True):
            assert found["MV100K", variant, question] == f"{percent:.1f}"


def fitting(rate: dict[str, float], sizes: dict[tuple[str, str], int]) -> dict[tuple[str, str], tuple[int, int]]:
    """Wins and losses of every pair, of the sizes given, that make each system win at its rate.

    The shares solve a linear system, a line a system, and lie as near one half as they can.
    """
    pairs, systems = list(sizes), list(rate)
    lines = np.zeros((len(systems), len(pairs)))
    wanted = np.array([rate[system] / 100 for system in systems])
    for place, (one, other) in enumerate(pairs):
        for sign, system in ((1, one), (-1, other)):
            total = sum(n for pair, n in sizes.items() if system in pair)
            lines[systems.index(system), place] = sign * sizes[one, other] / total
            wanted[systems.index(system)] -= sizes[one, other] / total / 2
    shares = 0.5 + np.linalg.lstsq(lines, wanted, rcond=None)[0]
    # Sizes are whole numbers, so wins and losses add up but for their rounding.
    assert np.allclose(lines @ (shares - 0.5), wanted, atol=2e-4)
    assert (shares > 0).all()
    assert (shares < 1).all()
    wins = {pair: round(sizes[pair] * float(share)) for pair, share in zip(pairs, shares, strict=True)}
    return {pair: (wins[pair], sizes[pair] - wins[pair]) for pair in pairs}


def musiccaps_sizes(question: int) -> dict[tuple[str, str], int]:
    """CMT's pairs so much larger that wins and losses add up: the printed margins fit no pairs of one size."""
    variants = np.mean([printed[question] for printed in MUSICCAPS.values()])
    cmt, *others = (100 - printed[question] for printed in BASELINES.values())
    of_cmt = (variants - np.mean(others)) / (cmt - np.mean(others))
    share = dict(zip(BASELINES, (of_cmt, (1 - of_cmt) / 2, (1 - of_cmt) / 2), strict=True))
    return {(variant, baseline): round(3000 * share[baseline]) for variant in MUSICCAPS for baseline in BASELINES}


def round_robin_sizes(rate: dict[str, float], strongest: str) -> dict[tuple[str, str], int]:
    """The strongest system's pairs smaller or larger by as much as its rate needs for all wins to be losses too.

    Pairs of one size average 50 %, and the five printed rates 50.08.
    """
    others = sum(rate[system] - 50 for system in rate if system != strongest)
    factor = -3 * others / (4 * (rate[strongest] - 50) + others)
    return {pair: round(400 * (factor if strongest in pair else 1)) for pair in combinations(rate, 2)}


@pytest.mark.parametrize("question", [0, 1])
def test_table_1_on_musiccaps_comes_back_as_printed(question: int) -> None:
    name = (VR, MP)[question]
    rate = {system: printed[question] for system, printed in {**MUSICCAPS, **BASELINES}.items()}
    rows = []
    for pair, (wins, losses) in fitting(rate, musiccaps_sizes(question)).items():
        rows += answers(pair, name, wins, losses, 11, dataset="MusicCaps")
    found = cells(read(pd.DataFrame(rows)).paper_table_1())
    for system, printed in {**MUSICCAPS, **BASELINES}.items():
        assert found["MusicCaps", system, name] == f"{printed[question]:.1f}"


@pytest.mark.parametrize("question", [0, 1])
def test_table_4_comes_back_as_printed_from_genres_that_differ(question: int) -> None:
    name, systems = (VR, MP)[question], list(TABLE_4)
    rate = {system: printed[question] for system, printed in TABLE_4.items()}
    rows = []
    for place, genre in enumerate(GENRES):
        # Their rates lie about the printed ones, and they weigh the same whatever is decided in each.
        tilted = {system: rate[system] + (place - 4) * (-1) ** n for n, system in enumerate(systems)}
        for pair, (wins, losses) in fitting(tilted, round_robin_sizes(tilted, "CLIP + I3D Flow")).items():
            rows += answers(pair, name, wins, losses, 30, genre=genre, dataset="MV100K")
    found = cells(read(pd.DataFrame(rows)).paper_table_4())
    assert {system: found["", system, name] for system in systems} == {s: f"{rate[s]:.1f}" for s in systems}


def test_ties_are_left_out_and_said_to_be() -> None:
    (cmt, *_) = read(pd.DataFrame(mv100k())).paper_table_1()
    assert (cmt.system, cmt.decided, cmt.ties) == ("CMT", 5000, 5 * 137)
    assert cmt.convention == TIES_LEFT_OUT
    printed = paper.printed(read(pd.DataFrame(mv100k())).paper_table_1())
    assert "ties left out, as printed" in printed.title
    assert printed.rows[0].cells[:2] == ("MV100K", "CMT")
    assert printed.rows[0].cells[2].startswith("20.6% [")


def test_a_system_that_only_ties_has_a_reason_instead_of_a_share() -> None:
    frame = simulate(seed=3, raters=6).assign(score=0, choice=3, score_presented=0)
    won = read(frame).paper_table_4()
    assert all(one.win.reason == "every rating is a tie" and not one.decided for one in won)
    assert "every rating is a tie" in paper.printed(won).rows[0].cells


def test_naming_the_pair_the_other_way_round_changes_no_row() -> None:
    frame = simulate(seed=3, raters=8, systems=("a", "b", "c"))
    turned = frame.assign(system_1=frame["system_2"], system_2=frame["system_1"], score=-frame["score"])
    assert Ratings(read(frame).frame).paper_table_4() == Ratings(read(turned).frame).paper_table_4()
