"""Studies made of documents: from a file, from a template, as a copy. Always a draft, and all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db import IntegrityError, transaction

from generation.contracts import GenerationError
from studyapp.actions.designs import expected_trials
from studyapp.actions.studies import create_study
from studyapp.actions.systems import ensure_system
from studyapp.actions.texts import write_text
from studyapp.documents.clip_rule import Drawn, draw
from studyapp.documents.fitting import Wanted, fitted, named_after
from studyapp.documents.matching import clips_of, differences, problem
from studyapp.documents.of_study import document_of
from studyapp.documents.problems import Problem, StudyFileError
from studyapp.documents.schema import SYSTEM_FIELDS, ClipRule, StudyDocument, SystemEntry
from studyapp.documents.stand_ins import resolved
from studyapp.documents.templates import template
from studyapp.errors import DuetError
from studyapp.models import AuditLine, Study, System, User
from studyapp.plan import sampling
from studyapp.plan.sampling import DesignSummary


@dataclass(frozen=True, slots=True)
class Made:
    """A study, the slugs of systems that were made with it, and what to know of it, a sentence each."""

    study: Study
    new_systems: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a document would make. summary: of its design, None where none can be built yet; then ``why_not``."""

    clips: int
    genres: tuple[tuple[str, int], ...]
    systems: tuple[tuple[str, str, bool], ...]
    pairs: tuple[str, ...]
    languages: tuple[str, ...]
    summary: DesignSummary | None
    why_not: str
    notes: tuple[str, ...]


def import_study(*, document: StudyDocument, by: User | None) -> Made:
    """Make the draft that a study file describes, or a template with a short name.

    Raises StudyFileError with all that stands in the way here.
    """
    document, stand_ins = resolved(document)
    taken = [[one.published, one.taken] for one in stand_ins]
    made = _make(named_after(document, stand_ins), by=by, verb="study imported", details={"stand_ins": taken})
    return replace(made, notes=(*(f"Stand-in: {one}." for one in stand_ins), *made.notes))


@transaction.atomic
def duplicate_study(*, study: Study, title: str, slug: str, by: User | None) -> Made:
    """A draft with the same clips, pairs, settings and texts, and nothing of what happened in the first one.

    Codes, the panel's address of return, the registration and the day for deleting ids are the first one's own.
    Raises DuetError.
    """
    document = document_of(study)
    settings = {**document.settings, "registration_url": "", "keep_ids_until": None}
    copy = replace(document, title=title, slug=slug, settings=settings)
    return _make(copy, by=by, verb="study duplicated", details={"of": study.slug})


def study_from_template(*, name: str, wanted: Wanted, by: User | None) -> Made:
    """A draft of one of the templates. Too few clips are no obstacle: what is short is named in the notes.

    What cannot be had on this server is replaced as the template says; title and hypotheses tell so.
    Raises DuetError for an unknown template.
    """
    try:
        document, stand_ins = resolved(template(name))
    except KeyError:
        raise DuetError(f"there is no template {name!r}; choose one of those on the page") from None
    document, drawn, notes = fitted(replace(document, slug=wanted.slug, head=None, made_from=name), wanted)
    document = named_after(replace(document, title=wanted.title), stand_ins)
    made = _make(
        document,
        by=by,
        verb="study made from a template",
        details={"template": name, "stand_ins": [[one.published, one.taken] for one in stand_ins]},
        drawn=drawn,
    )
    return replace(made, notes=(*notes, *made.notes))


def preview(*, document: StudyDocument) -> Preview:
    """Make it, count, and roll back: the figures come from the same code as the study. Raises StudyFileError."""
    _ask_before(document)
    with transaction.atomic():
        try:
            return _previewed(import_study(document=document, by=None), document)
        finally:
            transaction.set_rollback(True)


def free_slug(wanted: str) -> str:
    """A short name that no study has, as near to the wanted one as can be."""
    base = wanted[:70].strip("-") or "study"
    taken = set(Study.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(slug for number in range(1, len(taken) + 2) if (slug := _numbered(base, number)) not in taken)


def _numbered(base: str, number: int) -> str:
    return base if number == 1 else f"{base}-{number}"


@transaction.atomic
def _make(
    document: StudyDocument, *, by: User | None, verb: str, details: Mapping[str, Any], drawn: Drawn | None = None
) -> Made:
    problems: list[Problem] = []
    for name, given in (("title", document.title), ("short_name", document.slug)):
        if not given:
            problems.append(problem(document, "study", f"“{name}” is missing; give the study one"))
    if Study.objects.filter(slug=document.slug).exists():
        taken = f"there is a study “{document.slug}” already; give this one another short name"
        problems.append(problem(document, "study.short_name", taken))
    before = set(System.objects.values_list("slug", flat=True))
    systems = {entry.slug: _system(document, entry, problems, by) for entry in document.systems}
    clips = clips_of(document, problems, drawn)
    if problems:
        raise StudyFileError(problems)
    rows = {slug: row for slug, row in systems.items() if row is not None}
    named = {
        name: rows.get(value) if name in SYSTEM_FIELDS else value for name, value in document.settings.items()
    }
    pairs = document.compared()
    try:
        study = create_study(
            title=document.title,
            slug=document.slug,
            clips=clips,
            pairs=[(rows[one], rows[other]) for one, other in pairs],
            by=by,
            language=document.language,
            template=document.made_from,
            **named,
        )
    except IntegrityError:
        # Somebody took the short name between the look and the write.
        raise DuetError(f"there is a study “{document.slug}” already; give this one another short name") from None
    for text in document.texts:
        write_text(study=study, language=text.language, by=by, **text.values)
    AuditLine.write(verb, by=by, study=study, **details)
    return Made(study, tuple(slug for slug in rows if slug not in before), tuple(_notes(document, rows, pairs)))


def _system(
    document: StudyDocument, entry: SystemEntry, problems: list[Problem], by: User | None
) -> System | None:
    path = f"systems.{entry.slug}"
    row = System.objects.filter(slug=entry.slug).first()
    if row is not None:
        if other := differences(row, entry):
            message = (
                f"“{entry.slug}” exists here with other settings ({other}); give the file's a slug of its own"
            )
            problems.append(problem(document, path, message))
        return row
    if entry.key == "imported":
        message = f"the finished files of “{entry.slug}” are not here; import the same files as a system first"
        problems.append(problem(document, path, message))
        return None
    try:
        return ensure_system(
            key=entry.key,
            preset=entry.preset,
            settings=entry.settings,
            slug=entry.slug,
            label=entry.label or None,
            by=by,
        )
    except DuetError as error:
        problems.append(problem(document, path, str(error)))
        return None


def _notes(document: StudyDocument, rows: Mapping[str, System], pairs: Iterable[tuple[str, str]]) -> Iterable[str]:
    for entry in document.systems:
        if entry.label and rows[entry.slug].label != entry.label:
            yield f"{entry.slug} is called “{rows[entry.slug].label}” here, and “{entry.label}” in the file."
    # A study's pairs are kept in the order in which its systems were made; sampling follows it.
    if document.pairs.listed and any(rows[one].pk > rows[other].pk for one, other in pairs):
        yield (
            "Its systems were made here in another order than where the file comes from: the same seed draws "
            "another design."
        )


def _ask_before(document: StudyDocument) -> None:
    """Imported files are probed one by one; SQLite would make every rater wait for that in the transaction."""
    systems = list(System.objects.filter(slug__in=[entry.slug for entry in document.systems], key="imported"))
    if systems:
        sampling.ask(clips_of(document, [], None), systems)


def _previewed(made: Made, document: StudyDocument) -> Preview:
    study = made.study
    genres: dict[str, int] = {}
    for genre in study.clips.order_by("genre").values_list("genre", flat=True):
        genres[genre] = genres.get(genre, 0) + 1
    summary, why_not = _tried(lambda: expected_trials(study))
    taken, _ = resolved(document)
    slugs = [entry.slug for entry in taken.systems]
    rows = System.objects.in_bulk(slugs, field_name="slug")
    notes = list(made.notes)
    if isinstance(document.clips, ClipRule):
        notes += [f"Fewer clips than wanted: {share}." for share in draw(document.clips).shortfalls]
    return Preview(
        clips=sum(genres.values()),
        genres=tuple(genres.items()),
        systems=tuple((slug, rows[slug].label, slug in made.new_systems) for slug in slugs),
        pairs=tuple(str(pair) for pair in study.pairs.select_related("system_1", "system_2")),
        languages=tuple(
            name for code, name in Study._meta.get_field("language").flatchoices if _speaks(document, code)
        ),
        summary=summary,
        why_not=why_not,
        notes=tuple(notes),
    )


def _speaks(document: StudyDocument, code: str) -> bool:
    return code == document.language or any(text.language == code for text in document.texts)


def _tried(count: Callable[[], DesignSummary]) -> tuple[DesignSummary | None, str]:
    try:
        return count(), ""
    except (DuetError, GenerationError) as error:
        return None, str(error)
