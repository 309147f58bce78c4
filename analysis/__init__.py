"""From the design of a study to its conclusions, tables in, frozen results out. No Django, torch or database.

In a notebook: ``import analysis as da; da.read("ratings.csv").win_rates(by="genre").to_frame()``, and
``da.read("votes.csv", map="votes").report().save("report.html")``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.files import SchemaError
    from analysis.importing import ColumnMap
    from analysis.raters import PassRules
    from analysis.ratings import Ratings, read
    from analysis.results import AnalysisError
    from analysis.sequential import StoppingRule

__all__ = ["AnalysisError", "ColumnMap", "PassRules", "Ratings", "SchemaError", "StoppingRule", "read"]

_MODULES = {
    "AnalysisError": "analysis.results",
    "ColumnMap": "analysis.importing",
    "PassRules": "analysis.raters",
    "Ratings": "analysis.ratings",
    "SchemaError": "analysis.files",
    "StoppingRule": "analysis.sequential",
    "read": "analysis.ratings",
}


def __getattr__(name: str) -> object:
    # pandas and SciPy take a second: whoever plans a design or reads a rule does not wait for them.
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'analysis' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
