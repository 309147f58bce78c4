"""The four shapes of a manifest: what tells each of them, and how a line of it becomes an entry."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studyapp.clips.genres import DANCE_RULE, DANCES
from studyapp.manifest.films import Films
from studyapp.manifest.listing import BadLine, Entry
from studyapp.manifest.values import COLUMNS, described, seconds

_SEQUENCE = re.compile(r"g([A-Z]{2})_s[A-Z]{2}_c(?:All|\d{2})(?:_d\d{2})+_m[A-Z]{2}\d_ch\d{2}")
_CAMERA = re.compile(r"_c(?:All|\d{2})_")
_CAMERAS = ("_cAll_", *(f"_c{number:02}_" for number in range(1, 10)))
_SAYS_MORE = ("clip_id", "genre", "labels", "tags", "caption", "licence", "source")
_SUBSETS = {"is_balanced_subset": "balanced-subset", "is_audioset_eval": "audioset-eval"}


@dataclass(slots=True)
class Place:
    """Where a manifest lies. segments: lines of each YouTube id. within: what files may not lie outside of."""

    folder: Path
    within: Path | None = None
    segments: Counter[str] = field(default_factory=Counter)
    _films: Films | None = None

    @property
    def films(self) -> Films:
        self._films = self._films or Films(self.folder)
        return self._films


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of manifest. needs: the columns that tell it. strict: a column that is not known is refused.

    told_by, films: what tells it and how its videos are named, for the page.
    """

    name: str
    told_by: str
    films: str
    needs: frozenset[str]
    knows: frozenset[str]
    entry: Callable[[str, Mapping[str, str], Place], Entry]
    strict: bool = False


def shape_of(header: tuple[str, ...]) -> Shape | None:
    """The shape that a manifest's columns tell."""
    return next((shape for shape in SHAPES if shape.needs <= set(header)), None)


def is_sequence(name: str) -> bool:
    """Whether this is the name of a sequence of AIST."""
    return _SEQUENCE.fullmatch(name) is not None


def _own(where: str, row: Mapping[str, str], place: Place) -> Entry:
    if not row.get("file"):
        raise BadLine("names no file; fill in the column “file”.")
    file = place.folder / row["file"]
    if not os.path.isfile(file):  # unlike Path.is_file, also says no to names no file could have
        raise BadLine(f"there is no file “{row['file']}” beside the manifest; correct the name or copy it there.")
    if place.within and not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(place.within)):
        raise BadLine(f"the file “{row['file']}” lies elsewhere on the server; copy it to the manifest's folder.")
    says: Any = described(row, row.get("clip_id") or file.stem)
    return Entry(where=where, file=file, start_s=seconds(row.get("start", "")), **says)


def _youtube(where: str, row: Mapping[str, str], place: Place) -> Entry:
    ytid = row.get("ytid", "")
    if not re.fullmatch(r"[\w-]{6,20}", ytid):
        raise BadLine(f"“{ytid}” is no YouTube id; give the 11 characters after “watch?v=”.")
    start_s = seconds(row.get("start", ""))
    end_s = seconds(row["end"], "end") if row.get("end") else None
    if end_s is not None and end_s <= start_s:
        raise BadLine(
            f"the end “{row['end']}” is not after the start “{row.get('start', '')}”; correct one of them."
        )
    cut = place.films.named(*_cut_names(ytid, start_s, end_s))
    file = cut or place.films.named(ytid, f"[{ytid}]")
    if file is None:
        raise BadLine(
            f"there is no film of “{ytid}” beside the manifest; name it “{ytid}.mp4”, or take the line out "
            "if the video is gone."
        )
    once = place.segments[ytid] == 1
    says: Any = described(row, row.get("clip_id") or (ytid if once else f"{ytid}_{start_s:g}"))
    if not says["source_url"]:
        says["source_url"] = f"https://www.youtube.com/watch?v={ytid}&t={int(start_s)}s"
    return Entry(
        where=where,
        file=file,
        start_s=0.0 if cut else start_s,
        segment_s=end_s - start_s if end_s is not None else None,
        **says,
    )


def _cut_names(ytid: str, start_s: float, end_s: float | None) -> list[str]:
    """How films are named that hold one segment alone: with its start in seconds or milliseconds, and its end."""
    starts = [f"{start_s:g}", f"{start_s:.3f}", f"{start_s:.1f}", f"{int(start_s):06}", f"{round(start_s * 1000)}"]
    names = [f"{ytid}{join}{start}" for start in starts for join in ("_", "-")]
    if end_s is None:
        return names
    ends = [f"{end_s:g}", f"{end_s:.3f}", f"{end_s:.1f}", f"{int(end_s):06}", f"{round(end_s * 1000)}"]
    both = [(start, end) for start, end in zip(starts, ends, strict=True)]
    return [
        *(f"{ytid}{join}{start}{join}{end}" for start, end in both for join in ("_", "-")),
        *(f"[{ytid}]-[{start}-{end}]" for start, end in both),
        *names,
    ]


def _musiccaps(where: str, row: Mapping[str, str], place: Place) -> Entry:
    subsets = [tag for name, tag in _SUBSETS.items() if row.get(name, "").lower() == "true"]
    aspects = ", ".join(re.findall(r"['\"](.+?)['\"](?:,|\]|$)", row.get("aspect_list", "")))
    more = {
        "caption": row.get("caption") or aspects,
        "tags": ",".join([row.get("tags", ""), *subsets]),
    }
    return _youtube(where, {**row, **more}, place)


def _aist(where: str, row: Mapping[str, str], place: Place) -> Entry:
    name = row.get("sequence", "").removesuffix(".mp4")
    told = _SEQUENCE.fullmatch(name)
    if told is None or told[1] not in DANCES:
        raise BadLine(
            f"“{name}” is no sequence of AIST; its names are like gBR_sBM_cAll_d04_mBR0_ch01, with the genre "
            f"{', '.join(DANCES)} after the g."
        )
    # A sequence was filmed by nine cameras, of which the first stands in front.
    own = _CAMERA.search(name)
    cameras = _CAMERAS if own and own[0] == "_cAll_" else (own[0] if own else "",)
    file = place.films.named(*(_CAMERA.sub(camera, name, count=1) for camera in cameras))
    if file is None:
        raise BadLine(
            f"there is no film of “{name}” beside the manifest; copy one camera's there, such as "
            f"“{_CAMERA.sub('_c01_', name, count=1)}.mp4”."
        )
    says: Any = described(row, row.get("clip_id") or name)
    if not row.get("genre"):
        says |= {"genre": DANCES[told[1]], "genre_rule": DANCE_RULE}
    return Entry(where=where, file=file, start_s=seconds(row.get("start", "")), **says)


_LISTED = frozenset({*_SAYS_MORE, "ytid", "start", "end"})
SHAPES = (
    Shape(
        "Duet's own manifest",
        "a column file",
        "as the column file says, from the manifest's folder on",
        frozenset({"file"}),
        frozenset(COLUMNS),
        _own,
        True,
    ),
    Shape(
        "MusicCaps",
        "columns ytid and aspect_list",
        "<ytid>.mp4, [ytid].mp4, “Title [ytid].mp4”, or cut: <ytid>_<start>.mp4, <ytid>_<start>_<end>.mp4",
        frozenset({"ytid", "aspect_list"}),
        _LISTED | {"aspect_list", "author_id", *_SUBSETS},
        _musiccaps,
    ),
    Shape(
        "a list of YouTube videos, as of MV100K or AudioSet",
        "a column ytid or youtube_id",
        "as for MusicCaps",
        frozenset({"ytid"}),
        _LISTED,
        _youtube,
    ),
    Shape(
        "a list of AIST++ sequences",
        "a column sequence, or nothing but names",
        "<sequence>.mp4; for cAll the first camera that is there (c01 stands in front)",
        frozenset({"sequence"}),
        frozenset({*_SAYS_MORE, "sequence", "start"}),
        _aist,
    ),
)
"""In the order in which they are tried."""
