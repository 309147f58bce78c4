"""``compare``: every system on the same clips, as tables in Markdown for docs/systems.md."""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from generation import registry
from generation.commands.asking import UsageError, bar, names_from_outside
from generation.contracts import GenerationError, Progress, Request

if TYPE_CHECKING:
    from generation.commands import Commands
    from generation.metrics.systems import Contender, Line, Played


def add(commands: Commands) -> None:
    comparing = commands.add_parser("compare", help="what systems make of the same clips, and what it costs")
    comparing.add_argument("folder", type=Path, help="clips with a manifest.csv: file, clip_id, caption")
    comparing.add_argument(
        "--systems", nargs="+", required=True, help="slugs as `list` has them, :name=value to set"
    )
    comparing.add_argument("--clips", type=int, help="only the first so many")
    comparing.add_argument("--length", type=float, default=10.0, help="seconds of each (10)")
    comparing.add_argument("--swap", action="store_true", help="swap prompts and videos instead")
    comparing.add_argument("--motion", action="store_true", help="compare onsets with the videos' motion instead")
    comparing.set_defaults(command=compare)


def compare(options: argparse.Namespace) -> None:
    """Play, measure, and print Markdown."""
    from generation.metrics import systems

    with names_from_outside():
        contenders = [_contender(name) for name in options.systems]
    with tempfile.TemporaryDirectory(prefix="duet-compare-") as room, bar() as progress:
        requests = _requests(options, Path(room), progress)
        if options.swap:
            requests = systems.swapped(requests)
        played = {one.name: systems.play(one, requests, progress) for one in contenders}
        if options.swap:
            text = _swapped(played)
        elif options.motion:
            text = _followed(played, requests)
        else:
            text = _table(systems.measure([each for rows in played.values() for each in rows]), played)
    print(text)


def _contender(name: str) -> Contender:
    """A slug of ``list``, with settings behind colons."""
    from generation.metrics.systems import Contender

    slug, *pairs = name.split(":")
    settings = tuple((pair.partition("=")[0], pair.partition("=")[2]) for pair in pairs)
    for spec in registry.SYSTEMS.values():
        for preset in spec.presets:
            if slug == spec.slug(preset):
                registry.effective_settings(spec.key, dict(settings))
                return Contender(spec.key, preset, settings)
    raise UsageError(f"no system {slug!r}; `python -m generation list` names them")


def _requests(options: argparse.Namespace, room: Path, progress: Progress) -> list[Request]:
    from generation.media.master import make_master
    from generation.metrics.systems import originals

    manifest = options.folder / "manifest.csv"
    if not manifest.is_file():
        raise GenerationError(f"{options.folder} has no manifest.csv; write one with the columns file and caption")
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[: options.clips]
    clips = {
        row.get("clip_id") or Path(row["file"]).stem: (
            options.folder / row["file"],
            float(row.get("start_s") or 0),
        )
        for row in rows
    }
    audio = originals(clips, room, options.length)
    requests = []
    for seed, (row, (clip, (video, start_s))) in enumerate(zip(rows, clips.items(), strict=True), start=1):
        progress(seed / len(rows), f"cutting {clip}")
        master = make_master(video, room / f"{clip}.mp4", start_s=start_s, duration_s=options.length)
        requests.append(Request(clip, master.path, master.duration_s, seed, row.get("caption") or None, audio))
    return requests


def _table(lines: Sequence[Line], played: dict[str, list[Played]]) -> str:
    rows = [
        "| system | clip | LUFS | onsets a second | tempo | tags | CPU s | peak MiB |",
        "|---|---|--:|--:|--:|---|--:|--:|",
    ]
    for line in lines:
        tags = ", ".join(f"{name} {chance:.2f}" for name, chance in line.tags) or "none"
        tempo = "none" if line.tempo_bpm is None else f"{line.tempo_bpm:.0f}"
        rows.append(
            f"| {line.system} | {line.clip} | {line.lufs:.1f} | {line.onset_rate:.1f} | {tempo} | {tags} "
            f"| {line.seconds:.1f} | {line.peak_mib:.0f} |"
        )
    refused = [one for each in played.values() for one in each if one.refused]
    said = [f"- {one.system}, {one.clip}: {one.refused}" for one in refused]
    return "\n".join([*rows, "", *said])


def _swapped(played: dict[str, list[Played]]) -> str:
    from generation.metrics.systems import listens

    rows = ["| system | same prompt, another video | same video, another prompt | clips |", "|---|--:|--:|--:|"]
    for name, each in played.items():
        waves = [one.wave for one in each if one.wave is not None]
        if len(waves) < len(each):
            raise GenerationError(f"{name}: {next(one.refused for one in each if one.refused)}")
        found = listens(waves)
        cells = (f"{one.value:+.2f} [{one.low:+.2f}, {one.high:+.2f}]" for one in (found.prompt, found.video))
        rows.append(f"| {name} | {' | '.join(cells)} | {len(waves) // 2} |")
    return "\n".join(rows)


def _followed(played: dict[str, list[Played]], requests: Sequence[Request]) -> str:
    from generation.baselines.cmt.motion import look
    from generation.metrics.systems import motion_following

    seen = [look(request.video, request.duration_s) for request in requests]
    speeds = [(motion.speed_s, motion.speed) for motion in seen]
    rows = ["| system | own video | another video | difference [95 %] | clips |", "|---|--:|--:|--:|--:|"]
    for name, each in played.items():
        waves = [one.wave for one in each if one.wave is not None]
        if len(waves) < len(each):
            raise GenerationError(f"{name}: {next(one.refused for one in each if one.refused)}")
        found = motion_following(waves, speeds)
        apart = found.difference
        rows.append(
            f"| {name} | {found.own:+.2f} | {found.other:+.2f} "
            f"| {apart.value:+.2f} [{apart.low:+.2f}, {apart.high:+.2f}] | {len(waves)} |"
        )
    return "\n".join(rows)
