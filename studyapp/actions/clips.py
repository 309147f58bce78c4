"""Videos become clips: cut, made silent, stored by content, and known once."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, OperationalError, transaction
from django.utils.text import slugify

from studyapp import manifest
from studyapp.actions.clip_cutting import DiskFull, Stored, is_full, stored_or_reason
from studyapp.actions.clip_descriptions import changes, describe_clip, is_settled
from studyapp.errors import DuetError
from studyapp.manifest import UNLABELLED, Entry, Refusal
from studyapp.media_store import root, sha256
from studyapp.models import AuditLine, Clip, Stimulus, Study, User

__all__ = ["ImportProgress", "ImportReport", "dataset_name", "describe_clip", "import_clips", "is_settled"]

SHORTEST_S, LONGEST_S = 0.5, 600.0
# ffmpeg encodes masters with one thread; two at a time keep a small machine busy and usable.
AT_A_TIME = 2

ImportProgress = Callable[[int, int, str], None]
"""Called with entries done, entries in all, and the name of the one just finished."""


@dataclass(slots=True)
class ImportReport:
    """What became of each entry.

    imported: clips that were made now. known: clips that were there already. updated: those of the known that
    the manifest describes otherwise. refused: what was not taken, and why. ignored: names in the folder that do
    not look like media, columns that say nothing. shape: what the source was read as. stopped: why the rest was
    not tried.
    """

    imported: list[Clip] = field(default_factory=list)
    known: list[Clip] = field(default_factory=list)
    updated: list[Clip] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    shape: str = ""
    stopped: str = ""

    @property
    def unlabelled(self) -> int:
        """Of the clips that are there now, those whose genre nothing says."""
        return sum(clip.genre == UNLABELLED for clip in [*self.imported, *self.known])


def dataset_name(source: Path) -> str:
    """The dataset's name when none is given: that of the folder."""
    folder = source if source.is_dir() else source.parent
    return slugify(folder.resolve().name) or "clips"


def import_clips(
    *,
    source: Path,
    dataset: str,
    length_s: float = 10.0,
    licence: str = "",
    within: Path | None = None,
    by: User | None,
    progress: ImportProgress | None = None,
) -> ImportReport:
    """Make Clips of ``length_s`` seconds from a folder or manifest; what is known already is left as it is.

    licence: of all that the manifest says none of. within: the folder that no file may lie outside of. One bad
    file or line never stops the others: it is named in the report. A full disk stops the rest, and the report says
    so. Raises DuetError when the folder or manifest cannot be read at all, or the dataset's name, the licence or
    the length cannot be used.
    """
    _check(dataset, length_s, licence)
    listing = manifest.read(source, within=within)
    entries = [replace(entry, licence=entry.licence or licence) for entry in listing.entries]
    report = ImportReport(refused=listing.refused, ignored=listing.ignored, shape=listing.shape)
    try:
        for done, (entry, outcome) in enumerate(_worked_on(entries, dataset, length_s), start=1):
            if isinstance(outcome, str):
                report.refused.append(Refusal(entry.where, outcome))
            else:
                _record(report, entry, outcome, dataset=dataset, by=by)
            if progress is not None:
                progress(done, len(entries), entry.clip_id)
    except DiskFull as full:
        report.stopped = str(full)
    except OperationalError as error:
        if not is_full(error):
            raise
        report.stopped = str(DiskFull())
    return report


def _check(dataset: str, length_s: float, licence: str) -> None:
    try:
        validate_slug(dataset)
    except ValidationError:
        raise DuetError(
            f"The dataset's name “{dataset}” may hold letters, digits, - and _ only; "
            f"use “{slugify(dataset) or 'clips'}”."
        ) from None
    if len(dataset) > 80:
        raise DuetError(f"The dataset's name has {len(dataset)} characters; use at most 80.")
    if not (math.isfinite(length_s) and SHORTEST_S <= length_s <= LONGEST_S):
        raise DuetError(f"A clip of {length_s:g} s is not possible; give {SHORTEST_S:g} to {LONGEST_S:g} seconds.")
    if len(licence) > 200:
        raise DuetError(f"The licence has {len(licence)} characters; give its short name, at most 200.")


def _worked_on(entries: list[Entry], dataset: str, length_s: float) -> Iterator[tuple[Entry, Clip | Stored | str]]:
    """Each entry with the known clip, what was stored, or why it was refused; as they finish.

    Threads only touch files. The database is read and written by the caller's thread, one entry at a time.
    """
    rest = deque(entries)
    running: dict[Future[Stored | str], Entry] = {}
    with ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="import") as pool:
        while rest or running:
            if rest and len(running) < AT_A_TIME:
                entry = rest.popleft()
                known = _known(entry, dataset, length_s)
                if known is not None:
                    yield entry, known
                else:
                    running[pool.submit(stored_or_reason, entry, length_s)] = entry
                continue
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()


def _known(entry: Entry, dataset: str, length_s: float) -> Clip | None:
    """The clip this entry would make, if it was made before and its files are still there."""
    clip = Clip.objects.filter(dataset=dataset, clip_id=entry.clip_id).first()
    # The same file gives the same choice of start again, where the list leaves one.
    starts = {entry.start_s} if entry.segment_s is None else {entry.start_s, 0.0}
    if clip is None or not any(_same_cut(clip, start_s, length_s) for start_s in starts):
        return None
    files = [path for path in (clip.master_path, clip.audio_path) if path is not None]
    if not all(path.is_file() for path in files):
        return None
    try:
        return clip if sha256(entry.file) == clip.source_sha256 else None
    except OSError:
        return None


def _same_cut(clip: Clip, start_s: float, length_s: float) -> bool:
    # A clip's length is the nearest whole number of frames.
    return abs(clip.start_s - start_s) < 1e-6 and abs(clip.duration_s - length_s) <= 0.51 / clip.frame_rate


def _record(report: ImportReport, entry: Entry, outcome: Clip | Stored, *, dataset: str, by: User | None) -> None:
    if isinstance(outcome, Clip):
        clip, made = outcome, False
    else:
        clip, made = _create_or_find(entry, outcome, dataset, by)
        problem = "" if made else _reconciled(clip, entry, outcome, by)
        if problem:
            report.refused.append(Refusal(entry.where, problem))
            return
    if made:
        report.imported.append(clip)
        return
    said = changes(clip, entry)
    try:
        if said:
            clip = describe_clip(clip=clip, by=by, **said)
            report.updated.append(clip)
    except DuetError as error:
        report.refused.append(Refusal(entry.where, f"{error} Import it into another dataset."))
        return
    report.known.append(clip)


def _create_or_find(entry: Entry, stored: Stored, dataset: str, by: User | None) -> tuple[Clip, bool]:
    clip = Clip(
        dataset=dataset,
        clip_id=entry.clip_id,
        genre=entry.genre or UNLABELLED,
        genre_rule=entry.genre_rule,
        labels=list(entry.labels),
        tags=list(entry.tags),
        caption=entry.caption,
        licence=entry.licence,
        source_url=entry.source_url,
        source_name=entry.file.name,
        source_sha256=stored.source_sha256,
        start_s=stored.start_s,
        duration_s=stored.duration_s,
        width=stored.width,
        height=stored.height,
        frame_rate=stored.frame_rate,
        master_file=stored.master_file,
        master_sha256=stored.master_sha256,
        master_bytes=stored.master_bytes,
        audio_file=stored.audio_file,
        audio_sha256=stored.audio_sha256,
    )
    try:
        with transaction.atomic():
            clip.save(force_insert=True)
            AuditLine.write("clip imported", by=by, dataset=dataset, clip=entry.clip_id)
    except IntegrityError:
        # Another import made it in the meantime, or it was there with other content.
        return Clip.objects.get(dataset=dataset, clip_id=entry.clip_id), False
    return clip, True


@transaction.atomic
def _reconciled(clip: Clip, entry: Entry, stored: Stored, by: User | None) -> str:
    """Bring a known clip and what was cut anew together; what keeps them apart, or nothing.

    The same cut of the same source is the same clip, though another ffmpeg makes other bytes of it. Those replace
    lost files only while no soundtrack rests on the bytes that there were.
    """
    clip.refresh_from_db(from_queryset=Clip.objects.select_for_update())
    if not _same_source_and_cut(clip, stored):
        return (
            f"the dataset “{clip.dataset}” already has another clip “{entry.clip_id}”, made from "
            f"{clip.source_name} from {clip.start_s:g} s on for {clip.duration_s:g} s; "
            "use another clip id or another dataset name."
        )
    files = [path for path in (clip.master_path, clip.audio_path) if path is not None]
    lost = [path for path in files if not path.is_file()]
    if not lost:
        return ""
    if _is_rendered_on(clip):
        gone = " and ".join(str(path.relative_to(root())) for path in lost)
        return (
            "this clip's files are lost, and the ffmpeg here makes other bytes of the source than those that "
            f"soundtracks were rendered on; restore {gone} of the media folder from a backup, or import the "
            "video into another dataset."
        )
    names = [name.name for name in fields(stored)]
    for name in names:
        setattr(clip, name, getattr(stored, name))
    clip.save(update_fields=names)
    studies = Study.objects.with_clip(clip)
    AuditLine.write_for(studies, "clip's lost files made anew", by=by, dataset=clip.dataset, clip=clip.clip_id)
    return ""


def _same_source_and_cut(clip: Clip, stored: Stored) -> bool:
    return clip.source_sha256 == stored.source_sha256 and _same_cut(clip, stored.start_s, stored.duration_s)


def _is_rendered_on(clip: Clip) -> bool:
    """Whether a soundtrack was made for this clip, or out of the audio of clips that it is one of."""
    made = Stimulus.objects.exclude(file_sha256="")
    if made.filter(clip=clip).exists():
        return True
    pools = made.exclude(audio_pool=[]).values_list("audio_pool", flat=True)
    return any(clip.pk in pool for pool in pools.iterator(2000))
