"""What every command does with what a person has typed, and how it says how far it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from generation.contracts import GenerationError, Progress

BAR_STEPS = 1000


class UsageError(GenerationError):
    """The command line asks for something that is not there."""


def check(names: Sequence[str], there: Collection[str], what: str) -> None:
    for name in names:
        if name not in there:
            raise UsageError(f"no {what} {name!r}; there are {', '.join(there)}")


@contextmanager
def names_from_outside() -> Iterator[None]:
    """A KeyError or ValueError about what a person has typed is that person's mistake, not a bug."""
    try:
        yield
    except (KeyError, ValueError) as error:
        raise UsageError(error.args[0]) from error


@contextmanager
def bar() -> Iterator[Progress]:
    """A progress bar that systems report their share to."""
    from tqdm import tqdm

    with tqdm(total=BAR_STEPS, bar_format="{desc:32.32} {percentage:3.0f}%|{bar}| {remaining} left") as shown:

        def progress(share: float, what: str) -> None:
            shown.set_description_str(what, refresh=False)
            shown.n = round(BAR_STEPS * min(1.0, max(0.0, share)))
            shown.refresh()

        yield progress
