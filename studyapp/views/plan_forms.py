"""The forms of a study's plan: what power is reckoned with, and amendments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.db import models
from django.http import QueryDict

from studyapp.models import Study
from studyapp.plan import analysis_plan
from studyapp.plan.amendable import NAMING, TRANSLATED, Part, Target, parts_in
from studyapp.plan.fingerprints import fingerprint, fingerprints, meanwhile, read, written
from studyapp.plan.planning import PRESETS
from studyapp.states import StudyState

_BETWEEN = " vs "


class AssumptionsForm(forms.Form):
    """What a plan takes for granted. Everything may be left out."""

    net = forms.FloatField(
        min_value=0.01,
        max_value=0.95,
        required=False,
        label="Net preference to find",
        help_text="Wins less losses, out of all answers: .10 is 55 against 45 without ties.",
    )
    preset = forms.ChoiceField(
        choices=list(PRESETS.items()),
        required=False,
        label="How raters and clips differ",
        help_text="The more they differ, the more of them it takes.",
    )
    per_hour = forms.DecimalField(
        min_value=0,
        max_digits=8,
        decimal_places=2,
        required=False,
        label="Pay an hour",
        help_text="Empty for the study’s own pay.",
    )
    fee = forms.IntegerField(
        min_value=0, max_value=200, required=False, label="Panel’s fee (%)", help_text="Added to the pay."
    )

    @property
    def fee_share(self) -> Decimal:
        return Decimal(self.cleaned_data.get("fee") or 0) / 100


class AmendForm(forms.Form):
    """Everything of one study that may be amended in its state, as it is now, and the reason.

    ``based_on`` carries what the values were when the page was loaded, so that a change made meanwhile shows.
    """

    reason = forms.CharField(
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text="Printed beside the change in every export and report.",
    )
    based_on = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, study: Study, data: QueryDict | None = None, *, names: bool) -> None:
        super().__init__(data)
        self._targets: dict[str, Target] = {}
        self._parts: list[tuple[Part, list[str]]] = []
        texts = {text.language: text for text in study.texts.all()}
        now: dict[str, Any] = {}
        for part in parts_in(StudyState(study.state)):
            keys = [
                key
                for name in part.fields
                if names or name not in NAMING
                for key in (name, *(f"{name}__{one}" for one in texts if name in TRANSLATED))
            ]
            for key in keys:
                target = Target.of(key)
                now[key] = getattr(texts[target.language] if target.language else study, target.name)
                self.fields[key] = _field(target, study)
                self._targets[key] = target
            self._parts.append((part, keys))
        self._now = now
        self.initial = {key: _shown(value) for key, value in now.items()}
        self.initial["based_on"] = written(fingerprints(now))

    @property
    def parts(self) -> list[tuple[Part, list[forms.BoundField]]]:
        """For the page: each part with its fields."""
        return [(part, [self[key] for key in keys]) for part, keys in self._parts]

    def clean_based_on(self) -> dict[str, str]:
        try:
            return read(self.cleaned_data["based_on"])
        except ValueError:
            raise forms.ValidationError("Load the page again: it does not say what it was based on.") from None

    def clean_primary_pairs(self) -> list[list[str]]:
        # In the order in which they were declared, so that what nobody changed is the same.
        before: list[list[str]] = self._now["primary_pairs"]
        chosen: list[list[str]] = [value.split(_BETWEEN) for value in self.cleaned_data["primary_pairs"]]
        return [pair for pair in before if pair in chosen] + [pair for pair in chosen if pair not in before]

    def changes(self) -> dict[str, Any]:
        """What the person changed, whatever others did meanwhile."""
        loaded = self.cleaned_data["based_on"]
        given = {key: self.cleaned_data[key] for key in self._targets}
        return {key: value for key, value in given.items() if fingerprint(value) != loaded.get(key)}

    def look_again(self, problem: str) -> None:
        """Refuse as overtaken: what others changed is taken over, what this person changed stands as typed."""
        loaded = self.cleaned_data["based_on"]
        mine = fingerprints({key: self.cleaned_data[key] for key in self._targets if key in self.cleaned_data})
        now = fingerprints(self._now)
        assert isinstance(self.data, QueryDict)
        data = self.data.copy()
        for key in meanwhile(loaded=loaded, mine=mine, now=now).theirs:
            data.setlist(key, as_posted(_shown(self._now[key])))
        data["based_on"] = written(now)
        self.data = data
        self.add_error(None, problem)


def as_posted(value: Any) -> list[str]:
    """A field's value as a browser would send it."""
    if isinstance(value, bool):
        return ["on"] if value else []
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return ["" if value is None else str(value)]


def _shown(value: Any) -> Any:
    if isinstance(value, list):
        return [_BETWEEN.join(one) for one in value]
    return value


def _field(target: Target, study: Study) -> forms.Field:
    if target.name == "primary_pairs":
        # A pair may have been declared the other way round.
        pairs = [
            _BETWEEN.join(pair[::-1] if list(pair[::-1]) in study.primary_pairs else pair)
            for pair in analysis_plan.pairs_of(study)
        ]
        return forms.MultipleChoiceField(
            choices=[(pair, pair) for pair in pairs],
            widget=forms.CheckboxSelectMultiple,
            required=False,
            label="Primary pairs",
            help_text="Their tests are corrected together (Holm). None ticked: all pairs.",
        )
    if isinstance(target.field, models.URLField):
        # An address without a scheme would be http otherwise, with a warning.
        return forms.URLField(
            label="Registered at", required=False, assume_scheme="https", help_text=target.field.help_text
        )
    field = target.field.formfield()
    assert field is not None
    field.label = target.label[:1].upper() + target.label[1:]
    if isinstance(field.widget, forms.Textarea):
        field.widget.attrs["rows"] = 5
    if target.name == "consent_version":
        field.help_text = "Goes up by itself when anything of the consent changes."
    return field
