"""From the design of a study to its conclusions, tables in, frozen results out. No Django, torch or database.

In a notebook: ``import analysis as da; da.read("ratings.csv").win_rates(by="genre").to_frame()``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.ratings import Ratings, read

__all__ = ["Ratings", "read"]


def __getattr__(name: str) -> object:
    # pandas and SciPy take a second: whoever plans a design or reads a rule does not wait for them.
    if name in __all__:
        from analysis import ratings

        return getattr(ratings, name)
    raise AttributeError(f"module 'analysis' has no attribute {name!r}")
