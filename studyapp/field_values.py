"""A value as a field of a model takes it: its shape first, for Django makes text of a list, and 40 of 40.7."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

_SHOWN = 60
# The first that fits counts; what is in none of them (JSON) is for its own checks.
_TAKEN: tuple[tuple[type[models.Field[Any, Any]], tuple[type, ...], str], ...] = (
    (models.BooleanField, (bool,), "true or false"),
    (models.IntegerField, (int, str), "a whole number"),
    (models.FloatField, (int, float, str), "a number"),
    (models.DecimalField, (int, float, str, Decimal), "an amount such as 3.50"),
    (models.DateField, (date, str), "a day such as 2027-01-31"),
    (models.CharField, (str,), "a text"),
    (models.TextField, (str,), "a text"),
)


def unstorable(value: object) -> str:
    """Why no column takes a value: NaN, infinity, half a character or NUL somewhere in it; empty if one does."""
    # A stack of its own: what was read from JSON may be nested as deeply as Python lets a function call itself.
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                if "\0" in text:
                    return "text may not hold the character NUL"
                # Half of a pair, which no database and no file can encode.
                if any("\ud800" <= letter <= "\udfff" for letter in text):
                    return "text may not hold half a character (a lone surrogate)"
            case float() | Decimal() as number if not math.isfinite(number):
                return f"{number} is no number that can be stored; give a finite one"
            case Mapping() as pairs:
                waiting += [*pairs.keys(), *pairs.values()]
            case list() | tuple() as several:
                waiting += several
    return ""


def read(field: models.Field[Any, Any], given: Any) -> Any:
    """What a field makes of a value from JSON or a form. Raises ValidationError saying what it must be."""
    if wrong := unstorable(given):
        raise ValidationError(wrong)
    if given is None:
        if not field.null:
            raise ValidationError("this may not be null; leave it out, or send an empty value")
        return None
    for kind, types, words in _TAKEN:
        if isinstance(field, kind):
            if not isinstance(given, types) or (isinstance(given, bool) and bool not in types):
                raise ValidationError(f"{repr(given)[:_SHOWN]} is not {words}")
            break
    found = field.to_python(given)
    # “NaN” and “1e999” are numbers to Python.
    if wrong := unstorable(found):
        raise ValidationError(wrong)
    return found
