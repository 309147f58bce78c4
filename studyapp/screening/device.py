"""Does sound come out: strokes of a bell are counted by ear. Window, screen and loudspeakers are noted."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from studyapp.screening.score import Score

COUNTS = (2, 3, 4, 5)


class Listening(models.TextChoices):
    """How a rater says that they listen."""

    WIRED = "wired", _("Headphones or earphones with a cable")
    BLUETOOTH = "bluetooth", _("Headphones or earphones by Bluetooth")
    SPEAKERS = "speakers", _("Separate loudspeakers")
    BUILT_IN = "built_in", _("The loudspeaker of this device")
    OTHER = "other", _("Something else, or I do not know")


def draw(rng: random.Random) -> dict[str, Any]:
    return {"bells": rng.choice(COUNTS)}


def score(shown: Mapping[str, Any], answers: Mapping[str, Any]) -> Score:
    right = answers.get("bells") == shown["bells"]
    return Score(int(right), 1, passed=right)
