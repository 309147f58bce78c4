"""What a study tells and asks people before its first trial: the researcher's settings, part of Study's row."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_noop

from studyapp.panels import PANELS
from studyapp.screening.understanding import BadQuestions, parse
from studyapp.tokens import new_token

CONSENT_TEXT = gettext_noop(
    "You will watch short video clips and compare two versions of their music. Taking part is voluntary; "
    "you can stop at any time by closing the page. We store your answers and when and how much of each "
    "clip was played, under a random number and without your name."
)
INSTRUCTIONS = gettext_noop(
    "Use headphones or good loudspeakers in a quiet place and set a comfortable volume now. In every step "
    "you see one video twice, with two different soundtracks, A and B. Play both to the end, then answer "
    "two questions. There are no right or wrong answers."
)


def check_questions(text: str) -> None:
    """Refuse questions that cannot be read, naming the line."""
    try:
        parse(text)
    except BadQuestions as error:
        raise ValidationError(str(error)) from None


def check_return_address(text: str) -> None:
    """Refuse what a browser would not open as a page of the panel, such as a script."""
    try:
        parts = urlsplit(text)
        ok = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        ok = False
    if not ok:
        raise ValidationError(
            "This is no web address; write it like https://panel.example/done?id={id}&cc={code}."
        )


class ConsentParticulars(models.Model):
    """Who answers for the study, and what becomes of the data: shown with the consent text."""

    responsible = models.CharField(
        max_length=200, blank=True, verbose_name="responsible person", help_text="Name and institution."
    )
    contact = models.CharField(max_length=200, blank=True, help_text="E-mail or address for questions.")
    ethics_number = models.CharField(
        max_length=120, blank=True, verbose_name="ethics approval", help_text="Committee and number."
    )
    data_kept = models.TextField(blank=True, verbose_name="what is kept", help_text="Beyond the consent text.")
    kept_for = models.CharField(
        max_length=200, blank=True, verbose_name="kept how long", help_text="E.g. “ten years after publication”."
    )
    pay = models.DecimalField(
        max_digits=8,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="What one rater gets; empty where nobody is paid.",
    )
    pay_currency = models.CharField(max_length=3, default="GBP", help_text="Three letters: GBP, EUR, USD …")

    class Meta:
        abstract = True


class ChecksBeforeTrials(models.Model):
    """Which steps lie between consent and the first trial, and what they ask for."""

    class HeadphoneTest(models.TextChoices):
        NONE = "none", "None"
        ANTIPHASE = "antiphase", "Antiphase tones"
        HUGGINS = "huggins", "Huggins pitch"
        BOTH = "both", "Both, one after the other"

    asks_background = models.BooleanField(
        default=False, help_text="Age band, musical training, languages; raters may leave each of them out."
    )
    checks_sound = models.BooleanField(
        default=True, help_text="Sound plays, volume is set by ear, screen and loudspeakers are asked for."
    )
    small_screen_px = models.PositiveIntegerField(
        default=600,
        verbose_name="small screen below (px)",
        help_text="Whoever has a narrower window is told that a larger one shows more.",
    )
    headphone_test = models.CharField(max_length=10, choices=HeadphoneTest, default=HeadphoneTest.NONE)
    headphone_needed = models.PositiveSmallIntegerField(
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(6)],
        verbose_name="headphone test passed with",
        help_text="Right answers of 6.",
    )
    headphone_gate = models.BooleanField(
        default=False,
        verbose_name="only who passes goes on",
        help_text="Otherwise the result is exported and nobody is turned away.",
    )
    checks_understanding = models.BooleanField(
        default=True, help_text="Questions about the instructions, with two tries."
    )
    understanding_text = models.TextField(
        blank=True,
        validators=[check_questions],
        verbose_name="questions about the instructions",
        help_text="Empty for Duet's own. A line with “?” asks, “*” is the right answer, “-” a wrong one.",
    )
    break_after = models.PositiveIntegerField(
        default=10,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="A break is offered after so many trials; empty for none.",
    )

    class Meta:
        abstract = True


class Recruiting(models.Model):
    """Where raters come from, and where they are sent back to."""

    open_link = models.BooleanField(
        default=True,
        verbose_name="anybody with the link may take part",
        help_text="Otherwise only invitations, and people whom the panel sends.",
    )
    panel = models.CharField(
        max_length=20, blank=True, choices=[(panel.key, panel.label) for panel in PANELS.values()]
    )
    panel_return_address = models.CharField(
        max_length=500,
        blank=True,
        validators=[check_return_address],
        help_text="Where the panel takes people back, if it asks for one; {id} and {code} are filled in.",
    )
    screened_out_code = models.CharField(max_length=40, blank=True)
    no_consent_code = models.CharField(max_length=40, blank=True)
    timed_out_code = models.CharField(max_length=40, blank=True)
    salt = models.CharField(max_length=32, default=new_token, editable=False)
    declined = models.PositiveIntegerField(
        default=0, editable=False, help_text="How often consent was not given; nothing else is kept of it."
    )

    class Meta:
        abstract = True
