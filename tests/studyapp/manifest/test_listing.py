"""Ten thousand refusals as a few reasons."""

from __future__ import annotations

import time
from pathlib import Path

from studyapp import manifest
from studyapp.manifest import Refusal, grouped


def test_reasons_that_differ_in_values_names_and_numbers_alone_are_one() -> None:
    groups = grouped(
        [
            Refusal("m.csv line 2", "there is no file “a.mp4” beside the manifest; copy it there."),
            Refusal("m.csv line 3", "genre has 81 characters; shorten it to at most 80."),
            Refusal("m.csv line 4", "there is no file “b.webm” beside the manifest; copy it there."),
            Refusal("cut.mp4", "cut.mp4 is truncated: it promises 1.50 s"),
            Refusal("cut2.mov", "cut2.mov is truncated: it promises 12 s"),
            Refusal("m.csv line 5", "there is no file “c” beside the manifest; copy it there."),
        ]
    )
    assert [(group.count, group.reason) for group in groups] == [
        (3, "there is no file … beside the manifest; copy it there."),
        (2, "… is truncated: it promises … s"),
        (1, "genre has 81 characters; shorten it to at most 80."),
    ]
    assert [refusal.where for refusal in groups[0].first] == ["m.csv line 2", "m.csv line 4", "m.csv line 5"]


def test_ten_thousand_bad_lines_are_read_and_grouped_in_seconds(tmp_path: Path) -> None:
    (tmp_path / "good.mp4").write_bytes(b"video")
    lines = ["file,clip_id,start", "good.mp4,good,0"]
    lines += [f"gone{number}.mp4,x{number},0" for number in range(5_000)]
    lines += [f"good.mp4,y{number},soon" for number in range(4_990)]
    lines += [f"good.mp4,z{number}" for number in range(10)]
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    began = time.perf_counter()
    listing = manifest.read(tmp_path)
    groups = grouped(listing.refused)
    assert time.perf_counter() - began < 20
    assert [entry.clip_id for entry in listing.entries] == ["good"]
    assert [(group.count, len(group.first), group.further) for group in groups] == [
        (5_000, 5, 4_995),
        (4_990, 5, 4_985),
        (10, 5, 5),
    ]
