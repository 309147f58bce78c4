"""What a researcher sees of a study: what follows from it, how the work goes, what came in, what can be done next.

Reads only, with a number of queries that does not grow with the study.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Avg, Count, Q, Sum

from studyapp import blinding
from studyapp.actions.designs import inputs_sha256, summary_of
from studyapp.actions.stimuli import study_stimuli, with_lost_file
from studyapp.models import Block, Stimulus, StimulusHold, Study, StudySession
from studyapp.plan.sampling import DesignSummary, Refusal
from studyapp.policies import design_is_frozen
from studyapp.states import LIVE_SESSIONS, BlockState, SessionState, StimulusState, StudyState

# Two versions are heard to the end; reading and answering two questions takes about this long.
ANSWERING_S = 20.0
READING_S = 120.0
# Rates older than this say little about the workers there are now.
RATE_WINDOW = timedelta(minutes=15)
FEWEST_FOR_A_RATE = 3
LISTED = 20


@dataclass(frozen=True, slots=True)
class RefusalGroup:
    """The clips one system refuses for one reason."""

    system: str
    reason: str
    clip_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Follows:
    """What a design asks of generation and raters."""

    summary: DesignSummary
    refusals: tuple[RefusalGroup, ...]
    minutes_shortest: int
    minutes_longest: int

    @classmethod
    def of(cls, study: Study, summary: DesignSummary) -> Follows:
        mean_s = study.clips.aggregate(mean=Avg("duration_s"))["mean"] or 0.0
        return cls(
            summary=summary,
            refusals=grouped(summary.refusals),
            minutes_shortest=minutes_for(summary.shortest_block, mean_s),
            minutes_longest=minutes_for(summary.longest_block, mean_s),
        )


@dataclass(frozen=True, slots=True)
class SystemProgress:
    """How far one system is with the clips of a study."""

    slug: str
    label: str
    requested: int
    rendering: int
    ready: int
    failed: int
    under_way: float

    @property
    def total(self) -> int:
        return self.requested + self.rendering + self.ready + self.failed

    @property
    def ready_percent(self) -> float:
        return 100 * self.ready / self.total if self.total else 0.0

    @property
    def under_way_percent(self) -> float:
        return 100 * self.under_way / self.total if self.total else 0.0

    @property
    def failed_percent(self) -> float:
        return 100 * self.failed / self.total if self.total else 0.0

    @property
    def failed_from(self) -> float:
        return 100 - self.failed_percent


@dataclass(frozen=True, slots=True)
class Generation:
    """The work on a study's stimuli."""

    systems: tuple[SystemProgress, ...]
    unsent: int
    failures: tuple[Stimulus, ...]
    at_work: tuple[Stimulus, ...]
    left: timedelta | None

    @property
    def total(self) -> int:
        return sum(system.total for system in self.systems)

    @property
    def ready(self) -> int:
        return sum(system.ready for system in self.systems)

    @property
    def failed(self) -> int:
        return sum(system.failed for system in self.systems)

    @property
    def unfinished(self) -> int:
        return sum(system.requested + system.rendering for system in self.systems)

    @property
    def under_way(self) -> bool:
        return self.unfinished > self.unsent

    @property
    def complete(self) -> bool:
        return self.total > 0 and self.ready == self.total


@dataclass(frozen=True, slots=True)
class Heads:
    """Raters of one kind, people or simulated."""

    under_way: int
    completed: int
    expired: int
    screened_out: int
    withdrawn: int
    answers: int

    @property
    def came(self) -> int:
        return self.under_way + self.completed + self.ended_early

    @property
    def ended_early(self) -> int:
        return self.expired + self.screened_out + self.withdrawn


@dataclass(frozen=True, slots=True)
class Collection:
    """What raters did so far."""

    blocks: int
    free: int
    people: Heads
    simulated: Heads
    held: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way from clips to report."""

    name: str
    note: str
    status: str  # "done", "now" or "later"


def minutes_for(trials: int, clip_s: float, *, before_s: float = 0.0) -> int:
    """About how long a rater needs for so many trials of clips this long, instructions included.

    before_s: seconds for the steps before the trials.
    """
    return math.ceil((READING_S + before_s + trials * (2 * clip_s + ANSWERING_S)) / 60)


def grouped(refusals: Sequence[Refusal]) -> tuple[RefusalGroup, ...]:
    clips: dict[tuple[str, str], list[str]] = {}
    for refusal in refusals:
        clips.setdefault((refusal.system, refusal.reason), []).append(refusal.clip_id)
    return tuple(RefusalGroup(system, reason, tuple(ids)) for (system, reason), ids in clips.items())


def time_left(unfinished: int, finished_at: Sequence[datetime], now: datetime) -> timedelta | None:
    """At the rate of what was finished lately; None while too little was."""
    recent = sorted(moment for moment in finished_at if now - moment <= RATE_WINDOW)
    if not unfinished or len(recent) < FEWEST_FOR_A_RATE:
        return None
    # Up to now, not up to the last one: a queue that has come to a halt must not look quick.
    return (now - recent[0]) / (len(recent) - 1) * unfinished


def say(left: timedelta) -> str:
    """A duration as one would say it, rounded up."""
    seconds = left.total_seconds()
    if seconds < 60:
        return f"{max(5, 5 * math.ceil(seconds / 5))} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def design_is_current(study: Study) -> bool:
    """Whether the design was built from the study as it stands; an opened study's design is frozen."""
    if design_is_frozen(StudyState(study.state)):
        return True
    return bool(study.design_summary) and study.design_summary.get("inputs_sha256") == inputs_sha256(study)


def follows(study: Study) -> Follows | None:
    """What follows from the design last built; None without one."""
    summary = summary_of(study)
    return Follows.of(study, summary) if summary else None


def blinded(study: Study, known: Follows | None) -> Follows | None:
    """The same with letters for systems; what a system refuses tells which one it is, so it is left out."""
    if known is None:
        return None
    masked = blinding.without_names(study)
    summary = replace(
        known.summary,
        shortfalls=tuple(masked(list(known.summary.shortfalls))),
        notes=tuple(masked(list(known.summary.notes))),
        refusals=(),
    )
    return replace(known, summary=summary, refusals=())


def generation(study: Study, *, now: datetime) -> Generation:
    """How far generation and rendering are."""
    stimuli = study_stimuli(study)
    lost = Counter(stimulus.system.slug for stimulus in with_lost_file(stimuli))
    counts: dict[tuple[str, str], Counter[str]] = {}
    under_way: dict[tuple[str, str], float] = {}
    rows = stimuli.order_by("system__slug").values_list("system__slug", "system__label", "state")
    # A file that is lost is to be made again, whatever the row says; until somebody asks, nobody does.
    unsent = lost.total()
    # A row that waits without a sign of life was never sent to a worker.
    kept_back = Count("pk", filter=Q(last_sign_of_life=None, state=StimulusState.REQUESTED))
    counted = rows.annotate(count=Count("pk"), done=Avg("progress"), kept_back=kept_back)
    for slug, label, state, count, progress, waiting in counted:
        unsent += waiting
        counts.setdefault((slug, label), Counter())[state] = count
        if state == StimulusState.RENDERING:
            under_way[slug, label] = count * progress
    systems = tuple(
        SystemProgress(
            slug=slug,
            label=label,
            requested=states[StimulusState.REQUESTED] + lost[slug],
            rendering=states[StimulusState.RENDERING],
            ready=states[StimulusState.READY] - lost[slug],
            failed=states[StimulusState.FAILED],
            under_way=under_way.get((slug, label), 0.0),
        )
        for (slug, label), states in counts.items()
    )
    lately = (
        stimuli.filter(ready_at__gte=now - RATE_WINDOW).order_by("-ready_at").values_list("ready_at", flat=True)
    )
    named = stimuli.select_related("clip", "system")
    unfinished = sum(system.requested + system.rendering for system in systems)
    return Generation(
        systems=systems,
        unsent=unsent,
        failures=tuple(named.filter(state=StimulusState.FAILED).order_by("pk")[:LISTED]),
        at_work=tuple(named.filter(state=StimulusState.RENDERING).order_by("pk")[:LISTED]),
        left=time_left(unfinished, [moment for moment in lately[:200] if moment], now),
    )


def collection(study: Study) -> Collection:
    """Blocks taken, raters under way, answers in; simulated ones counted apart."""
    # What an expired session left unanswered lives on in newer blocks; the retired ones would count it twice.
    mine = Block.objects.of_phase(study)
    standing = mine.exclude(state=BlockState.RETIRED)
    blocks = Counter(dict(standing.order_by().values_list("state").annotate(Count("pk"))))
    sessions: Counter[tuple[bool, str]] = Counter()
    answers: Counter[bool] = Counter()
    rows = StudySession.objects.filter(block__in=mine).order_by().values_list("simulated", "state")
    for simulated, state, count, answered in rows.annotate(Count("pk"), Sum("answer_count")):
        sessions[simulated, state] = count
        answers[simulated] += answered

    def heads(simulated: bool) -> Heads:
        return Heads(
            under_way=sum(sessions[simulated, state] for state in LIVE_SESSIONS),
            completed=sessions[simulated, SessionState.COMPLETED],
            expired=sessions[simulated, SessionState.EXPIRED],
            screened_out=sessions[simulated, SessionState.SCREENED_OUT],
            withdrawn=sessions[simulated, SessionState.WITHDRAWN],
            answers=answers[simulated],
        )

    compared = Q(stimulus__in=study.comparisons.designed().values("stimulus_1")) | Q(
        stimulus__in=study.comparisons.designed().values("stimulus_2")
    )
    return Collection(
        blocks=sum(blocks.values()),
        free=blocks[BlockState.FREE],
        people=heads(False),
        simulated=heads(True),
        held=StimulusHold.objects.filter(compared, lifted_at=None).count(),
    )


def steps(study: Study, *, current: bool, work: Generation, raters: Collection, reports: int) -> tuple[Step, ...]:
    """The way from clips to report, with the one step that comes next."""
    answers = raters.people.answers + raters.simulated.answers
    taken = raters.blocks - raters.free
    under_way = raters.people.under_way + raters.simulated.under_way
    all_answered = answers > 0 and not raters.free and not under_way
    came_through = study.state in (StudyState.CLOSED, StudyState.ARCHIVED) or all_answered
    done = {
        "Design": (current, f"{raters.blocks} blocks" if current else "not built"),
        "Generate": (current and work.complete, f"{work.ready} of {work.total}" if work.total else "nothing yet"),
        "Open": (study.opened_at is not None, study.get_state_display().lower()),
        "Collect": (came_through, f"{taken} of {raters.blocks} taken" if study.opened_at else "no raters yet"),
        "Report": (reports > 0, f"{reports} built" if reports else "none yet"),
    }
    found: list[Step] = []
    reached = False
    for name, (is_done, note) in done.items():
        status = "done" if is_done else "later" if reached else "now"
        reached = reached or not is_done
        found.append(Step(name, note, status))
    return tuple(found)


def clips_by_genre(study: Study) -> list[tuple[str, int]]:
    """How many clips the study has of each genre."""
    return list(study.clips.order_by("genre").values_list("genre").annotate(Count("pk")))


def before_the_trials(study: Study) -> list[str]:
    """What lies between consent and the first trial, and breaks after it, a line each."""
    lines = ["Questions about age, musical training and languages"] if study.asks_background else []
    if study.checks_sound:
        lines.append("Sound check, volume by ear, screen and loudspeakers")
    if study.headphone_test != study.HeadphoneTest.NONE:
        then = "whoever fails twice is screened out" if study.headphone_gate else "exported, nobody is turned away"
        name = study.get_headphone_test_display().lower()
        lines.append(f"Headphone test ({name}): {study.headphone_needed} of 6 right; {then}")
    if study.checks_understanding:
        whose = "your own" if study.understanding_text.strip() else "Duet's"
        lines.append(f"Questions about the instructions ({whose}), two tries")
    if study.break_after:
        lines.append(f"A break is offered after every {study.break_after} trials")
    return lines
