"""Text that a spreadsheet would run as a formula, made harmless, and as it was before.

OWASP, "CSV Injection": a cell that begins with = + - @, a tab or a carriage return is a formula to a spreadsheet.
An apostrophe in front makes it text; one that already has apostrophes in front gets one more, so that taking one
off always gives back what was there.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def not_a_formula(text: str) -> str:
    """The text as it is written into a CSV file."""
    return f"'{text}" if _FORMULA.match(text) else text


def as_it_was(text: str) -> str:
    """The text that ``not_a_formula`` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
