"""Reading what is to be imported: a folder of videos, or a manifest that says more about each of them.

A manifest is Duet's own, or a list as MusicCaps, MV100K and AIST++ come; which, its header says.
"""

from __future__ import annotations

from studyapp.manifest.listing import Entry, Listing, Refusal, RefusalGroup, grouped
from studyapp.manifest.reading import MANIFEST_NAMES, MANIFEST_SUFFIXES, is_manifest, read
from studyapp.manifest.shapes import SHAPES
from studyapp.manifest.values import COLUMNS, EXPORTED, UNLABELLED, formula_refused, is_formula, tag_list

__all__ = [
    "COLUMNS",
    "EXPORTED",
    "MANIFEST_NAMES",
    "MANIFEST_SUFFIXES",
    "SHAPES",
    "UNLABELLED",
    "Entry",
    "Listing",
    "Refusal",
    "RefusalGroup",
    "formula_refused",
    "grouped",
    "is_formula",
    "is_manifest",
    "read",
    "tag_list",
]
