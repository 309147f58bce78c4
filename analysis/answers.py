"""The answers that are estimated from, as integer codes: found once, whatever is computed from them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.results import AnalysisError
from analysis.schema import QUESTIONS
from analysis.variance import Codes, dense

Flags = np.ndarray[Any, np.dtype[np.bool_]]
CLIP = "clip"
"""What ``by`` may be besides a column: every clip as a group of its own."""


@dataclass(frozen=True, slots=True)
class Answers:
    """N answers as codes (N,) into the names beside them; ``score`` + favours system_1, ``left`` is its side.

    ``group`` is the genre, or the value of the column ``by`` that took its place; clips are nested in groups.
    Names may outnumber the codes in use once answers have been taken out.
    """

    score: Codes
    left: Flags
    question: Codes
    group: Codes
    pair: Codes
    rater: Codes
    clip: Codes
    simulated: Flags
    groups: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    raters: tuple[str, ...]
    clips: tuple[str, ...]
    by: str

    questions = QUESTIONS

    def __len__(self) -> int:
        return len(self.score)

    @property
    def systems(self) -> tuple[str, ...]:
        """Every system that meets another, by name."""
        return tuple(sorted({name for pair in self.pairs for name in pair}))

    def check_compared(self, pairs: Collection[tuple[str, str]]) -> None:
        """Raises AnalysisError for a pair, in either order, that nobody judged."""
        known = {frozenset(pair) for pair in self.pairs}
        for pair in pairs:
            for name in pair:
                if name not in self.systems:
                    raise AnalysisError(f"no system is called {name!r}; there are: {', '.join(self.systems)}")
            if frozenset(pair) not in known:
                raise AnalysisError(f"{pair[0]} and {pair[1]} were not compared with each other")

    def asked(self) -> tuple[int, ...]:
        """Codes of the questions that somebody answered."""
        return tuple(np.unique(self.question).tolist())

    def kept(self, rows: Flags | Codes) -> Answers:
        """Those answers only, under the same names. Raises AnalysisError where none is left."""
        columns = ("score", "left", "question", "group", "pair", "rater", "clip", "simulated")
        left = replace(self, **{name: getattr(self, name)[rows] for name in columns})
        if not len(left):
            raise AnalysisError("no answer is left to analyse")
        return left

    @classmethod
    def of(cls, frame: pd.DataFrame, *, include_simulated: bool = False, by: str = "genre") -> Answers:
        """Code a table of one study that ``schema.read`` returned: test trials, people's unless asked otherwise.

        ``by`` names the column whose values group the clips, or is "clip". Raises AnalysisError when nothing is
        left, for several studies in one table, and for a column that does not group clips.
        """
        used = included(frame, include_simulated=include_simulated)
        if used.empty:
            raise AnalysisError(
                "no answer is left to analyse: only test trials count, and simulated answers only when asked for"
            )
        _, studies = coded(used["study"])
        if len(studies) > 1:
            raise AnalysisError(f"the table holds the studies {', '.join(studies)}; analyse one at a time")
        pair, pairs = _together(used, ("system_1", "system_2"))
        clip, clips = _together(used, ("dataset", "clip_id"))
        clip_names = tuple(" / ".join(names) if len({d for d, _ in clips}) > 1 else names[1] for names in clips)
        rater, raters = coded(used["rater_id"])
        group, groups = (clip, clip_names) if by == CLIP else _grouped(used, by, clip, clip_names)
        question, questions = coded(used["question"])
        place = np.asarray([QUESTIONS.index(name) for name in questions], dtype=np.intp)
        side, sides = coded(used["system_left"])
        first = np.asarray([sides.index(one) if one in sides else -1 for one, _ in pairs], dtype=np.intp)
        return cls(
            score=used["score"].to_numpy(dtype=np.intp),
            left=side == first[pair],
            question=place[question],
            group=group,
            pair=pair,
            rater=rater,
            clip=clip,
            simulated=used["simulated"].to_numpy(dtype=np.bool_),
            groups=groups,
            pairs=tuple((one, other) for one, other in pairs),
            raters=raters,
            clips=clip_names,
            by=by,
        )


def included(frame: pd.DataFrame, *, include_simulated: bool = False) -> pd.DataFrame:
    """The rows that are estimated from: test trials, answered by people unless asked otherwise."""
    keep = (frame["kind"] == "test").to_numpy()
    if not include_simulated:
        keep = keep & ~frame["simulated"].to_numpy(dtype=np.bool_)
    return frame if keep.all() else frame[keep]


def coded(values: pd.Series[Any]) -> tuple[Codes, tuple[str, ...]]:
    """Codes (N,) of a column and the names that they stand for, sorted."""
    # A categorical column has been factorised already: its codes are looked up, a million rows or not.
    category = values.cat if isinstance(values.dtype, pd.CategoricalDtype) else values.astype("category").cat
    codes = category.codes.to_numpy().astype(np.intp)
    if (codes < 0).any():
        raise AnalysisError(f"column {values.name!r} is empty in some rows; fill it, or group by another column")
    used = np.unique(codes)
    names = [str(name) for name in category.categories[used]]
    order = sorted(range(len(names)), key=names.__getitem__)
    table = np.zeros(len(category.categories), dtype=np.intp)
    table[used[order]] = np.arange(len(order))
    return table[codes], tuple(names[place] for place in order)


def _together(used: pd.DataFrame, columns: tuple[str, str]) -> tuple[Codes, list[tuple[str, str]]]:
    first, first_names = coded(used[columns[0]])
    second, second_names = coded(used[columns[1]])
    key = first * len(second_names) + second
    known = np.flatnonzero(np.bincount(key))
    names = [
        (first_names[one], second_names[other])
        for one, other in zip(*divmod(known, len(second_names)), strict=True)
    ]
    return dense(key), names


def _grouped(used: pd.DataFrame, by: str, clip: Codes, clips: tuple[str, ...]) -> tuple[Codes, tuple[str, ...]]:
    if by not in used.columns:
        raise AnalysisError(
            f"there is no column {by!r} to group by; the table has: {', '.join(used.columns)}, clip"
        )
    group, groups = coded(used[by])
    of_clip = np.zeros(len(clips), dtype=np.intp)
    of_clip[clip] = group
    torn = np.flatnonzero(of_clip[clip] != group)
    if len(torn):
        at = torn[0]
        values = f"{groups[group[at]]!r} and {groups[of_clip[clip[at]]]!r}"
        raise AnalysisError(
            f"column {by!r} gives clip {clips[clip[at]]!r} the values {values}; take one that is the same all "
            "through a clip"
        )
    return group, groups
