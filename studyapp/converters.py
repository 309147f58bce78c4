"""Whole numbers in addresses that fit into the database: a longer one names nothing, and is not found."""

from __future__ import annotations

from django.urls import register_converter
from django.urls.converters import IntConverter


class BoundedConverter(IntConverter):
    """``<id:…>``: 18 digits at most. SQLite would raise on a larger one, after the page had begun its work."""

    regex = "[0-9]{1,18}"


register_converter(BoundedConverter, "id")
