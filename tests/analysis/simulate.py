"""A small pure simulator: preferences with rater and clip effects, as a table that keeps the data contract."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from analysis.schema import QUESTIONS


def simulate(
    *,
    seed: int,
    raters: int = 30,
    genres: tuple[str, ...] = ("Electronic", "Hip hop", "Pop", "Rock"),
    clips_per_genre: int = 5,
    systems: tuple[str, ...] = ("alpha", "beta"),
    per_rater: int = 10,
    effect: float = 0.0,
    rater_sd: float = 0.7,
    clip_sd: float = 0.7,
    tie_band: float = 0.5,
    simulated: bool = False,
) -> pd.DataFrame:
    """Latent preference = effect + rater + clip + logistic noise; cut at ± tie_band and ± (tie_band + 1).

    Every rater sees ``per_rater`` comparisons drawn without replacement; each question has noise of its own.
    """
    rng = np.random.default_rng(seed)
    pairs = list(itertools.combinations(systems, 2))
    clips = [(genre, f"{genre}-{n}") for genre in genres for n in range(clips_per_genre)]
    comparisons = [(pair, genre, clip) for pair in pairs for genre, clip in clips]
    rater_effect = rng.normal(0, rater_sd, (raters, len(pairs)))
    clip_effect = dict(zip(comparisons, rng.normal(0, clip_sd, len(comparisons)), strict=True))
    rows = []
    for rater in range(raters):
        drawn = rng.choice(len(comparisons), size=min(per_rater, len(comparisons)), replace=False)
        for position, index in enumerate(drawn, start=1):
            comparison = comparisons[index]
            (first, second), genre, clip = comparison
            left_is_1 = bool(rng.random() < 0.5)
            mean = effect + rater_effect[rater, pairs.index((first, second))] + clip_effect[comparison]
            for question in QUESTIONS:
                latent = mean + rng.logistic()
                score = int(np.sign(latent)) * (int(abs(latent) > tie_band) + int(abs(latent) > tie_band + 1))
                rows.append(
                    row(
                        rater=f"r{rater:03d}",
                        trial=f"r{rater:03d}-{position}",
                        position=position,
                        genre=genre,
                        clip=clip,
                        question=question,
                        pair=(first, second),
                        left_is_1=left_is_1,
                        played_first="left" if rng.random() < 0.5 else "right",
                        score=score,
                        simulated=simulated,
                    )
                )
    return pd.DataFrame(rows)


def row(
    *,
    rater: str,
    trial: str,
    genre: str,
    clip: str,
    pair: tuple[str, str],
    score: int,
    question: str = "visual_relevance",
    position: int = 1,
    left_is_1: bool = True,
    played_first: str = "left",
    kind: str = "test",
    simulated: bool = False,
) -> dict[str, object]:
    """One row of the contract with the score given in the canonical frame."""
    left, right = pair if left_is_1 else pair[::-1]
    presented = score if left_is_1 else -score
    return {
        "study": "sim",
        "rater_id": rater,
        "session_id": f"s-{rater}",
        "block": 1,
        "trial_id": trial,
        "position": position,
        "kind": kind,
        "repeat_of": "original" if kind == "repeat" else "",
        "dataset": "demo",
        "clip_id": clip,
        "genre": genre,
        "question": question,
        "system_left": left,
        "system_right": right,
        "played_first": played_first,
        "choice": 3 - presented,
        "score_presented": presented,
        "system_1": pair[0],
        "system_2": pair[1],
        "score": score,
        "simulated": simulated,
        "coverage_left": 1.0,
        "coverage_right": 1.0,
        "response_time_ms": 25000,
        "stimulus_left": "a" * 64,
        "stimulus_right": "b" * 64,
        "lufs_left": -23.0,
        "lufs_right": -23.1,
        "gain_db_left": 1.5,
        "gain_db_right": -2.0,
        "seed_left": 1,
        "seed_right": 1,
        "answered_at": "2026-01-31T12:00:00Z",
    }


def renamed(frame: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Systems under other names, pairs in the order of those."""
    columns = ["system_1", "system_2", "system_left", "system_right"]
    called = frame.assign(**{column: frame[column].astype(object).replace(names) for column in columns})
    turned = (called["system_1"] > called["system_2"]).to_numpy()
    first, second = called["system_1"].copy(), called["system_2"].copy()
    return called.assign(
        system_1=first.where(~turned, second),
        system_2=second.where(~turned, first),
        score=called["score"].where(~turned, -called["score"]),
    )


def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows in another order, the raters under other names that sort differently."""
    raters = "x" + frame["rater_id"].str[::-1]
    return frame.assign(rater_id=raters).sample(frac=1, random_state=3, ignore_index=True)


def swapped_sides(frame: pd.DataFrame) -> pd.DataFrame:
    """As if every trial had been shown the other way round, and judged alike."""
    swaps = {"system_left": frame["system_right"], "system_right": frame["system_left"]}
    return frame.assign(**swaps, choice=6 - frame["choice"], score_presented=-frame["score_presented"])
