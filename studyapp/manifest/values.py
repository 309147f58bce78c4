"""The values of a manifest's cells: what is taken, and what a cell that cannot be taken is told."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.text import slugify

from studyapp.clips.genres import RULE, label_id, one_genre
from studyapp.errors import DuetError
from studyapp.manifest.listing import BadLine

UNLABELLED = "unlabelled"
COLUMNS = ("file", "clip_id", "genre", "labels", "tags", "caption", "licence", "source", "start")
EXPORTED = ("clip_id", "genre")
"""What a researcher writes freely and every exported table repeats."""
ALSO = {
    "clip": "clip_id",
    "id": "clip_id",
    "filename": "file",
    "license": "licence",
    "label": "labels",
    "tag": "tags",
    "url": "source",
    "source_url": "source",
    "start_s": "start",
    "start_time": "start",
    "start_time_s": "start",
}
LONGEST = {"clip_id": 120, "genre": 80, "licence": 200, "source": 500}
LONGEST_TAG, MOST_TAGS, MOST_LABELS = 40, 20, 100
# A minus sign before letters and digits alone is let through, for many a video's id at YouTube begins with one:
# with nothing in it that calls or joins, a spreadsheet can do no worse than show it as an error.
_FORMULA = re.compile(r"[=+@\t\r]|-(?![\w-]*$)")
_AUDIOSET_ID = re.compile(r"/[mgt]/[\w-]+")
_is_web_address = URLValidator(schemes=["http", "https"])


def is_formula(value: str) -> bool:
    """Whether a spreadsheet that opens an exported table would reckon with this instead of showing it."""
    return _FORMULA.match(value) is not None


def formula_refused(name: str, value: str) -> str:
    return (
        f"the {name.replace('_', ' ')} “{value}” begins with “{value[0]}”, as a spreadsheet's formula does; "
        "begin it with a letter or digit."
    )


def shown(name: str) -> str:
    """A name as it can be printed and stored: bytes that are no UTF-8 come out of the disk as lone surrogates."""
    return name.encode("utf-8", "backslashreplace").decode()


def tag_list(value: str) -> list[str]:
    """The tags of one cell or field, separated by commas or semicolons: sorted, each once, in lower case.

    Raises DuetError, for a tag becomes the name of an exported column.
    """
    words = [word.strip() for word in re.split(r"[,;|]", value) if word.strip()]
    tags = sorted({slugify(word) for word in words})
    for tag, word in ((slugify(word), word) for word in words):
        if not tag or len(tag) > LONGEST_TAG:
            raise DuetError(f"the tag “{word}” cannot be used; give up to {LONGEST_TAG} letters, digits and -.")
    if len(tags) > MOST_TAGS:
        raise DuetError(f"{len(tags)} tags are too many for one clip; keep at most {MOST_TAGS}.")
    return tags


def checked(row: Mapping[str, str]) -> None:
    """Raises BadLine on characters that no database stores."""
    for name, value in row.items():
        if "\0" in value or shown(value) != value:
            raise BadLine(f"{name} holds a character that cannot be stored; write it anew.")


def described(row: Mapping[str, str], clip_id: str) -> dict[str, object]:
    """What a line says of its clip, as fields of Entry: id, genre, labels, tags, caption, licence and source.

    Raises BadLine.
    """
    if not clip_id.isprintable() or "/" in clip_id or "\\" in clip_id:
        raise BadLine(f"the clip id {clip_id!r} holds a slash or an unprintable character; choose a plain name.")
    values = {"clip_id": clip_id} | {name: row.get(name, "") for name in ("genre", "licence", "source")}
    labels = [label_id(label) for label in _labels(row.get("labels", ""))]
    if _AUDIOSET_ID.fullmatch(values["genre"]):
        # Where a list calls its one label the genre, it is a label all the same.
        labels.append(values["genre"])
        values["genre"] = ""
    for name in EXPORTED:
        if is_formula(values[name]):
            raise BadLine(formula_refused(name, values[name]))
    for name, value in values.items():
        if len(value) > LONGEST[name]:
            raise BadLine(f"{name} has {len(value)} characters; shorten it to at most {LONGEST[name]}.")
    try:
        tags = tag_list(row.get("tags", ""))
    except DuetError as error:
        raise BadLine(str(error)) from None
    by_rule = "" if values["genre"] else one_genre(labels).genre
    return {
        "clip_id": clip_id,
        "genre": values["genre"] or by_rule,
        "genre_rule": RULE if by_rule else "",
        "labels": tuple(dict.fromkeys(labels)),
        "tags": tuple(tags),
        "caption": row.get("caption", ""),
        "licence": values["licence"],
        "source_url": _web_address(values["source"]),
    }


def _labels(value: str) -> list[str]:
    labels = [label.strip().strip("'\"") for label in re.split(r"[,;|]", value.strip("[] "))]
    labels = [label for label in labels if label]
    for label in labels:
        if len(label) > LONGEST["genre"] or is_formula(label):
            raise BadLine(f"the label “{label[:80]}” cannot be used; give AudioSet ids or names, separated by ;.")
    if len(labels) > MOST_LABELS:
        raise BadLine(f"{len(labels)} labels are too many for one clip; keep at most {MOST_LABELS}.")
    return labels


def _web_address(value: str) -> str:
    if not value:
        return ""
    try:
        _is_web_address(value)
    except ValidationError:
        raise BadLine(f"the source “{value}” is no web address; give one that begins with https://.") from None
    return value


def seconds(value: str, name: str = "start") -> float:
    """Seconds, or minutes:seconds, or hours:minutes:seconds; 0 where nothing is said. Raises BadLine."""
    if not value:
        return 0.0
    total = 0.0
    for part in value.split(":"):
        try:
            total = total * 60 + float(part)
        except ValueError:
            total = math.nan
    if not math.isfinite(total) or total < 0 or "-" in value or value.count(":") > 2:
        raise BadLine(f"the {name} “{value}” is not a time; give seconds, as in 12.5, or minutes, as in 1:12.5.")
    return total
