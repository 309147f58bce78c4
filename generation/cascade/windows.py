"""How a clip longer than the cascade's window is written: window after window, each going on from the last.

As MusicLM does it (Agostinelli et al. 2023, Long generation): the second half of one window is the prompt of the
next. A clip that fits one window is written in one, so windows change nothing about it.
"""

from __future__ import annotations

from dataclasses import dataclass

from generation.cascade.time_grid import TimeGrid


@dataclass(frozen=True, slots=True)
class Window:
    """Whole seconds [first_s, last_s) of a clip, of which the first ``prompt_s`` are already written.

    The final window takes the remainder of the clip along, however few samples it is.
    """

    first_s: int
    last_s: int
    prompt_s: int
    final: bool

    def steps(self, rate_hz: int, total: int) -> slice:
        """The window's steps of a sequence of ``total`` steps."""
        return slice(self.first_s * rate_hz, total if self.final else self.last_s * rate_hz)

    def prompt(self, rate_hz: int) -> slice:
        """The steps of the whole sequence that the window goes on from."""
        return slice(self.first_s * rate_hz, (self.first_s + self.prompt_s) * rate_hz)


def windows(duration_s: float, grid: TimeGrid) -> list[Window]:
    """The windows that cover a duration, each half a window after the one before; the last may be shorter."""
    seconds, half = grid.visual_steps(duration_s), grid.window_s // 2
    covering: list[Window] = []
    first, written = 0, 0
    while written < seconds:
        last = min(seconds, first + grid.window_s)
        covering.append(Window(first, last, written - first, final=last == seconds))
        first, written = first + half, last
    return covering
