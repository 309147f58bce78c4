"""The families of the shipped library, in the order of its table."""

from __future__ import annotations

from generation.baselines.loops.make.families import band, cinema, electronic, groove
from generation.baselines.loops.make.sketch import Family

FAMILIES: tuple[Family, ...] = (*electronic.FAMILIES, *groove.FAMILIES, *band.FAMILIES, *cinema.FAMILIES)
