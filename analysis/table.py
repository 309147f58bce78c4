"""A printed table, and the same as Markdown and LaTeX."""

from __future__ import annotations

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
        names = [_one_line(column).replace("|", "\\|") or " " for column in self.columns]
        ruler = ["---" if place < self.headings else "---:" for place in range(len(names))]
        rows = [[_one_line(cell).replace("|", "\\|") for cell in row.cells] for row in self.rows]
        lines = [f"| {' | '.join(cells)} |" for cells in (names, ruler, *rows)]
        told = [text for note in self.notes for text in ("", _one_line(note))]
        return "\n".join([f"**{_one_line(self.title)}**", "", *lines, *told, ""])

    def latex(self) -> str:
        """As a LaTeX table for the package booktabs, averages in bold."""
        widths = "l" * self.headings + "r" * (len(self.columns) - self.headings)
        rows = [
            " & ".join(f"\\textbf{{{_tex(cell)}}}" if row.strong else _tex(cell) for cell in row.cells) + r" \\"
            for row in self.rows
        ]
        return "\n".join(
            [
                r"\begin{table}",
                f"\\caption{{{_tex(self.title)}}}",
                f"\\begin{{tabular}}{{{widths}}}",
                r"\toprule",
                *([" & ".join(map(_tex, self.columns)) + r" \\", r"\midrule"] if self.columns[0] else []),
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


_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": "$-$", "<": "$<$", ">": "$>$", "±": r"$\pm$",
    "×": r"$\times$",
}  # fmt: skip


def _tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in _one_line(text))
