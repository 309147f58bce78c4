"""Printed tables: what a name of somebody's making may do to Markdown and LaTeX, which is nothing."""

from __future__ import annotations

import pytest

from analysis.table import Row, Table


def table(*names: str) -> Table:
    return Table("Systems", ("System", "Net [95%]"), tuple(Row((name, "+1.0 [−2.0, +4.0]")) for name in names))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("<b>loud</b>", r"\<b>loud\</b>"),
        ("<!-- the rest", r"\<!-- the rest"),
        ("*bold*", r"\*bold\*"),
        ("_a_ `code` ~~no~~", r"\_a\_ \`code\` \~\~no\~\~"),
        ("__a__ b_c_1", r"\_\_a\_\_ b_c_1"),
        ("[here](http://example.org)", r"\[here](http://example.org)"),
        ("[1](http://example.org)", r"\[1](http://example.org)"),
        ("a|b\\", r"a\|b\\"),
        ("$x$ &lt;", r"\$x\$ \&lt;"),
        ("two\nlines", "two lines"),
        ("p < .001, R&B", "p < .001, R&B"),
    ],
)
def test_no_name_formats_markdown(name: str, written: str) -> None:
    assert f"\n| {written} | +1.0 [−2.0, +4.0] |\n" in table(name).markdown()


def test_a_note_begins_no_heading_and_no_list() -> None:
    notes = ("# one: not known", "- two", "3. three", "4 of 5 have none", "<i>")
    lines = Table("*T*", ("", "n"), (), notes=notes).markdown().splitlines()
    assert lines[0] == r"**\*T\***"
    assert [line for line in lines[4:] if line] == [
        r"\# one: not known", r"\- two", r"3\. three", "4 of 5 have none", r"\<i>"
    ]  # fmt: skip


def test_no_row_is_taken_for_an_argument_of_the_line_before() -> None:
    written = table("[2pt]", "*", "plain").latex()
    assert "\\midrule\n{}[2pt] & " in written
    assert "\\\\\n{}* & " in written
    assert "\\\\\nplain & " in written
    bold = Table("T", ("[n]", "x"), (Row(("[2pt]", "1"), strong=True),)).latex()
    assert "\\toprule\n{}[n] & x" in bold
    assert "\n\\textbf{[2pt]} & " in bold
