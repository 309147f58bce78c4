"""What a study may ask about its raters; each question can be left out."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class AgeBand(models.TextChoices):
    TO_24 = "18-24", _("18 to 24")
    TO_34 = "25-34", _("25 to 34")
    TO_44 = "35-44", _("35 to 44")
    TO_54 = "45-54", _("45 to 54")
    TO_64 = "55-64", _("55 to 64")
    FROM_65 = "65+", _("65 or older")


class MusicalTraining(models.TextChoices):
    """Years of lessons on an instrument or in singing."""

    NONE = "0", _("No lessons")
    TO_2 = "1-2", _("1 to 2 years")
    TO_5 = "3-5", _("3 to 5 years")
    TO_9 = "6-9", _("6 to 9 years")
    FROM_10 = "10+", _("10 years or more")
