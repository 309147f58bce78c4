"""Values for fields: those of another shape, and those that no database stores, are refused with a sentence."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Field

from studyapp.field_values import read, unstorable
from studyapp.models import Study


def field(name: str) -> Field[Any, Any]:
    found = Study._meta.get_field(name)
    assert isinstance(found, Field)
    return found


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "give a finite one"),
        ({"a": [1, {"b": float("-inf")}]}, "give a finite one"),
        (Decimal("NaN"), "give a finite one"),
        ("half \ud800 of it", "half a character"),
        ([{"\udfff": 1}], "half a character"),
        ({"a": ["b\0"]}, "NUL"),
    ],
)
def test_what_no_column_takes_is_found_however_deep_it_lies(value: Any, said: str) -> None:
    assert said in unstorable(value)


def test_what_is_nested_as_deeply_as_json_goes_is_looked_through() -> None:
    assert unstorable(json.loads("[" * 900 + '"a 🎵 of two halves"' + "]" * 900)) == ""
    assert unstorable(json.loads("[" * 900 + "1e999" + "]" * 900))


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("margin", 1, 1.0),
        ("margin", "0.2", 0.2),
        ("stop_most_raters", "40", 40),
        ("stop_most_raters", None, None),
        ("pay", "1.50", Decimal("1.50")),
        ("keep_ids_until", "2027-01-31", date(2027, 1, 31)),
        ("open_link", False, False),
        ("hypotheses", "", ""),
        ("primary_pairs", [["a", "b"]], [["a", "b"]]),
    ],
)
def test_a_value_of_the_fields_shape_is_taken(name: str, given: Any, taken: Any) -> None:
    assert read(field(name), given) == taken


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("margin", "NaN", "give a finite one"),
        ("margin", True, "is not a number"),
        ("margin", [1], "is not a number"),
        ("stop_most_raters", 40.7, "is not a whole number"),
        ("stop_least_raters", None, "may not be null"),
        ("pay", {"a": 1}, "is not an amount"),
        ("keep_ids_until", 5, "is not a day"),
        ("keep_ids_until", "tomorrow", "invalid date format"),
        ("open_link", "yes", "is not true or false"),
        ("hypotheses", {"a": [1]}, "is not a text"),
        ("hypotheses", None, "may not be null"),
        ("panel", ["x"], "is not a text"),
    ],
)
def test_a_value_of_another_shape_is_refused(name: str, given: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        read(field(name), given)
