"""Clips and pairs of systems as tick boxes: whole without a script, quicker with one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from studyapp.models import Clip, System

ALL, ONE = "all", "one"
RULES = (
    ("", "The pairs ticked below"),
    (ALL, "All ticked systems against all"),
    (ONE, "One against all other ticked systems"),
)
"""How pairs follow from ticked systems, for who has no script."""


@dataclass(frozen=True, slots=True)
class ClipChoice:
    pk: int
    name: str
    words: str
    original_audio: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class ClipGroup:
    """The clips of one dataset and genre."""

    dataset: str
    genre: str
    clips: tuple[ClipChoice, ...]

    @property
    def chosen(self) -> int:
        return sum(clip.chosen for clip in self.clips)


@dataclass(frozen=True, slots=True)
class PairChoice:
    value: str
    first: System
    second: System
    chosen: bool


class ClipPicker(forms.SelectMultiple):
    """Tick boxes grouped by dataset and genre; a module adds search and one box a group."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = {str(pk) for pk in value or ()}
        groups = clip_groups(Clip.objects.order_by("dataset", "genre", "clip_id"), chosen)
        return render_to_string("admin/studyapp/study/clip_picker.html", {"name": name, "groups": groups})

    def id_for_label(self, id_: str | None, index: str | None = None) -> str:
        return ""


class PairPicker(forms.SelectMultiple):
    """Systems to tick and a rule for their pairs, or one tick box a pair; a module makes buttons of the rules."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        pairs = pair_choices(value)
        systems = list(System.objects.order_by("pk"))
        used = {system.pk for pair in pairs if pair.chosen for system in (pair.first, pair.second)}
        context = {"name": name, "systems": systems, "pairs": pairs, "used": used, "rules": RULES}
        return render_to_string("admin/studyapp/study/pair_picker.html", context)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        """The ticked pairs; with a rule, what follows from the ticked systems instead."""
        ticked: list[str] = data.getlist(name)
        systems = sorted({int(pk) for pk in data.getlist(f"{name}-systems") if pk.isdecimal()})
        match data.get(f"{name}-rule", ""):
            case rule if rule == ALL:
                return [f"{first}-{second}" for first, second in combinations(systems, 2)]
            case rule if rule == ONE:
                one = data.get(f"{name}-one", "")
                others = [pk for pk in systems if one.isdecimal() and pk != int(one)]
                return [f"{min(pk, int(one))}-{max(pk, int(one))}" for pk in others]
        return ticked

    def id_for_label(self, id_: str | None, index: str | None = None) -> str:
        return ""


class PrimaryPicker(forms.SelectMultiple):
    """One tick box a pair of systems; a module shows those alone that the study compares."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        context = {"name": name, "pairs": pair_choices(value)}
        return render_to_string("admin/studyapp/study/primary_picker.html", context)

    def id_for_label(self, id_: str | None, index: str | None = None) -> str:
        return ""


def pair_choices(value: Sequence[str] | None) -> list[PairChoice]:
    """Every pair of the systems there are, and whether it is chosen."""
    chosen = set(value or ())
    return [
        PairChoice(pair_value(first, second), first, second, pair_value(first, second) in chosen)
        for first, second in combinations(System.objects.order_by("pk"), 2)
    ]


def clip_groups(clips: Iterable[Clip], chosen: set[str]) -> list[ClipGroup]:
    """Clips that come sorted by dataset and genre, grouped by them."""
    return [
        ClipGroup(
            dataset,
            genre,
            tuple(
                ClipChoice(
                    pk=clip.pk,
                    name=clip.clip_id,
                    words=f"{clip.clip_id} {genre} {dataset} {clip.caption}".lower(),
                    original_audio=bool(clip.audio_file),
                    chosen=str(clip.pk) in chosen,
                )
                for clip in inside
            ),
        )
        for (dataset, genre), inside in groupby(clips, key=lambda clip: (clip.dataset, clip.genre))
    ]


def pair_value(first: System, second: System) -> str:
    """A pair as the form sends it, in canonical order."""
    low, high = sorted((first.pk, second.pk))
    return f"{low}-{high}"
