"""Figures as files for print: SVG, PDF or PNG through kaleido, where it and a Chrome are at hand."""

from __future__ import annotations

from pathlib import Path

from analysis.drawing import Figure
from analysis.results import AnalysisError

FORMATS = ("svg", "pdf", "png")
WIDTH = 720
"""Pixels; a column of two on A4 at 150 dots an inch."""


def save(figure: Figure, path: Path, *, width: int = WIDTH) -> None:
    """Write one figure, in the format that the file's ending names.

    Raises AnalysisError for another ending, and where kaleido or a Chrome is missing, saying how to get them.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise AnalysisError(f"a figure is written as .{', .'.join(FORMATS)}, not as {path.suffix!r}")
    # plotly takes half a second to import; the report does without it.
    import plotly.graph_objects as go

    drawn = go.Figure(data=list(figure.data), layout=figure.layout | {"autosize": False, "width": width})
    try:
        content = drawn.to_image(format=kind, width=width, height=figure.layout["height"], scale=2)
    except (ImportError, ValueError, RuntimeError, OSError) as error:
        raise AnalysisError(
            f"figures are written by kaleido with a Chrome, and {_first_line(error)}; install both: "
            'pip install "duet[print]", and Chrome or Chromium (BROWSER_PATH names one that is not found)'
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _first_line(error: Exception) -> str:
    told = str(error).strip().splitlines()
    return told[0].rstrip(".") if told else type(error).__name__
