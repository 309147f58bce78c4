"""An evaluation's results as Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from generation.metrics.evaluate import PRIMARY, Results, SystemFigures
from generation.metrics.following import Beside
from generation.metrics.intervals import Estimate


def markdown(results: Results) -> str:
    """All results, primary measures first."""
    parts = [
        f"Preset `{results.preset}`, {results.clips} clips of {results.clip_s:g} s. Own: with the clip's own "
        "video. Other: the same music with another clip's video. Intervals: 95 %, bootstrap over clips.",
        _primary(results),
        "### Follows the video",
        _following(results.systems),
        "### Sounds like its music",
        _sound(results.systems),
    ]
    if results.steering:
        parts += ["### Follows a prompt for another genre", _steering(results)]
    parts += ["### Next token, true past given", _tokens(results), "### Codec", _codec(results)]
    return "\n\n".join(parts) + "\n"


def _primary(results: Results) -> str:
    found = [each.following for each in results.systems if each.name == PRIMARY]
    if not found:
        return f"The primary measures are asked of `{PRIMARY}`, which was not among the systems."
    measures = (("motion", found[0].motion), ("own genre", found[0].own_genre))
    said = [
        f"{name} {_difference(beside.difference)}: "
        + ("above zero" if beside.difference.above_zero else "**not above zero**")
        for name, beside in measures
    ]
    return f"Primary measures, `{PRIMARY}`, own minus other video: " + "; ".join(said) + "."


def _following(systems: Sequence[SystemFigures]) -> str:
    head = ["", "motion, rho", "own - other", "own genre", "own - other", "tempo, strict", "tempo, octaves"]
    head += ["tempo error, oct", "folded", "in key"]
    rows = []
    for each in systems:
        follows = each.following
        rows.append(
            [
                _name(each.name),
                _beside(follows.motion),
                _difference(follows.motion.difference),
                _beside(follows.own_genre),
                _difference(follows.own_genre.difference),
                _beside(follows.tempo_strict),
                _beside(follows.tempo_octaves),
                _beside(follows.tempo_error),
                _beside(follows.tempo_error_folded),
                "-" if follows.in_key is None else _beside(follows.in_key, 3),
            ]
        )
    return _table(head, rows)


def _sound(systems: Sequence[SystemFigures]) -> str:
    columns: dict[str, Callable[[SystemFigures], str]] = {
        "onset autocorrelation peak": lambda each: f"{each.sound.beat_strength:.2f}",
        "onsets, 1/s": lambda each: f"{each.sound.onset_rate:.2f}",
        "chroma entropy, bits": lambda each: f"{each.sound.chroma_entropy:.2f}",
        "key clarity": lambda each: f"{each.sound.key_clarity:.2f}",
        "flatness": lambda each: f"{each.sound.flatness:.4f}",
        "between notes, dB": lambda each: f"{each.sound.level_between_notes_db:.1f}",
        "loudness, LUFS": lambda each: f"{each.sound.loudness_lufs:.1f}",
        "musicnn-FAD": lambda each: "-" if each.sound.fad is None else f"{each.sound.fad:.2f}",
    }
    rows = [[_name(each.name), *(write(each) for write in columns.values())] for each in systems]
    return _table(["", *columns], rows)


def _steering(results: Results) -> str:
    head = [
        "",
        "classified as asked, with and without",
        "difference",
        "cosine to it, with and without",
        "difference",
    ]
    rows = [
        [
            _name(name),
            _beside(moved.asked_share),
            _difference(moved.asked_share.difference),
            _beside(moved.asked_cosine),
            _difference(moved.asked_cosine.difference),
        ]
        for name, moved in results.steering.items()
    ]
    return _table(head, rows)


def _tokens(results: Results) -> str:
    head = ["stage", "sees", "nats", "accuracy", "nats, other video", "accuracy, other video"]
    rows = []
    for each in results.tokens:
        other = ["-", "-"] if each.other is None else [f"{each.other.nats:.3f}", f"{each.other.accuracy:.3f}"]
        rows.append([each.stage, each.seen or "-", f"{each.own.nats:.3f}", f"{each.own.accuracy:.3f}", *other])
    return _table(head, rows)


def _codec(results: Results) -> str:
    rows = [[str(each.levels), f"{each.log_mel:.3f}", f"{each.si_sdr_db:.1f}"] for each in results.codec]
    return _table(["levels", "log10-mel distance", "SI-SDR, dB"], rows)


def _name(name: str) -> str:
    return f"`{name}`" if "-" in name else name


def _beside(beside: Beside, digits: int = 2) -> str:
    return f"{beside.own:.{digits}f} / {beside.other:.{digits}f}"


def _difference(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
