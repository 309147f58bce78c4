"""What of a study may be changed once it has opened, and why the rest may not: data, read by action and pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field

from studyapp import field_values
from studyapp.models import Study, StudyText
from studyapp.states import StudyState

_RUNNING = frozenset({StudyState.OPEN, StudyState.PAUSED})
_UNTIL_ARCHIVED = _RUNNING | {StudyState.CLOSED}
STATES = _UNTIL_ARCHIVED


@dataclass(frozen=True, slots=True)
class Part:
    """Fields that are amended together on the page, in which states, and what that does to a running study."""

    title: str
    fields: tuple[str, ...]
    states: frozenset[StudyState]
    effect: str


PARTS: Sequence[Part] = (
    Part(
        "Registration",
        ("registration_url",),
        _UNTIL_ARCHIVED,
        "Where the plan was registered. Adding it later changes nothing of the plan.",
    ),
    Part(
        "Consent",
        (
            "consent_text",
            "responsible",
            "contact",
            "ethics_number",
            "data_kept",
            "kept_for",
            "pay",
            "pay_currency",
            "consent_version",
        ),
        _RUNNING,
        "Shown to whoever comes from now on; who has agreed already agreed to the earlier version. The version "
        "goes up by itself.",
    ),
    Part(
        "Instructions",
        ("instructions",),
        _RUNNING,
        "Raters before and after read different words, which the report says.",
    ),
    Part(
        "Rules for raters",
        ("min_gold_right", "min_identical_near", "max_same_choice", "min_median_response_ms"),
        _UNTIL_ARCHIVED,
        "A rule that is changed after answers have been seen is no declared rule any more: the report says so.",
    ),
    Part(
        "Analysis plan",
        (
            "hypotheses",
            "primary_pairs",
            "margin",
            "stop_alpha",
            "stop_least_raters",
            "stop_most_raters",
        ),
        _UNTIL_ARCHIVED,
        "What was declared before stays in the record; the report tells both.",
    ),
    Part(
        "Time",
        ("session_timeout_min", "break_after"),
        _RUNNING,
        "Holds for every session from its next answer on.",
    ),
    Part(
        "Recruiting",
        (
            "open_link",
            "panel",
            "panel_return_address",
            "completion_code",
            "screened_out_code",
            "no_consent_code",
            "timed_out_code",
        ),
        _RUNNING,
        "Who may come, and where people are sent back to.",
    ),
)
TRANSLATED = ("consent_text", "instructions", "data_kept", "kept_for")
"""What the texts in further languages may have amended, as ``consent_text__de``: where the study's own may."""
CONSENT = frozenset(PARTS[1].fields) - {"consent_version"}

_DESIGN = (
    "it decides the design, which is frozen: extend the study by a further wave, or duplicate it and plan anew"
)
_BEFORE = "raters before and after would have been let in by different checks; duplicate the study instead"
REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "clips",
            "pairs",
            "seed",
            "generation_seed",
            "clips_per_cell",
            "ratings_per_comparison",
            "trials_per_block",
            "repeats_per_block",
            "gold_truth",
            "gold_foil",
            "gold_per_block",
            "identical_per_block",
            "training_per_block",
            "target_lufs",
        ),
        _DESIGN,
    ),
    **dict.fromkeys(
        (
            "asks_background",
            "checks_sound",
            "small_screen_px",
            "headphone_test",
            "headphone_needed",
            "headphone_gate",
            "checks_understanding",
        ),
        _BEFORE,
    ),
    "understanding_text": "raters who are at that step hold questions that were drawn from it",
    "min_coverage": "answers given before were let through at another share of playing",
    "language": "the texts are written in it; texts in further languages are added to a draft",
    "slug": "it is part of every link and file name that was given out",
    "title": "it stands on pages that raters have seen and in every file; write another one in the paper",
    "pilot_raters": "the pilot is over",
    "keep_ids_until": "owners set it on the study's page Team, because ids that are gone do not come back",
}
"""Why a field that may not be amended may not."""
SECRET = frozenset(
    {"completion_code", "screened_out_code", "no_consent_code", "timed_out_code", "panel_return_address"}
)
"""Fields that are worth money to who knows them: no log, amendment or export tells what they are."""
KEPT_BACK = "(kept from this log)"
NAMING = frozenset({"hypotheses", "primary_pairs"})
"""What names systems: who may not see names could amend it to a name, and read there whose letter is whose."""


@dataclass(frozen=True, slots=True)
class Target:
    """A field of the study, or of its texts in one further language (``language`` not empty)."""

    name: str
    language: str = ""

    @classmethod
    def of(cls, key: str) -> Target:
        """``margin`` → the study's; ``consent_text__de`` → that of the German texts."""
        name, _, language = key.partition("__")
        return cls(name, language)

    @property
    def field(self) -> Field[Any, Any]:
        """Raises FieldDoesNotExist."""
        found = (StudyText if self.language else Study)._meta.get_field(self.name)
        if not isinstance(found, Field):
            raise FieldDoesNotExist(self.name)
        return found

    @property
    def label(self) -> str:
        """For people: “consent text (de)”."""
        name = str(self.field.verbose_name)
        return f"{name} ({self.language})" if self.language else name

    def read(self, stored: Any) -> Any:
        """A JSON value of an amendment as the field takes it. Raises ValidationError for any other shape."""
        return field_values.read(self.field, stored)


def part_of(target: Target) -> Part | None:
    """Where a field stands, or None where it may not be amended."""
    if target.language and target.name not in TRANSLATED:
        return None
    return next((part for part in PARTS if target.name in part.fields), None)


def parts_in(state: StudyState) -> Iterator[Part]:
    """Those that may be amended in a state."""
    return (part for part in PARTS if state in part.states)
