"""Raters, their runs through a block, what was played to them, and what they answered."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from studyapp.languages import LANGUAGES
from studyapp.models.design import Block, Trial
from studyapp.models.study import Study
from studyapp.questions import Question
from studyapp.states import LIVE_SESSIONS, SessionState
from studyapp.tokens import new_token

BEGIN_WITHIN = timedelta(minutes=10)
"""How long a place is held for who has agreed to take part and has seen no trial yet (docs/adr/0011)."""


class Rater(models.Model):
    """Assessor, pseudonymous: a random code and nothing that names a person."""

    code = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.code


class StudySessionQuerySet(models.QuerySet["StudySession"]):
    def live(self) -> StudySessionQuerySet:
        return self.filter(state__in=LIVE_SESSIONS)

    def counted(self) -> StudySessionQuerySet:
        """All but those of a pilot."""
        return self.exclude(block__origin=Block.Origin.PILOT)

    def of_pilot(self) -> StudySessionQuerySet:
        return self.filter(block__origin=Block.Origin.PILOT)

    def overdue(self, now: datetime) -> StudySessionQuerySet:
        """Live, but silent for longer than the study allows."""
        return self.live().filter(expires_at__lte=now)


class StudySession(models.Model):
    """One rater's run through one block."""

    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    receipt_sha256 = models.CharField(max_length=64, unique=True, null=True, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="sessions")
    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="sessions")
    # One to one: a block is claimed once, ever. Two raters at one moment meet this index.
    block = models.OneToOneField(Block, on_delete=models.PROTECT, related_name="session")
    state = models.CharField(max_length=12, choices=SessionState, default=SessionState.CONSENTED)
    simulated = models.BooleanField(default=False, help_text="Set by simulate_raters only, never over HTTP.")
    consent_version = models.CharField(max_length=20)
    consent_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of everything that the consent page told, in its language."
    )
    language = models.CharField(max_length=10, choices=LANGUAGES, default="en")
    consented_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    first_question = models.CharField(
        max_length=20,
        choices=Question,
        default=Question.VISUAL_RELEVANCE,
        help_text="Asked first in every trial of this session; raters take turns.",
    )
    answer_count = models.PositiveIntegerField(
        default=0, editable=False, help_text="Responses stored, so that no page has to count a million rows."
    )
    archived_rater = models.CharField(
        max_length=17, blank=True, editable=False, help_text="The rater's pseudonym in the archive it came from."
    )
    archived_session = models.CharField(
        max_length=17, blank=True, editable=False, help_text="Its own pseudonym in the archive it came from."
    )

    objects = StudySessionQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["state", "expires_at"], name="session_by_expiry")]
        constraints = [
            # One block a rater and study: so nobody can meet one comparison twice.
            models.UniqueConstraint(fields=["study", "rater"], name="session_once_per_rater_and_study"),
            models.CheckConstraint(condition=Q(state__in=SessionState.values), name="session_state_known"),
            models.CheckConstraint(
                condition=Q(state=SessionState.COMPLETED, completed_at__isnull=False)
                | (~Q(state=SessionState.COMPLETED) & Q(completed_at__isnull=True)),
                name="session_completed_at_when_completed",
            ),
            models.CheckConstraint(
                condition=Q(first_question__in=Question.values), name="session_first_question_known"
            ),
        ]

    def __str__(self) -> str:
        # Not the token: names end up on pages and in logs, and whoever holds it can act as the rater.
        return f"session {self.pk}"

    @property
    def question_order(self) -> tuple[Question, ...]:
        return tuple(sorted(Question, key=lambda question: question != self.first_question))

    @property
    def is_live(self) -> bool:
        return self.state in LIVE_SESSIONS

    @property
    def ended_before_it_began(self) -> bool:
        """Expired without a trial shown: this rater has met no comparison and may start anew."""
        return self.state == SessionState.EXPIRED and self.started_at is None

    @property
    def trials_answered(self) -> int:
        """Comparisons with all their answers, practice included: a trial is answered as a whole."""
        return self.responses.values("trial").distinct().count()

    def expiry_after(self, now: datetime) -> datetime:
        allowed = timedelta(minutes=self.study.session_timeout_min)
        return now + (min(allowed, BEGIN_WITHIN) if self.started_at is None else allowed)


class Presentation(models.Model):
    """When the server showed a trial and first gave out each side's media; the floor for every claim."""

    trial = models.OneToOneField(Trial, on_delete=models.PROTECT, related_name="presentation")
    session = models.ForeignKey(StudySession, on_delete=models.PROTECT, related_name="presentations")
    shown_at = models.DateTimeField(null=True, help_text="Empty while only preloaded.")
    left_served_at = models.DateTimeField(null=True)
    right_served_at = models.DateTimeField(null=True)
    showings = models.PositiveIntegerField(default=0, help_text="Pages that showed it: the last one counts.")
    submits = models.PositiveIntegerField(default=0, help_text="Answers sent, refused and repeated ones included.")


class PlayEvent(models.Model):
    """What a player did, as the browser told it. Append-only."""

    class Kind(models.TextChoices):
        PLAY = "play"
        PAUSE = "pause"
        SEEK = "seek"
        ENDED = "ended"
        PROGRESS = "progress"
        ERROR = "error"
        HIDDEN = "hidden"
        VISIBLE = "visible"
        SWITCH = "switch"
        STALLED = "stalled"
        VOLUME = "volume"

    presentation = models.ForeignKey(Presentation, on_delete=models.PROTECT, related_name="events")
    number = models.PositiveIntegerField(help_text="Counted by the browser; a re-sent event is stored once.")
    side = models.CharField(max_length=5, choices=Trial.PlayedFirst)
    kind = models.CharField(max_length=10, choices=Kind)
    media_time_s = models.FloatField()
    clock_s = models.FloatField(help_text="The browser's monotonic clock, seconds since the page was shown.")
    value = models.FloatField(null=True, help_text="Of a volume event: 0 (silent) to 1.")
    received_at = models.DateTimeField()

    class Meta:
        ordering = ["presentation", "number"]
        constraints = [
            models.UniqueConstraint(fields=["presentation", "number"], name="play_event_stored_once"),
            models.CheckConstraint(condition=Q(media_time_s__gte=0), name="play_event_media_time_not_negative"),
            models.CheckConstraint(
                condition=Q(kind="volume", value__gte=0, value__lte=1)
                | (~Q(kind="volume") & Q(value__isnull=True)),
                name="play_event_value_of_volume_only",
            ),
        ]


class Response(models.Model):
    """One rater's answer to one question of one trial, as presented. Append-only."""

    session = models.ForeignKey(StudySession, on_delete=models.PROTECT, related_name="responses")
    trial = models.ForeignKey(Trial, on_delete=models.PROTECT, related_name="responses")
    question = models.CharField(max_length=20, choices=Question)
    choice = models.PositiveSmallIntegerField(help_text="1 (A is much better) to 5 (B is much better), as read.")
    coverage_left = models.FloatField(help_text="Share of A's media time played before answering.")
    coverage_right = models.FloatField(help_text="Share of B's media time played before answering.")
    response_time_ms = models.PositiveIntegerField(help_text="From the moment answers unlocked to the answer.")
    answered_at = models.DateTimeField()

    class Meta:
        ordering = ["answered_at", "id"]
        constraints = [
            # A block has one session, so this is also one answer per session, trial and question:
            # the second click of a double click meets this index.
            models.UniqueConstraint(fields=["trial", "question"], name="response_once_per_trial_and_question"),
            models.CheckConstraint(condition=Q(choice__gte=1, choice__lte=5), name="response_on_the_scale"),
            models.CheckConstraint(
                condition=Q(
                    coverage_left__gte=0, coverage_left__lte=1, coverage_right__gte=0, coverage_right__lte=1
                ),
                name="response_coverage_is_a_share",
            ),
        ]
