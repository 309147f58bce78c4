"""The paper's two questions and its five-point scale, as raters read them.

Source: V2Meow, appendix A3 (two clips, same video; visual relevance and music preference; 5-point Likert).
The words on the points are ours: those of the paper's figure could not be recovered.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models


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
        "Which music goes best with the video?",
        "Please ignore the sound quality.",
    ),
    Wording(
        Question.MUSIC_PREFERENCE,
        "Which music do you prefer to hear?",
        "Please ignore the video and the sound quality.",
    ),
)

# Choice 1 to 5 as read from A (left) to B (right).
SCALE = (
    (1, "A is much better"),
    (2, "A is somewhat better"),
    (3, "No preference"),
    (4, "B is somewhat better"),
    (5, "B is much better"),
)
