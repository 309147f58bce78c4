"""What a study's clips, pairs and numbers allow: what each system can do, the draw, the counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

from analysis import design
from generation import registry
from generation.contracts import ClipFacts
from studyapp.errors import DuetError
from studyapp.models import Clip, Study, System
from studyapp.work.recipe import audio_seconds

MOST_TRIALS = 100_000
"""What is laid out in one request, which has two minutes: so many take 20 s on two busy cores."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A system that cannot score a clip; the clip is never planned for it."""

    clip_id: str
    system: str
    reason: str


@dataclass(frozen=True, slots=True)
class DesignSummary:
    """What a design asks for, and what it had to leave out. ``ratings`` are the trials that count."""

    comparisons: int
    ratings: int
    repeats: int
    trials: int
    blocks: int
    shortest_block: int
    longest_block: int
    stimuli: int
    shortfalls: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...] = ()
    checks: int = 0
    training: int = 0


@dataclass(frozen=True, slots=True)
class Sampled:
    """Everything sampling starts from."""

    clips: Mapping[str, Clip]
    systems: Mapping[str, System]
    drawn: design.Sample
    checks: design.Checks
    refusals: tuple[Refusal, ...]

    @property
    def compared(self) -> tuple[design.PlannedComparison, ...]:
        """Everything that may be shown, checks included."""
        return (*self.drawn.comparisons, *self.checks.gold, *self.checks.identical)


def sample(study: Study) -> Sampled:
    """Ask every system about every clip, and draw the comparisons.

    Raises DuetError when two clips share an id or nothing can be compared.
    """
    clips = list(study.clips.all())
    twice = [clip_id for clip_id, count in Counter(clip.clip_id for clip in clips).items() if count > 1]
    if twice:
        raise DuetError(f"two clips of the study are called {twice[0]!r}; take one of them out")
    pairs = list(study.pairs.select_related("system_1", "system_2"))
    gold = (study.gold_truth, study.gold_foil) if study.gold_per_block else ()
    systems = {
        system.slug: system
        for system in (*(one for pair in pairs for one in (pair.system_1, pair.system_2)), *gold)
        if system is not None
    }
    facts, refusals = ask(clips, systems.values())
    try:
        drawn = design.sample_comparisons(
            facts,
            [(pair.system_1.slug, pair.system_2.slug) for pair in pairs],
            clips_per_cell=study.clips_per_cell,
            seed=study.seed,
        )
    except design.DesignError as error:
        raise DuetError(str(error)) from None
    checks = _checks(study, facts, [slug for row in drawn.comparisons for slug in row.pair])
    return Sampled({clip.clip_id: clip for clip in clips}, systems, drawn, checks, tuple(refusals))


def _checks(study: Study, facts: Sequence[design.ClipFacts], compared: Sequence[str]) -> design.Checks:
    """Gold pairs of every clip that both systems can score, and of every clip one system beside itself.

    Which system that is goes round, so that no file has to be made that the study does not compare anyway.
    """
    gold: list[design.PlannedComparison] = []
    if study.gold_per_block:
        assert study.gold_truth is not None
        assert study.gold_foil is not None
        first, second = sorted((study.gold_truth, study.gold_foil), key=lambda system: system.pk)
        gold = [
            design.PlannedComparison(
                clip.clip_id, clip.genre, first.slug, second.slug, expected=study.gold_truth.slug
            )
            for clip in facts
            if clip.systems.issuperset({first.slug, second.slug})
        ]
    identical: list[design.PlannedComparison] = []
    if study.identical_per_block:
        order = sorted(set(compared))
        for turn, clip in enumerate(sorted(facts, key=lambda clip: clip.clip_id)):
            able = [slug for slug in (*order[turn % len(order) :], *order) if slug in clip.systems]
            if able:
                identical.append(design.PlannedComparison(clip.clip_id, clip.genre, able[0], able[0]))
    return design.Checks(tuple(gold), tuple(identical), study.gold_per_block, study.identical_per_block)


def ask(clips: Collection[Clip], systems: Collection[System]) -> tuple[list[design.ClipFacts], list[Refusal]]:
    """What each system says of each clip. It may read files: ask before taking a lock, the answers are kept."""
    sounding = [clip for clip in clips if clip.audio_file]
    audio, audio_s = frozenset(clip.clip_id for clip in sounding), audio_seconds(sounding)
    refusals: list[Refusal] = []
    facts: list[design.ClipFacts] = []
    placed = [(system, json.dumps(system.placed_settings)) for system in systems]
    for clip in clips:
        able = set()
        asked = ClipFacts(clip.clip_id, clip.duration_s, audio, clip.caption, audio_s)
        for system, settings in placed:
            try:
                _ask(system.key, settings, asked)
            except _Refused as refused:
                refusals.append(Refusal(clip.clip_id, system.slug, str(refused)))
            else:
                able.add(system.slug)
        facts.append(design.ClipFacts(clip.clip_id, clip.genre, frozenset(able)))
    return facts, refusals


class _Refused(Exception):
    """A system's own reason for not scoring a clip."""


@lru_cache(maxsize=50_000)
def _ask(key: str, settings: str, asked: ClipFacts) -> None:
    """Raises _Refused. What is accepted stays so and is kept, for an imported file is probed with ffprobe (0.1 s);
    exceptions are never kept, so a file that turns up later is seen.
    """
    reason = registry.refusal(key, asked, json.loads(settings))
    if reason:
        raise _Refused(reason)


def summary(study: Study, known: Sampled) -> DesignSummary:
    """The numbers of trials, blocks and stimuli.

    Raises DuetError when the study's numbers cannot be met, or ask for more than ``MOST_TRIALS``.
    """
    try:
        counts = design.count_trials(
            len(known.drawn.comparisons),
            ratings_per_comparison=study.ratings_per_comparison,
            trials_per_block=study.trials_per_block,
            repeats_per_block=study.repeats_per_block,
            checks_per_block=known.checks.per_block,
            training_per_block=study.training_per_block,
        )
    except design.DesignError as error:
        raise DuetError(str(error)) from None
    if counts.trials > MOST_TRIALS:
        raise DuetError(_too_many(study, counts))
    return DesignSummary(
        **asdict(counts),
        stimuli=len(needed(known.compared)),
        shortfalls=tuple(
            f"{' vs '.join(cell.pair)}, {cell.genre}: {cell.found} of {cell.wanted} clips"
            for cell in known.drawn.shortfalls
        ),
        refusals=known.refusals,
    )


def _too_many(study: Study, counts: design.TrialCounts) -> str:
    further = counts.longest_block - -(-counts.ratings // counts.blocks)
    # Of the last block, which need not be full, its further trials count whole.
    fitting = (MOST_TRIALS - further) * study.ratings_per_comparison // counts.trials
    way_out = (
        f"lower ratings per comparison from {study.ratings_per_comparison:,} to {fitting:,}, and add waves while "
        "the study runs"
        if fitting
        else f"with {counts.comparisons:,} comparisons there are too many for one rating each: lower the clips "
        "per genre and pair, or compare fewer pairs"
    )
    return f"the design would have {counts.trials:,} trials, and one has {MOST_TRIALS:,} at most; {way_out}"


def needed(comparisons: Sequence[design.PlannedComparison]) -> list[tuple[str, str]]:
    """Clip id and system slug of every stimulus that the comparisons show."""
    return sorted({(row.clip_id, slug) for row in comparisons for slug in row.pair})
