"""The grid to check a study's soundtracks by ear: clips in rows, systems in columns. Reads only."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef

from studyapp import rights
from studyapp.actions.stimuli import is_whole, study_stimuli
from studyapp.models import Clip, Stimulus, Study, System, User
from studyapp.soundtracks.agreement import Finding, disagreements
from studyapp.states import StimulusState

ROWS = 12
HEIGHT = 48
"""Of a drawn waveform, in units of its width of one a slice."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One soundtrack; ``stimulus`` None where the design does not show this clip with this system.

    outline: the waveform as an SVG path, width ``slices``. stands_out: kinds of findings it has a part in.
    kept_back: another study shows it in which names are kept from who looks; nothing of it is told then.
    """

    system: System
    stimulus: Stimulus | None
    outline: str
    slices: int
    stands_out: tuple[str, ...]
    file_lost: bool
    kept_back: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One clip. genre: only in the first row of each genre on the page. findings: none beside a kept-back cell."""

    clip: Clip
    genre: str
    cells: tuple[Cell, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A page of the grid, and what the whole study's soundtracks disagree in.

    findings: of clips with no kept-back version, for what a version differs in would tell of the other.
    untold: how many more there are. blocking: of both together, those that keep the study from opening.
    """

    systems: tuple[System, ...]
    rows: tuple[Row, ...]
    page: Page[Clip]
    genres: tuple[tuple[str, int], ...]
    findings: tuple[Finding, ...]
    untold: int
    blocking: int
    undrawn: int

    @property
    def kinds(self) -> tuple[tuple[str, int], ...]:
        """How many findings there are of each kind."""
        return tuple(Counter(finding.kind.value for finding in self.findings).items())


def grid(study: Study, *, to: User, genre: str, differing: bool, page: str) -> Grid:
    """A page of clips of one genre, or of all; ``differing``: only those whose versions do not agree.

    A number of queries that does not grow with the study. A page number that does not exist gives the nearest.
    """
    shown = study_stimuli(study)
    found = disagreements(study.comparisons.designed())
    kept_back = set(shown.exclude(_told_to(to)).order_by().values_list("clip_id", flat=True).distinct())
    findings = [finding for finding in found if finding.clip not in kept_back]
    clips = Clip.objects.filter(pk__in=shown.values("clip")).order_by("genre", "clip_id", "pk")
    genres = tuple(clips.order_by("genre").values_list("genre").annotate(Count("pk")))
    if genre:
        clips = clips.filter(genre=genre)
    if differing:
        clips = clips.filter(pk__in={finding.clip for finding in findings})
    chosen = Paginator(clips, ROWS).get_page(page)
    systems = tuple(System.objects.filter(pk__in=shown.order_by().values("system")).order_by("slug"))
    return Grid(
        systems=systems,
        rows=tuple(_rows(list(chosen), systems, shown_on=_by_clip(study, list(chosen), to), findings=findings)),
        page=chosen,
        genres=genres,
        findings=tuple(findings),
        untold=len(found) - len(findings),
        blocking=sum(finding.blocks for finding in found),
        undrawn=shown.ready().filter(peaks=[]).count(),
    )


def outline_path(peaks: Sequence[float], height: int = HEIGHT) -> str:
    """An SVG path of one upright line a slice, mirrored about the middle.

    Drawn as the root of the amplitude, on one scale for all: at −23 LUFS most of a plain scale would be empty.
    """
    middle = height / 2
    parts = []
    for number, peak in enumerate(peaks):
        half = max(0.5, middle * peak**0.5)
        parts.append(f"M{number + 0.5:g} {middle - half:.1f}v{2 * half:.1f}")
    return "".join(parts)


def _by_clip(study: Study, clips: Sequence[Clip], to: User) -> dict[int, dict[int, Any]]:
    rows = study_stimuli(study).filter(clip__in=clips).defer("artefacts", "environment", "audio_pool", "text")
    rows = rows.annotate(told=_told_to(to))
    found: dict[int, dict[int, Any]] = defaultdict(dict)
    for row in rows:
        found[row.clip_id][row.system_id] = row
    return found


def _told_to(user: User) -> Exists:
    return Exists(rights.told_by_name(Stimulus.objects.filter(pk=OuterRef("pk")), to=user))


def _rows(
    clips: Sequence[Clip],
    systems: Sequence[System],
    *,
    shown_on: dict[int, dict[int, Any]],
    findings: Sequence[Finding],
) -> list[Row]:
    of_clip: dict[int, list[Finding]] = defaultdict(list)
    for finding in findings:
        of_clip[finding.clip].append(finding)
    rows = []
    genre = None
    for clip in clips:
        cells = tuple(_cell(system, shown_on[clip.pk].get(system.pk), of_clip[clip.pk]) for system in systems)
        rows.append(Row(clip, clip.genre if clip.genre != genre else "", cells, tuple(of_clip[clip.pk])))
        genre = clip.genre
    return rows


def _cell(system: System, stimulus: Any, findings: Sequence[Finding]) -> Cell:
    if stimulus is not None and not stimulus.told:
        return Cell(system, None, "", 1, (), file_lost=False, kept_back=True)
    ready = stimulus is not None and stimulus.state == StimulusState.READY
    peaks = stimulus.peaks if stimulus is not None and ready else []
    return Cell(
        system=system,
        stimulus=stimulus,
        outline=outline_path(peaks),
        slices=max(1, len(peaks)),
        stands_out=tuple(finding.kind.value for finding in findings if system.slug in finding.systems)
        if ready
        else (),
        file_lost=ready and stimulus is not None and not is_whole(stimulus.file, stimulus.file_bytes),
    )
