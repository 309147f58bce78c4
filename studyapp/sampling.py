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


@dataclass(frozen=True, slots=True)
class Sampled:
    """Everything sampling starts from."""

    clips: Mapping[str, Clip]
    systems: Mapping[str, System]
    drawn: design.Sample
    refusals: tuple[Refusal, ...]


def sample(study: Study) -> Sampled:
    """Ask every system about every clip, and draw the comparisons.

    Raises DuetError when two clips share an id or nothing can be compared.
    """
    clips = list(study.clips.all())
    twice = [clip_id for clip_id, count in Counter(clip.clip_id for clip in clips).items() if count > 1]
    if twice:
        raise DuetError(f"two clips of the study are called {twice[0]!r}; take one of them out")
    pairs = list(study.pairs.select_related("system_1", "system_2"))
    systems = {system.slug: system for pair in pairs for system in (pair.system_1, pair.system_2)}
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
    return Sampled({clip.clip_id: clip for clip in clips}, systems, drawn, tuple(refusals))


def ask(clips: Collection[Clip], systems: Collection[System]) -> tuple[list[design.ClipFacts], list[Refusal]]:
    """What each system says of each clip. It may read files: ask before taking a lock, the answers are kept."""
    audio = frozenset(clip.clip_id for clip in clips if clip.audio_file)
    refusals: list[Refusal] = []
    facts: list[design.ClipFacts] = []
    for clip in clips:
        able = set()
        asked = ClipFacts(clip.clip_id, clip.duration_s, audio)
        for system in systems:
            try:
                _ask(system.key, json.dumps(system.placed_settings), asked)
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
    """The numbers of trials, blocks and stimuli. Raises DuetError when the study's numbers cannot be met."""
    try:
        counts = design.count_trials(
            len(known.drawn.comparisons),
            ratings_per_comparison=study.ratings_per_comparison,
            trials_per_block=study.trials_per_block,
            repeats_per_block=study.repeats_per_block,
        )
    except design.DesignError as error:
        raise DuetError(str(error)) from None
    return DesignSummary(
        **asdict(counts),
        stimuli=len(needed(known.drawn.comparisons)),
        shortfalls=tuple(
            f"{' vs '.join(cell.pair)}, {cell.genre}: {cell.found} of {cell.wanted} clips"
            for cell in known.drawn.shortfalls
        ),
        refusals=known.refusals,
    )


def needed(comparisons: Sequence[design.PlannedComparison]) -> list[tuple[str, str]]:
    """Clip id and system slug of every stimulus that the comparisons show."""
    return sorted({(row.clip_id, slug) for row in comparisons for slug in row.pair})
