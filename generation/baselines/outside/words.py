"""What an outside system said, short and harmless enough to be shown in an error."""

from __future__ import annotations

MOST_CHARACTERS = 400


def last_words(said: bytes) -> str:
    """The last lines of a program's output on one line, at most 400 characters; empty where it said nothing."""
    lines = [plain(line) for line in said.decode("utf-8", "replace").splitlines()]
    joined = " / ".join(line for line in lines if line)
    return joined if len(joined) <= MOST_CHARACTERS else f"…{joined[-MOST_CHARACTERS + 1 :]}"


def plain(line: str) -> str:
    """One line without control characters and with single spaces."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in line).split())
