"""The form of a study: clips by dataset and genre, pairs out of the systems there are, numbers, plan and texts."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from django import forms

from studyapp.admin.pickers import ClipPicker, PairPicker, PrimaryPicker, pair_value
from studyapp.briefings import own_texts
from studyapp.models import Clip, Study, System
from studyapp.plan import analysis_plan

CHECKS = (
    "training_per_block",
    "gold_per_block",
    "identical_per_block",
    "gold_truth",
    "gold_foil",
    "min_gold_right",
    "min_identical_near",
    "max_same_choice",
    "min_median_response_ms",
)
NUMBERS = (
    "clips_per_cell",
    "ratings_per_comparison",
    "trials_per_block",
    "repeats_per_block",
    "seed",
    "generation_seed",
    "target_lufs",
    "min_coverage",
    "session_timeout_min",
)
TEXTS = ("language", "consent_version", "consent_text", "instructions")
CONSENT = ("responsible", "contact", "ethics_number", "kept_for", "data_kept", "pay", "pay_currency")
BEFORE = (
    "checks_sound",
    "small_screen_px",
    "asks_background",
    "headphone_test",
    "headphone_needed",
    "headphone_gate",
    "checks_understanding",
    "understanding_text",
    "break_after",
)
RECRUITING = (
    "open_link",
    "panel",
    "panel_return_address",
    "completion_code",
    "screened_out_code",
    "no_consent_code",
    "timed_out_code",
)
PLAN = ("margin", "hypotheses", "stop_alpha", "stop_least_raters", "stop_most_raters", "registration_url")
PILOT = ("pilot_raters",)
PLAIN = (*NUMBERS, *CHECKS, *TEXTS, *CONSENT, *BEFORE, *RECRUITING, *PLAN, *PILOT)
"""Every field that is written as it was given; clips and pairs have actions of their own."""
USUAL = ("margin", "stop_alpha", "stop_least_raters", "pilot_raters")
"""Fields that may be left empty for Duet's own number."""


# Generic for the type checker only.
if TYPE_CHECKING:
    _StudyForm = forms.ModelForm[Study]
else:
    _StudyForm = forms.ModelForm


class StudyForm(_StudyForm):
    clips = forms.ModelMultipleChoiceField(
        Clip.objects.all(),
        widget=ClipPicker,
        required=False,
        error_messages={"invalid_choice": "Clip %(value)s is gone."},
    )
    pairs = forms.MultipleChoiceField(
        widget=PairPicker,
        required=False,
        label="System pairs",
        error_messages={"invalid_choice": "A pair of the systems %(value)s is no choice; load the page again."},
    )
    primary_pairs = forms.MultipleChoiceField(
        widget=PrimaryPicker,
        required=False,
        help_text="Their tests are the primary results, corrected together (Holm). None ticked: all pairs.",
    )
    # An address without a scheme would be http otherwise, with a warning.
    registration_url = forms.URLField(
        max_length=300,
        required=False,
        assume_scheme="https",
        label="Registered at",
        help_text="Where the plan was registered (OSF, AsPredicted); may be added later.",
    )

    class Meta:
        model = Study
        fields = ["title", "slug", "clips", *PLAIN, "primary_pairs"]
        widgets = {
            "consent_text": forms.Textarea(attrs={"rows": 5}),
            "instructions": forms.Textarea(attrs={"rows": 5}),
            "data_kept": forms.Textarea(attrs={"rows": 3}),
            "understanding_text": forms.Textarea(attrs={"rows": 6}),
            "hypotheses": forms.Textarea(attrs={"rows": 4}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._systems = {system.pk: system for system in System.objects.all()}
        choices = [
            (pair_value(first, second), f"{first} vs {second}")
            for first, second in combinations(self._systems.values(), 2)
        ]
        for name in ("pairs", "primary_pairs"):
            field = self.fields[name]
            assert isinstance(field, forms.MultipleChoiceField)
            field.choices = choices
        for name in USUAL:
            # A plan that says nothing of it is one by Duet's own numbers.
            self.fields[name].required = False
        if self.instance.pk:
            self.initial["pairs"] = [
                pair_value(pair.system_1, pair.system_2) for pair in self.instance.pairs.all()
            ]
        self.initial["primary_pairs"] = self._declared()

    def clean(self) -> dict[str, Any]:
        """Duet's own texts follow the study's language as long as nobody has changed them."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        own, english = own_texts(cleaned.get("language", "en")), own_texts("en")
        for name in own:
            if cleaned.get(name) == english[name]:
                cleaned[name] = own[name]
        for name in USUAL:
            if cleaned.get(name, "") is None:
                cleaned[name] = getattr(Study(), name)
        if "primary_pairs" in cleaned:
            cleaned["primary_pairs"] = [_slugs(pair) for pair in self._rows(cleaned["primary_pairs"])]
        if not self.errors:
            self._check_plan(cleaned)
        return cleaned

    def chosen_pairs(self) -> list[tuple[System, System]]:
        """The ticked pairs as rows."""
        return self._rows(self.cleaned_data["pairs"])

    def chosen_numbers(self) -> dict[str, Any]:
        """Every other field of Study that the form asks for."""
        return {name: self.cleaned_data[name] for name in (*PLAIN, "primary_pairs")}

    def _check_plan(self, cleaned: dict[str, Any]) -> None:
        planned = Study(**{name: cleaned[name] for name in (*PLAN, "primary_pairs")})
        pairs = [(first.slug, second.slug) for first, second in self._rows(cleaned["pairs"])]
        for name, words in analysis_plan.problems(planned, pairs).items():
            self.add_error(name, words)

    def _rows(self, values: list[str]) -> list[tuple[System, System]]:
        ids = [value.split("-") for value in values]
        return [(self._systems[int(first)], self._systems[int(second)]) for first, second in ids]

    def _declared(self) -> list[str]:
        """The declared primary pairs as the boxes name them; one whose system is gone is none."""
        by_slug = {system.slug: system for system in self._systems.values()}
        return [
            pair_value(by_slug[first], by_slug[second])
            for first, second in self.instance.primary_pairs
            if first in by_slug and second in by_slug
        ]


def _slugs(pair: tuple[System, System]) -> list[str]:
    first, second = sorted(pair, key=lambda system: system.pk)
    return [first.slug, second.slug]
