"""The steps between consent and the first trial: which there are, and what a try at each is and earns."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from studyapp.screening import device, headphones, understanding
from studyapp.screening.score import ASKED, Score
from studyapp.screening.understanding import UnderstandingQuestion


class Step(models.TextChoices):
    """In the order in which they are taken."""

    BACKGROUND = "background", _("About you")
    DEVICE = "device", _("Sound and screen")
    ANTIPHASE = "antiphase", _("Headphones: the quietest tone")
    HUGGINS = "huggins", _("Headphones: the hidden tone")
    UNDERSTANDING = "understanding", _("How it works")


Questions = tuple[UnderstandingQuestion, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a study asks for before its trials."""

    steps: tuple[Step, ...]
    headphone_needed: int = 5
    headphone_gate: bool = False


def draw(step: Step, rng: random.Random, questions: Questions) -> dict[str, Any]:
    """What one try at a step shows: kept on the server, for the right answers follow from it."""
    match step:
        case Step.DEVICE:
            return device.draw(rng)
        case Step.ANTIPHASE:
            return headphones.draw_antiphase(rng)
        case Step.HUGGINS:
            return headphones.draw_huggins(rng)
        case Step.UNDERSTANDING:
            return understanding.draw(questions, rng)
        case Step.BACKGROUND:
            return {}


def score(
    step: Step, shown: Mapping[str, Any], answers: Mapping[str, Any], settings: Settings, questions: Questions
) -> Score:
    """What the answers to one try are worth."""
    match step:
        case Step.DEVICE:
            return device.score(shown, answers)
        case Step.ANTIPHASE | Step.HUGGINS:
            return headphones.score(shown, answers, needed=settings.headphone_needed)
        case Step.UNDERSTANDING:
            return understanding.score(questions, shown, answers)
        case Step.BACKGROUND:
            return ASKED


def turns_away(step: Step, settings: Settings) -> bool:
    """Whether the last failed try at a step ends the session. A headphone test does so by the study's choice."""
    return settings.headphone_gate if step in (Step.ANTIPHASE, Step.HUGGINS) else True


def tries(step: Step, settings: Settings) -> int:
    """A test that turns nobody away is taken once: what is exported is then the same for everybody."""
    return _TRIES.get(step, 1) if turns_away(step, settings) else 1


_TRIES = {Step.DEVICE: 3, Step.ANTIPHASE: 2, Step.HUGGINS: 2, Step.UNDERSTANDING: 2}
