"""What a study file may say: headings, the fields of Study under each of them, systems, pairs and clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from django.db.models import Field

from studyapp.models import Study

FORMAT = 1
"""The version that ``duet_study`` gives. A reader refuses what is newer than itself."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of Study and what the file calls it. code: left out unless somebody asks for it."""

    field: str
    name: str
    code: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """Settings that belong together, under one key, with the comment that explains them."""

    key: str
    label: str
    comment: str
    settings: tuple[Setting, ...]


def _settings(*names: str, code: bool = False) -> tuple[Setting, ...]:
    pairs = (name.partition("=")[::2] for name in names)
    return tuple(Setting(model_field or name, name, code) for name, model_field in pairs)


HEADINGS = (
    Heading(
        "design",
        "Design",
        "How many: clips for each pair and genre, ratings of each comparison, trials of one rater. The seeds "
        "decide sampling, order and sides, and what the systems draw; the loudness is in LUFS (ITU-R BS.1770).",
        _settings(
            *("clips_per_cell", "ratings_per_comparison", "trials_per_block", "repeats_per_block"),
            *("seed", "generation_seed", "target_lufs"),
        ),
    ),
    Heading(
        "checks",
        "Checks of raters",
        "Trials of a block that are not counted: practice, gold pairs (gold_truth is known to fit the video "
        "better than gold_foil), and one version beside itself.",
        _settings(
            *("training_per_block", "gold_per_block", "gold_truth", "gold_foil", "identical_per_block"),
        ),
    ),
    Heading(
        "rules",
        "Rules of exclusion",
        "Declared before anybody comes; an empty value is no rule. Shares are from 0 to 1.",
        _settings("min_gold_right", "min_identical_near", "max_same_choice", "min_median_response_ms"),
    ),
    Heading(
        "analysis_plan",
        "Analysis plan",
        "What is expected and how it is decided. primary_pairs are corrected together (Holm), empty for all "
        "pairs; margin is the smallest net preference (wins less losses, out of all answers) that matters.",
        _settings(
            *("hypotheses", "primary_pairs", "margin", "stop_alpha", "stop_least_raters", "stop_most_raters"),
            "registration_url",
        ),
    ),
    Heading(
        "consent",
        "Consent, time and pay",
        "What raters agree to, who answers for the study, and what one rater is paid.",
        _settings(
            *("version=consent_version", "text=consent_text", "responsible", "contact", "ethics_number"),
            *("data_kept", "kept_for", "pay", "pay_currency"),
        ),
    ),
    Heading(
        "instructions",
        "Instructions",
        "What raters read before the first trial. The two questions are Duet's own and the same in every study: "
        "which music goes best with the video, and which they prefer to hear.",
        _settings("text=instructions", "checks_understanding", "questions=understanding_text"),
    ),
    Heading(
        "before_trials",
        "Before the trials, and breaks",
        "The steps between consent and the first trial, and after how many trials a break is offered.",
        _settings(
            *("checks_sound", "small_screen_px", "asks_background", "headphone_test", "headphone_needed"),
            *("headphone_gate", "break_after"),
        ),
    ),
    Heading(
        "running",
        "Running",
        "The share of each version that must be played (0 to 1), minutes of silence after which a session ends, "
        "places in a pilot, and the day on which the panel's ids are deleted.",
        _settings("min_coverage", "session_timeout_min", "pilot_raters", "keep_ids_until"),
    ),
    Heading(
        "recruiting",
        "Where raters come from",
        "Completion codes and the panel's address of return are worth money to those who have them: they are in "
        "the file only where somebody asked for them. Without them a study gets a new code, and no address.",
        (
            *_settings("open_link", "panel"),
            *_settings(
                *("completion_code", "screened_out_code", "no_consent_code", "timed_out_code"),
                "panel_return_address",
                code=True,
            ),
        ),
    ),
)
TEXT_SETTINGS = _settings(
    "consent=consent_text", "instructions", "data_kept", "kept_for", "questions=understanding_text"
)
"""Fields of StudyText."""
SYSTEM_FIELDS = ("gold_truth", "gold_foil")


def settings() -> Iterator[tuple[Heading, Setting]]:
    """Every setting with its heading, in the order of the file."""
    for heading in HEADINGS:
        for setting in heading.settings:
            yield heading, setting


@dataclass(frozen=True, slots=True)
class SystemEntry:
    """A system as the registry builds it. label: empty for the registry's own.

    instead: in a template, what takes its place where it cannot be had here.
    """

    slug: str
    key: str
    preset: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    instead: SystemEntry | None = None


@dataclass(frozen=True, slots=True)
class Pairs:
    """Which systems are compared: those listed, every other one with each of ``each_with``, or all with all."""

    listed: tuple[tuple[str, str], ...] = ()
    each_with: tuple[str, ...] = ()
    everything: bool = False


@dataclass(frozen=True, slots=True)
class ClipEntry:
    """A clip by name. sha256: of its silent master; empty for whichever it is."""

    dataset: str
    clip_id: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class ClipRule:
    """Clips drawn from what is there: ``per_genre`` of each genre, ``in_all`` at most.

    Empty datasets, genres and tags mean any; of several a clip has one.
    """

    datasets: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    per_genre: int | None = None
    in_all: int | None = None
    seed: int = 1


@dataclass(frozen=True, slots=True)
class TextEntry:
    """A study's texts in one more language, by field of StudyText."""

    language: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TemplateHead:
    """What a template says of itself. source: where its numbers are from."""

    name: str
    describes: str
    source: str


@dataclass(frozen=True, slots=True)
class StudyDocument:
    """A whole study file. settings: by field of Study; what is left out has Duet's default.

    made_from: the template it was made from. lines: path to line, where it was read from a file.
    """

    title: str
    slug: str
    language: str = "en"
    made_from: str = ""
    head: TemplateHead | None = None
    systems: tuple[SystemEntry, ...] = ()
    pairs: Pairs = Pairs()
    clips: tuple[ClipEntry, ...] | ClipRule = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    texts: tuple[TextEntry, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    def compared(self) -> tuple[tuple[str, str], ...]:
        """The pairs as pairs of slugs. Systems that only gold pairs show are compared with nothing."""
        if self.pairs.listed:
            return self.pairs.listed
        if not (self.pairs.everything or self.pairs.each_with):
            return ()
        for_gold = {self.settings.get(name) for name in SYSTEM_FIELDS}
        slugs = [entry.slug for entry in self.systems if entry.slug not in for_gold]
        if self.pairs.everything:
            return tuple(combinations(slugs, 2))
        anchors = self.pairs.each_with
        return tuple((slug, anchor) for anchor in anchors for slug in slugs if slug not in anchors)

    def value(self, name: str) -> Any:
        """A setting as the study will have it. name: a field of Study."""
        if name in self.settings:
            return self.settings[name]
        column = Study._meta.get_field(name)
        assert isinstance(column, Field)
        return column.get_default()


def renamed(document: StudyDocument, *, title: str | None, slug: str | None) -> StudyDocument:
    """The document under another title or short name, where one is given."""
    return replace(document, title=title or document.title, slug=slug or document.slug)
