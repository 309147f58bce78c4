"""What is studied: clips, systems, and the study that brings them together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from generation import registry
from generation.cards import Card
from studyapp import media_store
from studyapp.languages import LANGUAGES
from studyapp.models.briefing import (
    CONSENT_TEXT,
    INSTRUCTIONS,
    ChecksBeforeTrials,
    ConsentParticulars,
    Recruiting,
)
from studyapp.models.declared import Declared
from studyapp.states import StudyState
from studyapp.tokens import new_token


class ClipQuerySet(models.QuerySet["Clip"]):
    def with_original_audio(self) -> ClipQuerySet:
        return self.exclude(audio_file="")


class Clip(models.Model):
    """Source sequence (SRC): the video excerpt that gets music."""

    dataset = models.SlugField(max_length=80, help_text="The collection the clip comes from, e.g. MV100K.")
    clip_id = models.CharField(max_length=120)
    genre = models.CharField(max_length=80)
    genre_rule = models.CharField(
        max_length=40,
        blank=True,
        help_text="The rule that made one genre of several labels; empty if it was given.",
    )
    labels = models.JSONField(
        default=list, blank=True, help_text="AudioSet ids of every label that the source gives, e.g. /m/06by7."
    )
    tags = models.JSONField(
        default=list, blank=True, help_text="Words that results can be split by, e.g. music-scene."
    )
    caption = models.TextField(blank=True)
    licence = models.CharField(max_length=200, blank=True)
    source_url = models.URLField(max_length=500, blank=True, help_text="Where the source video comes from.")
    source_name = models.CharField(max_length=255, help_text="File name of the source video.")
    source_sha256 = models.CharField(max_length=64)
    start_s = models.FloatField(default=0, help_text="Where in the source the clip begins, in seconds.")
    duration_s = models.FloatField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    frame_rate = models.FloatField()
    master_file = models.CharField(max_length=200, help_text="Silent H.264 master, relative to the media folder.")
    master_sha256 = models.CharField(max_length=64)
    master_bytes = models.PositiveBigIntegerField()
    audio_file = models.CharField(
        max_length=200, blank=True, help_text="Original audio, 48 kHz WAV; empty without."
    )
    audio_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ClipQuerySet.as_manager()

    class Meta:
        ordering = ["dataset", "clip_id"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "clip_id"], name="clip_named_once_per_dataset"),
            models.CheckConstraint(condition=Q(duration_s__gt=0), name="clip_has_length"),
            models.CheckConstraint(
                condition=Q(audio_file="", audio_sha256="") | (~Q(audio_file="") & ~Q(audio_sha256="")),
                name="clip_audio_file_and_digest_together",
            ),
        ]

    def __str__(self) -> str:
        return self.clip_id

    @property
    def master_path(self) -> Path:
        return Path(settings.MEDIA_ROOT) / self.master_file

    @property
    def audio_path(self) -> Path | None:
        return Path(settings.MEDIA_ROOT) / self.audio_file if self.audio_file else None


class System(models.Model):
    """Condition (HRC): a model variant or baseline with its preset and settings."""

    slug = models.SlugField(max_length=120, unique=True, help_text="Shown everywhere; carries the preset.")
    key = models.CharField(max_length=60, help_text="Which system of the registry.")
    preset = models.CharField(max_length=40, default="default")
    settings = models.JSONField(default=dict, blank=True)
    label = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of key, preset and settings.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug

    @property
    def placed_settings(self) -> dict[str, Any]:
        """The settings as the registry takes them: a folder of imported files is stored relative to the media
        folder, which may lie elsewhere by now. Raises DuetError for a folder outside of those.
        """
        stored: dict[str, Any] = self.settings
        if not stored.get("folder"):
            return stored
        return {**stored, "folder": str(media_store.imported(str(stored["folder"])))}

    @property
    def reads_text(self) -> bool:
        return registry.spec(self.key).reads_text

    @property
    def loudness_matched(self) -> bool:
        return registry.spec(self.key).loudness_matched

    @property
    def card(self) -> Card:
        """What is to be known of it."""
        return registry.card(self.key, self.preset, self.settings)


class StudyQuerySet(models.QuerySet["Study"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> StudyQuerySet:
        """Those that somebody may look at: all for a superuser, else those that they are a member of."""
        if not user.is_active or not getattr(user, "is_staff", False):
            return self.none()
        return self if getattr(user, "is_superuser", False) else self.filter(members__user=user.pk)

    def with_clip(self, clip: Clip) -> StudyQuerySet:
        """Those that chose a clip, or show it."""
        chose = Study.clips.through.objects.filter(clip=clip).values("study")
        shows = Study.objects.filter(comparisons__clip=clip).values("pk")
        return self.filter(Q(pk__in=chose) | Q(pk__in=shows)).order_by("pk")

    def with_system(self, system: System) -> StudyQuerySet:
        """Those that compare a system, or have it in gold pairs."""
        compares = SystemPair.objects.filter(Q(system_1=system) | Q(system_2=system)).values("study")
        return self.filter(Q(pk__in=compares) | Q(gold_truth=system) | Q(gold_foil=system)).order_by("pk")


class Study(ConsentParticulars, ChecksBeforeTrials, Recruiting, Declared, models.Model):
    """Experiment: which clips, which systems, how many ratings, and what raters are told."""

    title = models.CharField(max_length=200)
    slug = models.SlugField(
        "short name",
        max_length=80,
        unique=True,
        help_text="Names it in addresses and files: letters, digits, dashes and underscores.",
        error_messages={"unique": "There is a study with this short name already; give this one another."},
    )
    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    state = models.CharField(max_length=10, choices=StudyState, default=StudyState.DRAFT, editable=False)
    clips = models.ManyToManyField(Clip, related_name="studies", blank=True)
    seed = models.PositiveIntegerField(default=1, help_text="Decides sampling, order and sides.")
    generation_seed = models.PositiveIntegerField(default=1, help_text="The seed every system gets.")
    clips_per_cell = models.PositiveIntegerField(
        default=10, validators=[MinValueValidator(1)], help_text="Clips per system pair and genre."
    )
    ratings_per_comparison = models.PositiveIntegerField(default=3, validators=[MinValueValidator(1)])
    trials_per_block = models.PositiveIntegerField(
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Trials one rater gets.",
    )
    repeats_per_block = models.PositiveIntegerField(
        default=0, help_text="Trials shown again with sides swapped, to measure self-agreement; not counted."
    )
    gold_truth = models.ForeignKey(
        System,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="gold pairs: the better system",
        help_text="Known to fit the video better, such as the ground truth.",
    )
    gold_foil = models.ForeignKey(
        System,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="gold pairs: the foil",
        help_text="Known to fit it worse, such as another clip's music.",
    )
    gold_per_block = models.PositiveIntegerField(
        default=0, help_text="Pairs of truth and foil shown to each rater, to see whether they look and listen."
    )
    identical_per_block = models.PositiveIntegerField(
        default=0, help_text="Pairs of one version with itself shown to each rater; nobody can prefer one."
    )
    training_per_block = models.PositiveIntegerField(
        default=0,
        validators=[MaxValueValidator(3)],
        help_text="Practice trials at the start, with hints about the page; not counted.",
    )
    min_gold_right = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        verbose_name="gold pairs right, at least",
        help_text="Share of gold pairs whose better side was preferred for the video; empty for no rule.",
    )
    min_identical_near = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        verbose_name="identical pairs near the middle, at least",
        help_text="Share of answers to identical pairs within a step of no preference; empty for no rule.",
    )
    max_same_choice = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.2), MaxValueValidator(1.0)],
        verbose_name="one and the same answer, at most",
        help_text="Share of one question's answers that may be alike; empty for no rule.",
    )
    min_median_response_ms = models.PositiveIntegerField(
        null=True,
        blank=True,
        verbose_name="median time to answer, at least (ms)",
        help_text="From the moment the answers open; empty for no rule.",
    )
    target_lufs = models.FloatField(
        default=-23.0,
        validators=[MinValueValidator(-60.0), MaxValueValidator(0.0)],
        help_text="Loudness of every soundtrack, ITU-R BS.1770.",
    )
    min_coverage = models.FloatField(
        default=0.95,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Share of each version that must be played before answers unlock.",
    )
    session_timeout_min = models.PositiveIntegerField(
        default=60,
        validators=[MinValueValidator(1)],
        help_text="Minutes of silence after which a session expires.",
    )
    completion_code = models.CharField(
        max_length=40, default=new_token, help_text="Shown at the end, or taken along to the panel."
    )
    language = models.CharField(
        max_length=10, choices=LANGUAGES, default="en", help_text="Of the texts below; others can be added."
    )
    consent_text = models.TextField(default=CONSENT_TEXT)
    consent_version = models.CharField(max_length=20, default="1")
    instructions = models.TextField(default=INSTRUCTIONS)
    design_summary = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="Counts, shortfalls and refusals of the last design built, as actions.studies.DesignSummary.",
    )
    plan_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    frozen = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="SHA-256 of design, stimuli, texts, rules and settings as they were when the study opened.",
    )
    template = models.CharField(
        max_length=60, blank=True, editable=False, help_text="The template that it was made from."
    )
    pilot_raters = models.PositiveIntegerField(
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Places in a pilot. Answers of a pilot are kept apart and never counted.",
    )
    keep_ids_until = models.DateField(
        null=True,
        blank=True,
        verbose_name="panel ids kept until",
        help_text="On this day the ids under which panels know people are deleted; empty for by hand.",
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    opened_at = models.DateTimeField(null=True, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)

    objects = StudyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "studies"
        permissions = [
            ("manage_study", "Can let others in, share, archive and purge a study"),
            ("see_system_names", "Can see which system is which while a study runs"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=StudyState.values), name="study_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=[StudyState.DRAFT, StudyState.PILOT], opened_at__isnull=True)
                | (
                    ~Q(state__in=[StudyState.DRAFT, StudyState.PILOT])
                    & Q(opened_at__isnull=False)
                    & ~Q(plan_sha256="")
                ),
                name="study_opened_with_a_frozen_plan",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[StudyState.CLOSED, StudyState.ARCHIVED], closed_at__isnull=False)
                | (~Q(state__in=[StudyState.CLOSED, StudyState.ARCHIVED]) & Q(closed_at__isnull=True)),
                name="study_closed_at_when_closed",
            ),
            models.CheckConstraint(
                condition=Q(state=StudyState.ARCHIVED, archived_at__isnull=False)
                | (~Q(state=StudyState.ARCHIVED) & Q(archived_at__isnull=True)),
                name="study_archived_at_when_archived",
            ),
            models.CheckConstraint(
                condition=Q(gold_per_block=0)
                | Q(gold_truth__isnull=False, gold_foil__isnull=False) & ~Q(gold_truth=F("gold_foil")),
                name="study_gold_pairs_of_two_systems",
                violation_error_message="Gold pairs need two different systems: the better one and a foil.",
            ),
            models.CheckConstraint(
                condition=Q(clips_per_cell__gte=1, ratings_per_comparison__gte=1, trials_per_block__gte=1),
                name="study_counts_at_least_one",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def standing(self) -> str:
        """Its state, after “is”."""
        return StudyState(self.state).in_words


class SystemPair(models.Model):
    """Two systems a study compares, in canonical order (the older System row first)."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="pairs")
    system_1 = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    system_2 = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["system_1", "system_2"]
        constraints = [
            # One canonical order makes the unordered pair unique by an ordinary index.
            models.CheckConstraint(condition=Q(system_1__lt=F("system_2")), name="pair_in_canonical_order"),
            models.UniqueConstraint(fields=["study", "system_1", "system_2"], name="pair_once_per_study"),
        ]

    def __str__(self) -> str:
        return f"{self.system_1} vs {self.system_2}"
