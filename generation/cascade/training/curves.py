"""A training run's log, one JSON object a line, and the picture that is drawn from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generation.contracts import GenerationError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACROSS = 3


class Log:
    """Appends to ``path``: mean losses of a stretch of steps, and evaluations.

    Lines after ``step`` are dropped on opening: they belong to steps that a resumed run takes again.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self.shown = ""
        self._sums: dict[str, float] = {}
        self._steps = 0
        lines = [line for line in read_log(path) if line["step"] <= step] if step else []
        self._write(lines, "w")

    def note(self, step: int, seconds: float, losses: Mapping[str, float], *, every: int) -> None:
        """Count one step's losses; every so many steps their means are written."""
        for name, loss in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + loss
        self._steps += 1
        if self._steps >= every:
            means = {name: total / self._steps for name, total in self._sums.items()}
            self.shown = " ".join(f"{name} {mean:.3f}" for name, mean in means.items())
            self._write([{"step": step, "seconds": round(seconds, 1), "losses": means}], "a")
            self._sums, self._steps = {}, 0

    def evaluation(self, step: int, seconds: float, figures: Mapping[str, float]) -> None:
        """Write held-out figures."""
        self._write([{"step": step, "seconds": round(seconds, 1), "held_out": dict(figures)}], "a")

    def _write(self, lines: list[dict[str, Any]], mode: str) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open(mode, encoding="utf-8") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)
        except OSError as error:
            raise GenerationError(
                f"{self.path} could not be written ({error}); the last checkpoint is kept: "
                "make room and run it again"
            ) from error


def read_log(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a log; a kill may have cut the last one."""
    if not path.exists():
        return []
    lines: list[dict[str, Any]] = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines


def draw_curves(log: Path, picture: Path) -> Path | None:
    """Draw every loss and every held-out figure over the minutes; gives the path.

    None where matplotlib (the extra ``training``) is not installed, or there is nothing to draw yet: the log has
    it all, and the picture can be drawn later.
    """
    curves = _curves(read_log(log))
    if not curves or find_spec("matplotlib") is None:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(curves) // _ACROSS)
    figure = Figure(figsize=(4.2 * _ACROSS, 2.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, _ACROSS, squeeze=False).flatten()
    for panel, (name, points) in zip(panels, curves.items(), strict=False):
        _panel(panel, name, points)
    for panel in panels[len(curves) :]:
        panel.set_visible(False)
    fresh = picture.with_suffix(".new.png")
    figure.savefig(fresh, dpi=90)
    fresh.replace(picture)
    return picture


def _panel(panel: Axes, name: str, points: list[tuple[float, float]]) -> None:
    panel.plot([x for x, _ in points], [y for _, y in points], marker="." if len(points) < 30 else "", lw=1)
    panel.set_title(name, fontsize=8)
    panel.set_xlabel("minutes", fontsize=7)
    panel.tick_params(labelsize=7)
    panel.grid(alpha=0.3)


def _curves(lines: list[dict[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Points (minutes, value) by title, losses first."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for kind, label in (("losses", "training loss: "), ("held_out", "held out: ")):
        for line in lines:
            for name, value in line.get(kind, {}).items():
                curves.setdefault(label + name, []).append((line["seconds"] / 60, value))
    return curves
