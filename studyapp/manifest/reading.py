"""From a folder or a manifest to the list of what it names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from studyapp.errors import DuetError
from studyapp.manifest.films import AUDIO, VIDEO
from studyapp.manifest.listing import BadLine, Entry, Listing, Refusal
from studyapp.manifest.rows import Row, Table, table
from studyapp.manifest.shapes import SHAPES, Place, Shape, is_sequence, shape_of
from studyapp.manifest.values import COLUMNS, LONGEST, checked, formula_refused, is_formula, shown

MANIFEST_NAMES = ("manifest.csv", "manifest.jsonl", "manifest.txt")
MANIFEST_SUFFIXES = (".csv", ".jsonl", ".ndjson", ".txt")


def read(source: Path, *, within: Path | None = None) -> Listing:
    """List the clips of a folder, of the manifest inside a folder, or of a manifest.

    A folder that holds one of MANIFEST_NAMES is read by that manifest and nothing else in it is looked at. within:
    the folder that no file may lie outside of. Raises DuetError when there is nothing to read at all.
    """
    if not source.exists():
        raise DuetError(f"{source} does not exist; give a folder of videos, or a manifest (.csv or .jsonl).")
    if source.is_dir():
        manifests = [source / name for name in MANIFEST_NAMES if (source / name).is_file()]
        if len(manifests) > 1:
            names = " and ".join(manifest.name for manifest in manifests)
            raise DuetError(f"{source} holds {names}; name the one you mean.")
        listing = _read_manifest(manifests[0], within) if manifests else _read_folder(source)
    else:
        listing = _read_manifest(source, within)
    if not listing.entries and not listing.refused:
        raise DuetError(f"{source} names no video; give a folder of videos, or a manifest (.csv or .jsonl).")
    return _without_duplicates(listing)


def is_manifest(name: str, first_line: str) -> bool:
    """Whether a file is a manifest by its name, and a text by its first line too: most texts are notes."""
    if not name.lower().endswith(MANIFEST_SUFFIXES):
        return False
    return not name.lower().endswith(".txt") or is_sequence(first_line.strip().lstrip("\ufeff"))


def _read_folder(folder: Path) -> Listing:
    listing = Listing(shape="a folder without a manifest")
    for file in sorted(folder.iterdir()):
        if file.name.startswith("."):
            continue
        if not file.is_file() or file.suffix.lower() not in VIDEO | AUDIO:
            listing.ignored.append(shown(file.name))
        elif not file.name.isprintable():
            listing.refused.append(
                Refusal(shown(file.name), "the name holds characters that cannot be read; rename the file.")
            )
        elif is_formula(file.stem):
            listing.refused.append(Refusal(file.name, formula_refused("clip_id", file.stem)))
        else:
            listing.entries.append(Entry(where=file.name, file=file, clip_id=file.stem[: LONGEST["clip_id"]]))
    return listing


def _read_manifest(manifest: Path, within: Path | None) -> Listing:
    if manifest.suffix.lower() not in MANIFEST_SUFFIXES:
        raise DuetError(
            f"{manifest.name} is neither a folder nor a manifest; a manifest ends in "
            f"{', '.join(MANIFEST_SUFFIXES)}."
        )
    with table(manifest) as found:
        # Each line of JSON has columns of its own: the first may lack what the others have.
        shape = shape_of(found.header) or (None if found.fixed else SHAPES[0])
        if shape is None:
            raise DuetError(
                f"{manifest.name} has no column “file” in its first line; the columns are {', '.join(COLUMNS)}, "
                f"separated by commas. Other lists are told by: {_told_by()}."
            )
        listing = Listing(shape=shape.name)
        _note_unknown_columns(listing, manifest.name, shape, found)
        rows = list(found.rows)
    place = Place(folder=manifest.parent, within=within, segments=_segments(rows))
    for line, row in rows:
        where = f"{manifest.name} line {line}"
        if isinstance(row, str):
            listing.refused.append(Refusal(where, row))
            continue
        try:
            checked(row)
            if shape.strict and not found.fixed:
                _refuse_unknown(row, shape)
            listing.entries.append(shape.entry(where, row, place))
        except BadLine as error:
            listing.refused.append(Refusal(where, str(error)))
    return listing


def _note_unknown_columns(listing: Listing, manifest: str, shape: Shape, found: Table) -> None:
    unknown = [name for name in found.header if name not in shape.knows]
    if shape.strict and found.fixed:
        listing.refused += [Refusal(f"{manifest} line 1", _unknown_column(name)) for name in unknown]
    elif not shape.strict:
        listing.ignored += [f"column {shown(name)}" for name in unknown]


def _refuse_unknown(row: dict[str, str], shape: Shape) -> None:
    for name in row:
        if name not in shape.knows:
            raise BadLine(_unknown_column(name))


def _unknown_column(name: str) -> str:
    return f"the column “{name}” is not known; rename or remove it. The columns are {', '.join(COLUMNS)}."


def _told_by() -> str:
    return "; ".join(f"{shape.told_by} ({shape.name})" for shape in SHAPES[1:])


def _segments(rows: list[Row]) -> Counter[str]:
    """How often each YouTube id is listed: one that is listed once is its clip's id as it stands."""
    return Counter(row["ytid"] for _, row in rows if isinstance(row, dict) and row.get("ytid"))


def _without_duplicates(listing: Listing) -> Listing:
    """The first of several entries with one clip id stays; the others are refused by name."""
    first: dict[str, Entry] = {}
    for entry in listing.entries:
        known = first.setdefault(entry.clip_id, entry)
        if known is not entry:
            listing.refused.append(
                Refusal(
                    entry.where,
                    f"the clip id “{entry.clip_id}” is already taken by {known.where}; "
                    "give each clip an id of its own in a manifest.",
                )
            )
    listing.entries = list(first.values())
    return listing
