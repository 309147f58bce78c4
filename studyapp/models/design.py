"""The design: comparisons, and the blocks of trials that raters claim."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from studyapp.models.stimulus import Stimulus
from studyapp.models.study import Clip, Study, System
from studyapp.presentation import Presented, Side, presented
from studyapp.states import BlockState, StudyState
from studyapp.tokens import new_token


class ComparisonQuerySet(models.QuerySet["Comparison"]):
    def designed(self) -> ComparisonQuerySet:
        """Those of the design as it stands."""
        return self.filter(in_design=True)


class Comparison(models.Model):
    """Unordered pair of stimuli of one clip; 1 and 2 are the canonical order of its system pair.

    A gold pair names the system that is known to be better; an identical pair is a stimulus beside itself. Both
    check raters and are never estimated from, nor is a pair to practise with.
    """

    class Kind(models.TextChoices):
        TEST = "test", "Test"
        GOLD = "gold", "Gold"
        IDENTICAL = "identical", "Identical"
        TRAINING = "training", "Training"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="comparisons")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+")
    stimulus_1 = models.ForeignKey(Stimulus, on_delete=models.PROTECT, related_name="+")
    stimulus_2 = models.ForeignKey(Stimulus, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.TEST)
    in_design = models.BooleanField(
        default=True, help_text="No longer where a pilot showed it and the design built since does not."
    )
    expected = models.ForeignKey(System, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects = ComparisonQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="identical", stimulus_1=F("stimulus_2"))
                | ~Q(kind="identical") & ~Q(stimulus_1=F("stimulus_2")),
                name="comparison_of_two_different_stimuli",
            ),
            models.CheckConstraint(
                condition=Q(kind="gold", expected__isnull=False) | ~Q(kind="gold") & Q(expected__isnull=True),
                name="comparison_gold_names_the_better",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["test", "gold", "identical", "training"]), name="comparison_kind_known"
            ),
            models.UniqueConstraint(
                fields=["study", "kind", "stimulus_1", "stimulus_2"], name="comparison_once_per_study"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stimulus_1} | {self.stimulus_2.system}"


class BlockQuerySet(models.QuerySet["Block"]):
    def free(self) -> BlockQuerySet:
        return self.filter(state=BlockState.FREE)

    def counted(self) -> BlockQuerySet:
        """All but those of a pilot."""
        return self.exclude(origin=Block.Origin.PILOT)

    def of_pilot(self) -> BlockQuerySet:
        return self.filter(origin=Block.Origin.PILOT)

    def of_phase(self, study: Study) -> BlockQuerySet:
        """The blocks that a study gives out in its present state."""
        mine = self.filter(study=study)
        return mine.of_pilot() if study.state == StudyState.PILOT else mine.counted()

    def claimable(self) -> BlockQuerySet:
        """Free, and with something to show: not everything but practice is held."""
        # marks.py builds on this module.
        from studyapp.models.marks import held

        shown = Trial.objects.filter(~held(), block=models.OuterRef("pk")).exclude(kind=Trial.Kind.TRAINING)
        return self.free().filter(models.Exists(shown))


class Block(models.Model):
    """Playlist: the pre-randomised, ordered trials of one session."""

    class Origin(models.TextChoices):
        PLANNED = "planned", "Planned"  # of the design as it was frozen
        PACKED = "packed", "Packed again"  # what ended sessions left unanswered
        EXTENDED = "extended", "Extension"  # a further balanced wave, by an amendment
        PILOT = "pilot", "Pilot"  # a copy for a pilot, never counted

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="blocks")
    number = models.PositiveIntegerField()
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.PLANNED)
    wave = models.PositiveIntegerField(default=0, help_text="0 as planned; more for what came later.")
    state = models.CharField(max_length=10, choices=BlockState, default=BlockState.FREE)

    objects = BlockQuerySet.as_manager()

    class Meta:
        ordering = ["study", "number"]
        constraints = [
            # Of a pilot's copy and its original at most one is counted, and both have the number.
            models.UniqueConstraint(
                fields=["study", "number"], condition=~Q(origin="pilot"), name="block_number_once_per_study"
            ),
            models.CheckConstraint(
                condition=Q(origin__in=["planned", "pilot"], wave=0)
                | Q(origin__in=["packed", "extended"], wave__gt=0),
                name="block_origin_fits_its_wave",
            ),
            models.CheckConstraint(condition=Q(state__in=BlockState.values), name="block_state_known"),
        ]

    def __str__(self) -> str:
        return f"block {self.number}"


class Trial(models.Model):
    """One presentation of a comparison: sides, what is played first, and its place in the block."""

    class Kind(models.TextChoices):
        TEST = "test", "Test"
        REPEAT = "repeat", "Repeat"
        GOLD = "gold", "Gold"
        IDENTICAL = "identical", "Identical"
        TRAINING = "training", "Training"

    class PlayedFirst(models.TextChoices):
        LEFT = "left", "A (left)"
        RIGHT = "right", "B (right)"

    block = models.ForeignKey(Block, on_delete=models.CASCADE, related_name="trials")
    position = models.PositiveIntegerField(help_text="From 1.")
    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="trials")
    left_is_1 = models.BooleanField(help_text="Whether the canonical first stimulus is on the left.")
    played_first = models.CharField(max_length=5, choices=PlayedFirst)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.TEST)
    repeat_of = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True)
    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)

    class Meta:
        ordering = ["block", "position"]
        constraints = [
            models.UniqueConstraint(fields=["block", "position"], name="trial_position_once_per_block"),
            models.UniqueConstraint(
                fields=["block", "comparison"],
                condition=~Q(kind="repeat"),
                name="trial_comparison_once_per_block",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["test", "repeat", "gold", "identical", "training"]), name="trial_kind_known"
            ),
            models.CheckConstraint(condition=Q(played_first__in=["left", "right"]), name="trial_first_side_known"),
            models.CheckConstraint(
                condition=Q(kind="repeat", repeat_of__isnull=False)
                | (~Q(kind="repeat") & Q(repeat_of__isnull=True)),
                name="trial_repeat_names_its_original",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.block}, trial {self.position}"

    @property
    def sides(self) -> Presented[Stimulus]:
        comparison = self.comparison
        return presented(comparison.stimulus_1, comparison.stimulus_2, left_is_1=self.left_is_1)

    def stimulus_on(self, side: Side) -> Stimulus:
        return self.sides.left if side == "left" else self.sides.right
