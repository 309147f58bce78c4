"""The paper's two questions and its five-point scale, as raters read them.

Source: V2Meow, appendix A3 (two clips, same video; visual relevance and music preference; 5-point Likert).
The words on the points are ours: those of the paper's figure could not be recovered. They are marked for
translation here, and translated where they are shown (views/trial_page.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_noop as _


class Question(models.TextChoices):
    VISUAL_RELEVANCE = "visual_relevance", "Visual relevance"
    MUSIC_PREFERENCE = "music_preference", "Music preference"


@dataclass(frozen=True, slots=True)
class Wording:
    question: Question
    text: str
    note: str


WORDINGS = (
    Wording(
        Question.VISUAL_RELEVANCE,
        _("Which music goes best with the video?"),
        _("Please ignore the sound quality."),
    ),
    Wording(
        Question.MUSIC_PREFERENCE,
        _("Which music do you prefer to hear?"),
        _("Please ignore the video and the sound quality."),
    ),
)

# Choice 1 to 5 as read from A (left) to B (right).
SCALE = (
    (1, _("A is much better")),
    (2, _("A is somewhat better")),
    (3, _("No preference")),
    (4, _("B is somewhat better")),
    (5, _("B is much better")),
)
