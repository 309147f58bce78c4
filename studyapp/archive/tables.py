"""Every table of an archive, column by column, in the order in which they are written and read.

Literal lists: what is not on them is not in the file. A field of a model that is neither here nor in LEFT_OUT
makes a test fail, so that nothing is forgotten and nothing is given away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.db.models import Case, Exists, F, Model, OuterRef, Q, QuerySet, When

from studyapp.archive.columns import Column, Kind
from studyapp.models import (
    Amendment,
    AuditLine,
    Block,
    Break,
    Clip,
    Comparison,
    Erasure,
    PlayEvent,
    Presentation,
    Response,
    SessionFlag,
    StepTry,
    Stimulus,
    StimulusHold,
    Study,
    StudySession,
    StudyText,
    System,
    SystemPair,
    Trial,
    TrialMark,
    VoidedTrial,
)
from studyapp.results.pseudonyms import pseudonym
from studyapp.states import StimulusState

ARCHIVED_BY = "archived_by"
"""Under this name the details of an audit line that was read from an archive say who acted."""


@dataclass(frozen=True, slots=True)
class Table:
    """``rows`` are a study's rows of the model; ``needs`` are further lookups that ``told`` columns work from."""

    name: str
    model: type[Model]
    rows: Callable[[Study], QuerySet[Any]]
    columns: tuple[Column, ...]
    needs: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        return f"tables/{self.name}.jsonl"


def _text(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, Kind.TEXT) for name in names)


def _whole(*names: str, empty: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name, Kind.WHOLE, may_be_empty=empty) for name in names)


def _number(*names: str, empty: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name, Kind.NUMBER, may_be_empty=empty) for name in names)


def _truth(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, Kind.TRUTH) for name in names)


def _time(*names: str, empty: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name, Kind.TIME, may_be_empty=empty) for name in names)


def _json(*names: str, kind: Kind = Kind.JSON) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name in names)


def _to(table: str, *names: str, empty: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name, Kind.REFERENCE, field=f"{name}_id", to=table, may_be_empty=empty) for name in names)


def _by(name: str, field: str) -> Column:
    """A user's name, as a text: accounts are not part of a study."""
    return Column(name, Kind.TEXT, field=f"{field}__username", may_be_empty=True)


def _stimuli(study: Study) -> QuerySet[Stimulus]:
    shown = study.comparisons.all()
    return Stimulus.objects.filter(Q(pk__in=shown.values("stimulus_1")) | Q(pk__in=shown.values("stimulus_2")))


def _clips(study: Study) -> QuerySet[Clip]:
    """Those chosen, those compared in a pilot alone, and those whose music a system could read."""
    own = Q(pk__in=study.clips.values("pk")) | Q(pk__in=study.comparisons.values("clip"))
    pools = {pk for pool in _stimuli(study).values_list("audio_pool", flat=True) for pk in pool}
    further = pools - set(Clip.objects.filter(own).values_list("pk", flat=True))
    chosen = Study.clips.through._default_manager.filter(study=study, clip=OuterRef("pk"))
    return Clip.objects.filter(own | Q(pk__in=further)).annotate(chosen=Exists(chosen))


def _systems(study: Study) -> QuerySet[System]:
    return System.objects.filter(
        Q(pk__in=study.pairs.values("system_1"))
        | Q(pk__in=study.pairs.values("system_2"))
        | Q(pk__in=[study.gold_truth_id, study.gold_foil_id])
        | Q(pk__in=study.comparisons.values("expected"))
        | Q(pk__in=_stimuli(study).values("system"))
    )


def _stimulus_state(study: Study, row: Mapping[str, Any]) -> str:
    # No worker of another Duet has it in hand.
    state = row["state"]
    return str(StimulusState.REQUESTED if state == StimulusState.RENDERING else state)


def _rater(study: Study, row: Mapping[str, Any]) -> str:
    return row["archived_rater"] or pseudonym(study, row["rater__code"], prefix="r")


def _session(study: Study, row: Mapping[str, Any]) -> str:
    return row["archived_session"] or pseudonym(study, row["token"], prefix="s")


def _came_by(study: Study, row: Mapping[str, Any]) -> str:
    if row["rater__participant"] is not None:
        return "panel"
    return "invitation" if row["rater__invitation"] is not None else "open"


def _who(study: Study, row: Mapping[str, Any]) -> str | None:
    known: str | None = row["by__username"]
    return known or row["details"].get(ARCHIVED_BY)


def _author(study: Study, row: Mapping[str, Any]) -> str:
    return str(row["by__username"] or row["archived_by"])


def _details(study: Study, row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row["details"].items() if name != ARCHIVED_BY}


_SYSTEMS = Table(
    "systems",
    System,
    _systems,
    (*_text("slug", "key", "preset"), *_json("settings", kind=Kind.OBJECT), *_text("label", "digest")),
)
_CLIPS = Table(
    "clips",
    Clip,
    _clips,
    (
        *_text("dataset", "clip_id", "genre", "genre_rule"),
        *_json("labels", "tags", kind=Kind.LIST_OF_TEXT),
        *_text("caption", "licence", "source_url", "source_name", "source_sha256"),
        *_number("start_s", "duration_s"),
        *_whole("width", "height"),
        *_number("frame_rate"),
        *_text("master_sha256"),
        *_whole("master_bytes"),
        *_text("audio_sha256"),
        *_truth("chosen"),
    ),
)
_STUDY = Table(
    "study",
    Study,
    lambda study: Study.objects.filter(pk=study.pk),
    (
        *_text("title", "slug", "state", "template"),
        *_whole("seed", "generation_seed", "clips_per_cell", "ratings_per_comparison", "trials_per_block"),
        *_whole("repeats_per_block", "gold_per_block", "identical_per_block", "training_per_block"),
        *_to("systems", "gold_truth", "gold_foil", empty=True),
        *_number("min_gold_right", "min_identical_near", "max_same_choice", empty=True),
        *_whole("min_median_response_ms", empty=True),
        *_number("target_lufs", "min_coverage"),
        *_whole("session_timeout_min", "pilot_raters"),
        *_text("language", "consent_text", "consent_version", "instructions"),
        *_text("responsible", "contact", "ethics_number", "data_kept", "kept_for"),
        Column("pay", Kind.DECIMAL, may_be_empty=True),
        *_text("pay_currency"),
        *_truth("asks_background", "checks_sound"),
        *_whole("small_screen_px"),
        *_text("headphone_test"),
        *_whole("headphone_needed"),
        *_truth("headphone_gate", "checks_understanding"),
        *_text("understanding_text"),
        *_whole("break_after", empty=True),
        *_truth("open_link"),
        *_text("panel"),
        *_whole("declined"),
        *_text("hypotheses"),
        *_json("primary_pairs"),
        *_number("margin", "stop_alpha"),
        *_whole("stop_least_raters"),
        *_whole("stop_most_raters", empty=True),
        *_text("registration_url"),
        *_json("design_summary", kind=Kind.OBJECT),
        *_text("plan_sha256"),
        *_json("frozen", kind=Kind.OBJECT_OF_TEXT),
        _by("created_by", "created_by"),
        *_time("created_at"),
        *_time("opened_at", "closed_at", "archived_at", empty=True),
    ),
)
_TEXTS = Table(
    "texts",
    StudyText,
    lambda study: study.texts.all(),
    _text("language", "consent_text", "instructions", "data_kept", "kept_for", "understanding_text"),
)
_PAIRS = Table("pairs", SystemPair, lambda study: study.pairs.all(), _to("systems", "system_1", "system_2"))
_STIMULI = Table(
    "stimuli",
    Stimulus,
    _stimuli,
    (
        *_text("key"),
        *_to("clips", "clip"),
        *_to("systems", "system"),
        *_text("text"),
        *_whole("seed"),
        *_number("target_lufs"),
        *_text("settings_digest", "weights_digest", "sources_digest"),
        Column("audio_pool", Kind.REFERENCES, to="clips"),
        Column("state", Kind.TEXT, told=_stimulus_state),
        *_text("error"),
        *_time("ready_at", empty=True),
        *_text("file_sha256"),
        *_whole("file_bytes", empty=True),
        *_number("duration_s", "lufs", "true_peak_dbtp", "gain_db", "took_s", empty=True),
        *_json("peaks", kind=Kind.LIST_OF_NUMBER),
        *_json("environment", kind=Kind.OBJECT),
    ),
    needs=("state",),
)
_COMPARISONS = Table(
    "comparisons",
    Comparison,
    lambda study: study.comparisons.all(),
    (
        *_to("clips", "clip"),
        *_to("stimuli", "stimulus_1", "stimulus_2"),
        *_text("kind"),
        *_truth("in_design"),
        *_to("systems", "expected", empty=True),
    ),
)
_BLOCKS = Table(
    "blocks",
    Block,
    lambda study: study.blocks.all(),
    (*_whole("number"), *_text("origin"), *_whole("wave"), *_text("state")),
)
_TRIALS = Table(
    "trials",
    Trial,
    lambda study: Trial.objects.filter(block__study=study),
    (
        *_to("blocks", "block"),
        *_whole("position"),
        *_to("comparisons", "comparison"),
        *_truth("left_is_1"),
        *_text("played_first", "kind"),
        *_to("trials", "repeat_of", empty=True),
    ),
)
_SESSIONS = Table(
    "sessions",
    StudySession,
    lambda study: study.sessions.all(),
    (
        Column("rater_id", Kind.TEXT, told=_rater, longest=17),
        Column("session_id", Kind.TEXT, told=_session, longest=17),
        Column("recruited_by", Kind.TEXT, told=_came_by),
        *_to("blocks", "block"),
        *_text("state"),
        *_truth("simulated"),
        *_text("consent_version", "consent_sha256", "language"),
        *_time("consented_at"),
        *_time("started_at", empty=True),
        *_time("last_seen_at", "expires_at"),
        *_time("completed_at", empty=True),
        *_text("first_question"),
        *_whole("answer_count"),
    ),
    needs=(
        *("archived_rater", "archived_session", "token"),
        *("rater__code", "rater__participant", "rater__invitation"),
    ),
)
_TRIES = Table(
    "tries",
    StepTry,
    lambda study: StepTry.objects.filter(session__study=study),
    (
        *_to("sessions", "session"),
        *_text("step"),
        *_whole("number"),
        *_json("shown", "answers", kind=Kind.OBJECT),
        *_whole("points", "of", empty=True),
        Column("passed", Kind.TRUTH, may_be_empty=True),
        *_time("shown_at"),
        *_time("ended_at", empty=True),
    ),
)
_BREAKS = Table(
    "breaks",
    Break,
    lambda study: Break.objects.filter(session__study=study),
    (*_to("sessions", "session"), *_whole("after"), *_time("offered_at"), *_time("ended_at", empty=True)),
)
_PRESENTATIONS = Table(
    "presentations",
    Presentation,
    lambda study: Presentation.objects.filter(session__study=study),
    (
        *_to("trials", "trial"),
        *_to("sessions", "session"),
        *_time("shown_at", "left_served_at", "right_served_at", empty=True),
        *_whole("showings", "submits"),
    ),
)
_PLAY_EVENTS = Table(
    "play_events",
    PlayEvent,
    lambda study: PlayEvent.objects.filter(presentation__session__study=study),
    (
        *_to("presentations", "presentation"),
        *_whole("number"),
        *_text("side", "kind"),
        *_number("media_time_s", "clock_s"),
        *_number("value", empty=True),
        *_time("received_at"),
    ),
)
_RESPONSES = Table(
    "responses",
    Response,
    lambda study: Response.objects.filter(session__study=study),
    (
        *_to("sessions", "session"),
        *_to("trials", "trial"),
        *_text("question"),
        *_whole("choice"),
        *_number("coverage_left", "coverage_right"),
        *_whole("response_time_ms"),
        *_time("answered_at"),
    ),
)
_MARKS = Table(
    "marks",
    TrialMark,
    lambda study: TrialMark.objects.filter(session__study=study),
    (*_to("sessions", "session"), *_to("trials", "trial"), *_text("kind", "side", "text"), *_time("marked_at")),
)
_FLAGS = Table(
    "flags",
    SessionFlag,
    lambda study: SessionFlag.objects.filter(session__study=study),
    (
        *_to("sessions", "session"),
        *_to("trials", "trial"),
        *_text("rule"),
        *_whole("times"),
        *_text("detail"),
        *_time("first_at", "last_at"),
    ),
)
_VOIDS = Table(
    "voids",
    VoidedTrial,
    lambda study: VoidedTrial.objects.filter(trial__block__study=study),
    (
        *_to("trials", "trial"),
        *_text("reason", "side"),
        *_truth("file_lost"),
        *_time("voided_at"),
        *_time("packed_at", empty=True),
    ),
)
_HOLDS = Table(
    "holds",
    StimulusHold,
    # A stimulus that two studies show may be held by a rater of the other one, who is not in this file.
    lambda study: StimulusHold.objects.filter(stimulus__in=_stimuli(study)).annotate(
        own_session=Case(When(session__study=study, then=F("session_id")))
    ),
    (
        *_to("stimuli", "stimulus"),
        *_text("reason"),
        Column("session", Kind.REFERENCE, field="own_session", to="sessions", may_be_empty=True),
        *_time("held_at"),
        *_time("lifted_at", empty=True),
        _by("lifted_by", "lifted_by"),
    ),
)
_ERASURES = Table(
    "erasures",
    Erasure,
    lambda study: study.erasures.all(),
    (
        *_text("state"),
        *_truth("simulated"),
        Column("consented_on", Kind.DATE),
        *_time("erased_at"),
        *_whole("trials", "responses", "events", "marks"),
    ),
)
_AMENDMENTS = Table(
    "amendments",
    Amendment,
    lambda study: study.amendments.all(),
    (
        *_whole("number"),
        *_time("at"),
        Column("archived_by", Kind.TEXT, told=_author, longest=150),
        *_text("what"),
        *_json("before", "after"),
        *_text("reason", "sha256"),
    ),
    needs=("by__username", "archived_by"),
)
_AUDIT_LINES = Table(
    "audit_lines",
    AuditLine,
    lambda study: study.audit_lines.all(),
    (
        *_time("at"),
        Column("by", Kind.TEXT, may_be_empty=True, told=_who),
        *_text("verb"),
        Column("details", Kind.OBJECT, told=_details),
    ),
    needs=("by__username", "details"),
)


def _with_lengths(table: Table) -> Table:
    """Texts bounded as their fields are: SQLite would take longer ones, and PostgreSQL would not."""

    def bounded(column: Column) -> Column:
        if column.kind != Kind.TEXT or column.told is not None or "__" in column.source:
            return column
        return replace(column, longest=getattr(table.model._meta.get_field(column.source), "max_length", None))

    return replace(table, columns=tuple(bounded(column) for column in table.columns))


TABLES: Mapping[str, Table] = {
    table.name: _with_lengths(table)
    for table in (
        *(_SYSTEMS, _CLIPS, _STUDY, _TEXTS, _PAIRS, _STIMULI, _COMPARISONS, _BLOCKS, _TRIALS, _SESSIONS),
        *(_TRIES, _BREAKS, _PRESENTATIONS, _PLAY_EVENTS, _RESPONSES, _MARKS, _FLAGS, _VOIDS, _HOLDS),
        *(_ERASURES, _AMENDMENTS, _AUDIT_LINES),
    )
}
"""By name; a table refers to those before it, and trials to earlier trials."""

MEDIA = "media"


def media_files(study: Study) -> Iterator[tuple[str, Path]]:
    """Name in the archive, by digest, and place of every video and soundtrack whose file is there."""
    named: dict[str, Path] = {}
    for clip in _clips(study).order_by("pk"):
        named[f"{MEDIA}/{clip.master_sha256}{clip.master_path.suffix}"] = clip.master_path
        if clip.audio_path is not None:
            named[f"{MEDIA}/{clip.audio_sha256}{clip.audio_path.suffix}"] = clip.audio_path
    for stimulus in _stimuli(study).exclude(file="").order_by("pk"):
        named[f"{MEDIA}/{stimulus.file_sha256}{stimulus.path.suffix}"] = stimulus.path
    yield from ((name, path) for name, path in named.items() if path.is_file())


LEFT_OUT: Mapping[type[Model], frozenset[str]] = {
    System: frozenset({"created_at"}),
    # Where files lie is each Duet's own affair; what they are is told by their digests.
    Clip: frozenset({"master_file", "audio_file", "created_at", "studies", "stimuli"}),
    # Accounts are no part of a study: in the column of their names.
    Amendment: frozenset({"by"}),
    # Secrets: what opens pages, links people to panels, or is worth money to who knows it.
    Study: frozenset(
        {"token", "salt", "completion_code", "panel_return_address", "keep_ids_until"}
        | {"screened_out_code", "no_consent_code", "timed_out_code"}
        # In the clips' own table.
        | {"clips"}
    ),
    # About the work that made the file.
    Stimulus: frozenset(
        {"attempt", "progress", "doing", "worker", "last_sign_of_life", "sends", "requested_at"}
        | {"file", "artefacts"}
    ),
    Trial: frozenset({"token"}),
    # Told by pseudonyms.
    StudySession: frozenset({"token", "receipt_sha256", "rater", "archived_rater", "archived_session"}),
    Erasure: frozenset({"receipt_sha256"}),
}
"""Fields that are not in an archive, beside ids and the study itself."""
