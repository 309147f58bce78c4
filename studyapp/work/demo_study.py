"""The demo's studies: a small one that opens soon, and the complete one behind it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product, zip_longest
from typing import Any

from studyapp.actions.stimuli import study_stimuli
from studyapp.actions.studies import build_design, create_study, expected_trials, set_clips
from studyapp.actions.systems import ensure_system
from studyapp.actions.trying import try_on
from studyapp.errors import DuetError
from studyapp.models import Clip, Stimulus, Study, System, User
from studyapp.plan.sampling import DesignSummary
from studyapp.states import StimulusState, StudyState

FIRST = (
    ("v2meow-clip", "tiny"),
    ("v2meow-clip-i3d", "tiny"),
    ("random-shuffle", "default"),
    ("ground-truth", "default"),
)
"""Every pair of these is compared in the first study, for they are there in minutes."""
VARIANTS = (("v2meow-clip", "tiny"), ("v2meow-clip-i3d", "tiny"), ("v2meow-clip-i3d-text", "tiny"))
BASELINES = (("cmt", "tiny"), ("loop-retrieval", "default"), ("riffusion", "tiny"), ("random-shuffle", "default"))
"""In the complete study each variant is compared with each of these, as in the paper's human study."""
OTHERS = (
    ("v2meow-i3d", "tiny"),
    ("v2meow-vit", "tiny"),
    ("v2meow-vit-i3d", "tiny"),
    ("v2meow-clip-text", "tiny"),
    ("v2meow-i3d-text", "tiny"),
    ("v2meow-vit-text", "tiny"),
    ("v2meow-vit-i3d-text", "tiny"),
    ("v2meow-clip-audio-stage2", "tiny"),
    ("v2meow-clip-no-semantic", "tiny"),
    ("foil-shifted", "default"),
    ("silence", "default"),
)
"""What else plays here offline: tried on each clip of one's own, on the systems' own pages."""
GOLD = (("ground-truth", "default"), ("foil-other-clip", "default"))
LEAST_SOUNDING = 3
"""So many clips with sound, and the complete study has gold pairs: ground truth beside another clip's music."""
FIRST_CLIPS = 8
SESSIONS = 36
LONGEST_SESSION = 6
COMPLETE_RATINGS, COMPLETE_SESSION = 3, 12
INSTRUCTIONS = (
    "This is Duet's demo. Use headphones or good loudspeakers and set a comfortable volume now. In every step "
    "you see one video twice, with two different soundtracks, A and B. Play both to the end, then answer two "
    "questions. There are no right or wrong answers."
)
PREFERENCES = {
    "ground-truth": 1.5,
    "v2meow-clip-i3d-tiny": 0.7,
    "v2meow-clip-tiny": 0.4,
    "random-shuffle": 0.0,
}
"""What simulated raters like, in logits. Made up: it shows what a report looks like, not how good anything is."""


@dataclass(frozen=True, slots=True)
class Studies:
    first: Study
    complete: Study


def make_studies(*, dataset: str, clips: Sequence[Clip], by: User) -> Studies:
    """The two studies of a dataset, made where they are not there yet; designs follow later."""
    first, variants, baselines, gold = (
        [ensure_system(key=key, preset=preset, by=by) for key, preset in group]
        for group in (FIRST, VARIANTS, BASELINES, GOLD)
    )
    few = spread(clips, FIRST_CLIPS)
    checks: dict[str, Any] = {}
    if sum(bool(clip.audio_file) for clip in clips) >= LEAST_SOUNDING:
        checks = {"gold_truth": gold[0], "gold_foil": gold[1], "gold_per_block": 1}
    title = _title(dataset)
    return Studies(
        _ensure(f"{dataset}-first", f"{title}: first clips", few, list(combinations(first, 2)), by),
        _ensure(dataset, f"{title}: all clips", clips, list(product(variants, baselines)), by, **checks),
    )


def spread(clips: Sequence[Clip], count: int) -> list[Clip]:
    """``count`` clips, genres in turn."""
    by_genre: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_genre[clip.genre].append(clip)
    in_turn = chain.from_iterable(zip_longest(*by_genre.values()))
    return [clip for clip in in_turn if clip is not None][:count]


def design_first(study: Study, *, by: User) -> DesignSummary:
    """Sessions of at most six trials, as many as the demo wants places for; shorter where clips are few."""
    _number(study, trials_per_block=1, ratings_per_comparison=1)
    comparisons = expected_trials(study).comparisons
    problem: DuetError | None = None
    for trials in range(min(LONGEST_SESSION, comparisons), 0, -1):
        ratings = max(1, round(SESSIONS * trials / comparisons))
        _number(study, trials_per_block=trials, ratings_per_comparison=ratings)
        try:
            return build_design(study=study, by=by)
        except DuetError as error:
            problem = error
    assert problem is not None
    raise problem


def design_complete(study: Study, *, by: User) -> DesignSummary:
    _number(study, trials_per_block=1, ratings_per_comparison=COMPLETE_RATINGS)
    trials = min(COMPLETE_SESSION, expected_trials(study).comparisons)
    _number(study, trials_per_block=trials, ratings_per_comparison=COMPLETE_RATINGS)
    return build_design(study=study, by=by)


def leave_out_failed(study: Study, *, by: User) -> list[str]:
    """Take clips out of a draft that a system failed on; one line for each failure."""
    failed = list(study_stimuli(study).filter(state=StimulusState.FAILED).select_related("clip", "system"))
    if failed:
        out = {stimulus.clip.pk for stimulus in failed}
        set_clips(study=study, clips=study.clips.exclude(pk__in=out), by=by)
    return [f"{one.clip} is left out: {one.system} failed on it: {one.error}" for one in failed]


def refusals(summary: DesignSummary) -> list[str]:
    """One line for each system and reason: the clips it cannot score are never planned for it."""
    return [f"{one.system} leaves out {one.clip_id}: {one.reason}" for one in summary.refusals]


def try_others(clips: Sequence[Clip], *, by: User) -> tuple[int, list[str]]:
    """Ask every system that no study of the demo compares for each clip; how many, and what they cannot.

    Nothing happens where that was done before.
    """
    asked = 0
    told: list[str] = []
    systems = [ensure_system(key=key, preset=preset, by=by) for key, preset in OTHERS]
    if Stimulus.objects.filter(system__in=systems, clip__in=clips).exists():
        return asked, told
    for system in systems:
        for clip in clips:
            try:
                try_on(system=system, clip=clip, by=by)
            except DuetError as error:
                told.append(f"{system} leaves out {clip.clip_id}: {error}")
            else:
                asked += 1
    return asked, told


def effects(study: Study) -> dict[str, float]:
    """The made-up preferences, for the systems that this study compares."""
    compared = set(chain.from_iterable(study.pairs.values_list("system_1__slug", "system_2__slug")))
    return {slug: strength for slug, strength in PREFERENCES.items() if slug in compared}


def _ensure(
    slug: str, title: str, clips: Sequence[Clip], pairs: Sequence[tuple[System, System]], by: User, **checks: Any
) -> Study:
    study = Study.objects.filter(slug=slug).first()
    if study is not None:
        return study
    return create_study(
        title=title,
        slug=slug,
        clips=clips,
        pairs=pairs,
        by=by,
        clips_per_cell=max(Counter(clip.genre for clip in clips).values()),
        instructions=INSTRUCTIONS,
        **checks,
    )


def _title(dataset: str) -> str:
    return "Demo" if dataset == "demo" else f"Demo with {dataset}"


def _number(study: Study, **numbers: int) -> None:
    Study.objects.filter(pk=study.pk, state=StudyState.DRAFT).update(**numbers)
    study.refresh_from_db()
