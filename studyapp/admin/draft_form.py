"""The form of a draft that two researchers may have open at once: who saves second is told what the first did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import Model, QuerySet
from django.http import QueryDict

from studyapp.admin.study_form import PLAIN, StudyForm
from studyapp.models import AuditLine
from studyapp.plan.fingerprints import Meanwhile, fingerprints, meanwhile, read, written

WATCHED = ("title", "slug", "clips", "pairs", "primary_pairs", *PLAIN)
_NAMED = 6


class DraftForm(StudyForm):
    """``loaded`` carries a fingerprint of each field as the page got it.

    A stale save is refused. What the other one changed is taken over into the form, what was typed stays as typed,
    and saving again keeps what the form then shows.
    """

    loaded = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._now = {name: _plain(self.initial.get(name)) for name in WATCHED} if self.instance.pk else {}
        self.initial["loaded"] = written(fingerprints(self._now))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self._now:
            self._refuse_if_stale(cleaned)
        return cleaned

    def _refuse_if_stale(self, cleaned: Mapping[str, Any]) -> None:
        try:
            loaded = read(self.data.get("loaded", ""))
        except ValueError:
            self.add_error(
                None, "This form does not say which state of the study it was filled from; load it again."
            )
            return
        mine = {name: self._sent(name, cleaned[name]) for name in WATCHED if name in cleaned}
        now = fingerprints(self._now)
        found = meanwhile(loaded=loaded, mine=fingerprints(mine), now=now)
        if not found:
            return
        assert isinstance(self.data, QueryDict)
        data = self.data.copy()
        for name in found.theirs:
            data.setlist(name, _posted(self._now[name]))
            # A rule for pairs would be applied again to what was taken over.
            data.pop(f"{name}-rule", None)
        data["loaded"] = written(now)
        self.data = data
        self.add_error(None, self._told(found))

    def _sent(self, name: str, value: Any) -> Any:
        """A cleaned value in the shape of an initial one."""
        return _plain(self[name].data) if name == "primary_pairs" else _plain(value)

    def _told(self, found: Meanwhile) -> str:
        lines = AuditLine.objects.filter(study=self.instance.pk, verb__in=["study changed", "pairs chosen"])
        last = lines.select_related("by").first()
        who = last.by.get_username() if last and last.by else "Somebody"
        parts = [f"{who} saved this study{f' at {last.at:%H:%M} UTC' if last else ''} while you had it open."]
        if found.theirs:
            parts.append(f"Taken over below: {self._named(found.theirs)}.")
        if found.both:
            parts.append(f"You both changed {self._named(found.both)}; yours stands below.")
        parts.append("Nothing of yours is saved yet: look, and save again to keep what the form shows.")
        return " ".join(parts)

    def _named(self, names: tuple[str, ...]) -> str:
        shown = [f"{self.fields[name].label or name} (now {_short(self._now[name])})" for name in names[:_NAMED]]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return ", ".join(shown) + more


def _plain(value: Any) -> Any:
    """A value as it can be compared: rows by their keys, choices in order."""
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, QuerySet | list | tuple):
        return sorted((_plain(one) for one in value), key=str)
    return value


def _posted(value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["on"] if value else []
    if isinstance(value, list):
        return [str(one) for one in value]
    return ["" if value is None else str(value)]


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} chosen"
    text = "empty" if value in (None, "") else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
