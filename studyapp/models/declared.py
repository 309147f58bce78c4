"""What a study declares before it opens about how it will be analysed: part of Study's row, frozen with it."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


class Declared(models.Model):
    """The plan of the analysis: hypotheses, the primary family, the smallest effect that matters, when to stop."""

    hypotheses = models.TextField(
        blank=True, help_text="What is expected, in words; printed in the pre-registration and the report."
    )
    primary_pairs = models.JSONField(
        default=list,
        blank=True,
        help_text="Pairs whose tests are corrected together (Holm), as lists of two system slugs; empty for all.",
    )
    margin = models.FloatField(
        default=0.1,
        validators=[MinValueValidator(0.01), MaxValueValidator(0.99)],
        verbose_name="smallest net preference that matters",
        help_text="Net preference is wins less losses, out of all answers: .10 is 55 against 45. "
        "Within it a pair counts as equivalent.",
    )
    stop_alpha = models.FloatField(
        default=0.05,
        validators=[MinValueValidator(0.001), MaxValueValidator(0.2)],
        verbose_name="chance of a false alarm",
        help_text="Over all looks at the running study, its questions and its primary pairs, "
        "or all planned pairs where none is primary.",
    )
    stop_least_raters = models.PositiveIntegerField(
        default=0, verbose_name="raters before it may stop", help_text="Evidence stops nothing earlier."
    )
    stop_most_raters = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        verbose_name="raters at most",
        help_text="It stops here whatever was found; empty for no such bound.",
    )
    registration_url = models.URLField(
        max_length=300,
        blank=True,
        help_text="Where the plan was registered (OSF, AsPredicted); may be added later.",
    )

    class Meta:
        abstract = True
