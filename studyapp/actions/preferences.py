"""The per-genre preference export: one dataset's tables under the conventions that somebody asks for."""

from __future__ import annotations

import itertools
import json
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from studyapp.errors import DuetError, NotReady
from studyapp.models import Dataset, Study

if TYPE_CHECKING:
    from analysis.ratings import Ratings
    from analysis.results import WinRates

SMALL = 20_000
"""Rows of a dataset whose tables are worked out while somebody waits (about a second)."""
Ties = Literal["denominator", "split", "left out"]
Clips = Literal["random", "fixed"]
Format = Literal["csv", "md", "tex"]
TIES: tuple[Ties, ...] = get_args(Ties)
CLIPS: tuple[Clips, ...] = get_args(Clips)
FORMATS: tuple[Format, ...] = get_args(Format)
Pairs = Sequence[tuple[str, str]]
GENRE = "genre"
_FOLDER = "preferences"
_PRIMARY = "primary_pairs.json"


@dataclass(frozen=True, slots=True)
class Choice:
    """What becomes of ties, whether results are about clips like these or these alone, and what groups clips."""

    ties: Ties = "denominator"
    clips: Clips = "random"
    by: str = GENRE

    @classmethod
    def of(cls, *, ties: str, clips: str, by: str, known: Iterable[str]) -> Choice:
        """From a form; ``known`` are the columns that may group clips. Raises DuetError naming the options."""
        for name, given, options in (("ties", ties, TIES), ("clips", clips, CLIPS), ("group by", by, [*known])):
            if given not in options:
                raise DuetError(f"{name}: {given[:40]!r} is not offered; choose {', '.join(options)}")
        return cls(cast(Ties, ties), cast(Clips, clips), by)

    @property
    def stem(self) -> str:
        return f"{self.by}-ties-{self.ties.replace(' ', '-')}-clips-{self.clips}"


def primary_of(study: Study) -> Pairs:
    """The pairs that were declared primary, two slugs each; none where every pair is."""
    return _pairs(study.primary_pairs)


def write_primary(study: Study, folder: Path) -> None:
    """Write down with a dataset which pairs were primary when it was frozen: its tables are of that one family."""
    (folder / _PRIMARY).write_text(json.dumps(primary_of(study)), encoding="utf-8")


def frozen_primary(dataset: Dataset) -> Pairs:
    """The pairs that were primary when the dataset was frozen, as ``primary_of`` says them.

    Of a dataset that an older Duet froze, amendments since then tell it. Its pilot's get the pairs that the study
    opened with: what was changed in the draft meanwhile is in no amendment.
    """
    file = dataset.path / _PRIMARY
    if file.is_file():
        return _pairs(json.loads(file.read_text(encoding="utf-8")))
    since = dataset.study.amendments.filter(what="primary_pairs", at__gt=dataset.created_at)
    changed = since.order_by("number").first()
    return _pairs(changed.before) if changed else primary_of(dataset.study)


def preference_file(dataset: Dataset, choice: Choice, kind: Format) -> Path:
    """The table as a file, from the dataset's own, worked out the first time where that is quick.

    Raises NotReady for a large dataset whose build did not make it, or whose ratings are gone, and AnalysisError
    where nothing can be estimated.
    """
    file = dataset.path / _FOLDER / f"{choice.stem}.{kind}"
    if not file.is_file():
        if (dataset.rows or 0) > SMALL:
            raise NotReady(
                f"this dataset has {dataset.rows:,} rows, and its build did not make this table; freeze "
                "another one, or run `python -m analysis tables` on its ratings"
            )
        from analysis import schema
        from analysis.ratings import Ratings

        file_of_ratings = dataset.path / "ratings.parquet"
        if not file_of_ratings.is_file():
            raise NotReady("the ratings of this dataset are not on the disk any more; freeze another one")
        frame = schema.read(file_of_ratings)
        ratings = Ratings(frame, include_simulated=dataset.includes_simulated)
        _write(ratings, dataset.path, choice, frozen_primary(dataset))
    return file


def write_common(ratings: Ratings, folder: Path, primary: Pairs) -> None:
    """Every table by genre and by tag, for a dataset too large to work them out while somebody waits."""
    from analysis.results import AnalysisError
    from studyapp.clips.tags import PREFIX

    groups = [GENRE, *(str(name) for name in ratings.frame.columns if str(name).startswith(PREFIX))]
    for by, ties, clips in itertools.product(groups, TIES, CLIPS):
        try:
            _write(ratings, folder, Choice(ties, clips, by), primary)
        except AnalysisError:
            continue  # every answer a tie, say: the page tells why when it is asked for


def _pairs(stored: Any) -> Pairs:
    """As JSON keeps them, a list of two slugs each."""
    return [(first, second) for first, second in stored]


def _write(ratings: Ratings, folder: Path, choice: Choice, primary: Pairs) -> None:
    """One table in every format, each whole or not there."""
    from analysis import frames
    from analysis.files import csv_text
    from analysis.win_rates import win_rates

    # The estimator itself: a declared pair that nobody has judged is no slip here.
    rates = win_rates(ratings.grouped(choice.by), ties=choice.ties, clips=choice.clips, primary=primary)
    place = folder / _FOLDER
    place.mkdir(exist_ok=True)
    for kind, text in (
        ("csv", csv_text(frames.pair_frame(rates))),
        ("md", _printed(rates, "md")),
        ("tex", _printed(rates, "tex")),
    ):
        fresh = place / f".{secrets.token_hex(6)}"
        fresh.write_text(text, encoding="utf-8", newline="")
        os.replace(fresh, place / f"{choice.stem}.{kind}")


def _printed(rates: WinRates, kind: Format) -> str:
    """A table for each pair, its method and convention below it."""
    from dataclasses import replace

    from analysis.tables import genre_table

    told = []
    for pair in dict.fromkeys((rate.system_1, rate.system_2) for rate in rates.averages):
        table = genre_table(rates, pair)
        methods = dict.fromkeys(rate.net.method for rate in rates.averages if rate.net.method)
        note = f"Ties: {rates.convention}. Net preference: {'; '.join(methods)}, {rates.level:.0%} intervals."
        table = replace(table, notes=(*table.notes, note))
        told.append(table.latex() if kind == "tex" else table.markdown())
    return "\n".join(told)
