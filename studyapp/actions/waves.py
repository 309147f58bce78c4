"""Further waves of an opened study: more ratings for all pairs or some, in balanced blocks of their own.

A wave is planned as the design was, with a seed that follows from the study's. No comparison comes twice in a
block, one block goes to one rater, and sides and first player are levelled over everything planned so far. It is
an amendment: exports and reports tell it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max

from analysis import design, practice
from studyapp import policies
from studyapp.actions.amendments import write_amendment
from studyapp.actions.trial_rows import rows_of, store_trials
from studyapp.errors import DuetError, WrongState
from studyapp.models import AuditLine, Block, Comparison, Study, Trial, User
from studyapp.plan.sampling import MOST_TRIALS
from studyapp.plan.wave_plans import PLANNED, Known, Pair, levelled, planned_wave, practice_for, seed_of
from studyapp.states import StudyState

MOST_RATINGS = 1000


@dataclass(frozen=True, slots=True)
class Wave:
    """What was added: ``ratings`` more for each of so many comparisons, in blocks from ``first`` to ``last``."""

    number: int
    ratings: int
    comparisons: int
    trials: int
    first: int
    last: int

    @property
    def blocks(self) -> int:
        return self.last - self.first + 1


def next_wave(study: Study) -> int:
    """The number of the wave that would come next."""
    last = study.blocks.filter(origin=Block.Origin.EXTENDED).aggregate(wave=Max("wave"))["wave"]
    return (last or 0) + 1


def extend(*, study: Study, by: User | None, reason: str, raters: int, wave: int | None = None) -> Wave:
    """A wave for about so many further raters, as many ratings for every comparison as they can give.

    Raises as ``top_up``, and DuetError when they are too few for one rating each.
    """
    comparisons = study.comparisons.designed().filter(kind=Comparison.Kind.TEST).count()
    ratings = raters * study.trials_per_block // max(comparisons, 1)
    if ratings < 1:
        fewest = -(-comparisons // study.trials_per_block)
        raise DuetError(
            f"{raters} raters cannot rate each of {comparisons} comparisons once; ask for {fewest} or more, or "
            "choose some of the pairs"
        )
    return top_up(study=study, by=by, reason=reason, ratings=ratings, wave=wave)


def top_up(
    *,
    study: Study,
    by: User | None,
    reason: str,
    ratings: int,
    pairs: Iterable[Pair] | None = None,
    wave: int | None = None,
) -> Wave:
    """``ratings`` more for each comparison of the pairs (slugs, in either order; None for all), in new blocks.

    wave: the number that the caller expects it to get, so that a form sent twice adds one wave.
    Raises WrongState unless the study is open or paused, or when another wave came first, and DuetError where
    nothing or too much is to be planned, no reason is given or a pair is not compared.
    """
    reason = reason.strip()
    if not reason:
        raise DuetError("say why more ratings are needed; the reason is part of every export")
    if not 1 <= ratings <= MOST_RATINGS:
        raise DuetError(f"{ratings} further ratings are not between 1 and {MOST_RATINGS}")
    _must_run(Study.objects.get(pk=study.pk))
    number = next_wave(study)
    known = Known.of(study)
    chosen = _chosen(known, pairs)
    tests = [one for one in known.of_kind("test") if chosen is None or one.pair in chosen]
    if len(tests) * ratings > MOST_TRIALS:
        raise DuetError(
            f"{ratings:,} ratings of {len(tests):,} comparisons each are more than the {MOST_TRIALS:,} trials "
            f"that a wave has at most; ask for {MOST_TRIALS // len(tests):,} ratings or fewer"
        )
    # Thousands of trials take seconds to plan: before the lock that newcomers wait for.
    seed = seed_of(study, number)
    planned = levelled(planned_wave(study, known, tests, ratings, seed), known, study, seed)
    with transaction.atomic():
        locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
        _must_run(locked)
        if next_wave(locked) != number or wave not in (None, number):
            raise WrongState(
                f"{locked} was given wave {next_wave(locked) - 1} meanwhile; look at it, and ask again for another"
            )
        return _store(locked, planned, known, number=number, ratings=ratings, pairs=chosen, by=by, reason=reason)


def raters_for(study: Study, ratings: int = 1) -> int:
    """How many raters so many further ratings of every comparison take."""
    comparisons = study.comparisons.designed().filter(kind=Comparison.Kind.TEST).count()
    return -(-comparisons * ratings // study.trials_per_block)


def _must_run(study: Study) -> None:
    if not policies.packs_again(StudyState(study.state)):
        raise WrongState(
            f"{study} is {study.standing}; only a study that is open or paused can be given further ratings"
        )


def _chosen(known: Known, pairs: Iterable[Pair] | None) -> set[Pair] | None:
    if pairs is None:
        return None
    canonical = {frozenset(pair): pair for pair in known.pairs}
    asked = [frozenset(pair) for pair in pairs]
    strange = [" and ".join(sorted(pair)) for pair in asked if pair not in canonical]
    if strange or not asked:
        options = "; ".join(" and ".join(pair) for pair in known.pairs)
        wrong = f"{strange[0]} are not compared" if strange else "no pair is chosen"
        raise DuetError(f"{wrong}; choose among {options}")
    return {canonical[pair] for pair in asked}


def _store(
    study: Study,
    planned: design.Design,
    known: Known,
    *,
    number: int,
    ratings: int,
    pairs: set[Pair] | None,
    by: User | None,
    reason: str,
) -> Wave:
    before = _size(study)
    first = 1 + (Block.objects.counted().filter(study=study).aggregate(last=Max("number"))["last"] or 0)
    blocks = Block.objects.bulk_create(
        Block(study=study, number=place, origin=Block.Origin.EXTENDED, wave=number)
        for place in range(first, first + len(planned.blocks))
    )
    practised = practice_for(study, planned, known)
    comparisons = [known.rows[one] for one in planned.comparisons]
    rows: list[Trial] = []
    for block, shown, before_it in zip(blocks, planned.blocks, practised, strict=True):
        rows += [_practice_trial(block, position, one, known) for position, one in enumerate(before_it, start=1)]
        rows += rows_of(shown, block, comparisons, behind=len(before_it))
    store_trials(rows)
    tests = {trial.comparison for block in planned.blocks for trial in block.trials if trial.kind == "test"}
    wave = Wave(number, ratings, len(tests), len(rows), first, first + len(blocks) - 1)
    write_amendment(
        study=study,
        what="extension",
        before=before,
        after={
            **_size(study),
            "wave": number,
            "further_ratings": ratings,
            "pairs": "all" if pairs is None else sorted(map(list, pairs)),
            "block_numbers": [wave.first, wave.last],
            "seed": planned.seed,
            "plan_sha256": _digest(planned),
        },
        reason=reason,
        by=by,
    )
    AuditLine.write("wave added", by=by, study=study, wave=number, blocks=wave.blocks, trials=wave.trials)
    return wave


def _practice_trial(block: Block, position: int, one: practice.Practice, known: Known) -> Trial:
    return Trial(
        block=block,
        position=position,
        comparison=known.rows[known.of_kind("training")[one.candidate]],
        left_is_1=one.left_is_1,
        played_first=one.played_first,
        kind=Trial.Kind.TRAINING,
    )


def _size(study: Study) -> dict[str, int]:
    blocks = study.blocks.filter(origin__in=PLANNED)
    return {
        "blocks": blocks.count(),
        "test_trials": Trial.objects.filter(block__in=blocks, kind=Trial.Kind.TEST).count(),
    }


def _digest(planned: design.Design) -> str:
    """SHA-256 of the wave's plan, as rows of the design file."""
    return hashlib.sha256(json.dumps(design.design_rows(planned)).encode()).hexdigest()
