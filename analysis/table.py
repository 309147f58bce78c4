"""A printed table, and the same as Markdown and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """Printed cells; ``strong`` marks an average, ``faint`` what rests on too little to be relied on."""

    cells: tuple[str, ...]
    strong: bool = False
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A printed table; the first ``headings`` cells of each row name it, the others are figures.

    ``notes`` stand below it: sentences would make a column as wide as themselves.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    headings: int = 1
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """As a table of GitHub's Markdown, with its title above."""
        names = [_md(column) or " " for column in self.columns]
        ruler = ["---" if place < self.headings else "---:" for place in range(len(names))]
        rows = [[_md(cell) for cell in row.cells] for row in self.rows]
        lines = [f"| {' | '.join(cells)} |" for cells in (names, ruler, *rows)]
        told = [text for note in self.notes for text in ("", _MD_BLOCK.sub(r"\1\\\2", _md(note)))]
        return "\n".join([f"**{_md(self.title)}**", "", *lines, *told, ""])

    def latex(self) -> str:
        """As a LaTeX table for the package booktabs, averages in bold."""
        widths = "l" * self.headings + "r" * (len(self.columns) - self.headings)
        rows = [
            _tex_row([f"\\textbf{{{_tex(cell)}}}" if row.strong else _tex(cell) for cell in row.cells])
            for row in self.rows
        ]
        return "\n".join(
            [
                r"\begin{table}",
                f"\\caption{{{_tex(self.title)}}}",
                f"\\begin{{tabular}}{{{widths}}}",
                r"\toprule",
                *([_tex_row([*map(_tex, self.columns)]), r"\midrule"] if self.columns[0] else []),
                *rows,
                r"\bottomrule",
                r"\end{tabular}",
                *(_tex(note) + r"\par" for note in self.notes),
                r"\end{table}",
                "",
            ]
        )


def _one_line(text: str) -> str:
    return " ".join(text.split())


_MD_MARK = re.compile(
    r"[\\`*|~$]|(?<![^\W_])_|_(?![^\W_])|<(?=[A-Za-z/!?])|&(?=#?[A-Za-z0-9]+;)|\[(?![−+0-9.,;% ]+\](?![(\[:]))"
)
"""What formats a line of Markdown wherever it stands: not "_" within a word, nor an interval in brackets."""
_MD_BLOCK = re.compile(r"^([0-9]*)([#>+\-.)])")
"""What makes a heading, a quotation or a list of a line that begins with it."""


def _md(text: str) -> str:
    return _MD_MARK.sub(r"\\\g<0>", _one_line(text))


_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": "$-$", "<": "$<$", ">": "$>$", "±": r"$\pm$",
    "×": r"$\times$",
}  # fmt: skip


def _tex_row(cells: Sequence[str]) -> str:
    # To \\, \toprule and \midrule a bracket or a star that begins the next row is an argument.
    guard = "{}" if cells[0].startswith(("[", "*")) else ""
    return guard + " & ".join(cells) + r" \\"


def _tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in _one_line(text))
