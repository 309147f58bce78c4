"""Every state, who sets it, and which may follow which: data, read by actions, admin and docs."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import models


class StudyState(models.TextChoices):
    DRAFT = "draft", "Draft"  # made by a researcher; everything may change
    PILOT = "pilot", "Pilot"  # a few raters try it; their answers are kept apart and never counted
    OPEN = "open", "Open"  # a researcher opened it; the design is frozen, raters come
    PAUSED = "paused", "Paused"  # nobody new starts; whoever is under way may finish
    CLOSED = "closed", "Closed"  # no answer is taken any more
    ARCHIVED = "archived", "Archived"  # put away: to be read, exported and erased from, nothing else

    @property
    def in_words(self) -> str:
        """What a study in this state is, after “is”: “a draft”, “being piloted”, “open”."""
        return {"draft": "a draft", "pilot": "being piloted"}.get(self.value, self.value)

    @property
    def made_so(self) -> str:
        """What is done to bring a study there, after “can be”: “piloted”, “opened”, “paused”."""
        return {"draft": "made a draft again", "pilot": "piloted", "open": "opened"}.get(self.value, self.value)


class StimulusState(models.TextChoices):
    REQUESTED = "requested", "Requested"  # waits for a worker
    RENDERING = "rendering", "Rendering"  # a worker has it and shows signs of life
    READY = "ready", "Ready"  # the file is there and measured
    FAILED = "failed", "Failed"  # the error says why; a researcher may ask again


class BlockState(models.TextChoices):
    FREE = "free", "Free"
    CLAIMED = "claimed", "Claimed"  # one StudySession has it, for good
    RETIRED = "retired", "Retired"  # its session ended early; what was unanswered lives on in newer blocks


class SessionState(models.TextChoices):
    CONSENTED = "consented", "Consented"  # the rater agreed and holds a block
    SCREENED = "screened", "Screened"  # everything before the trials is done
    ACTIVE = "active", "Active"  # the first trial was shown
    COMPLETED = "completed", "Completed"  # every trial answered or void
    EXPIRED = "expired", "Expired"  # silent for too long; answers are kept
    SCREENED_OUT = "screened_out", "Screened out"  # a check before the trials asked for more
    WITHDRAWN = "withdrawn", "Withdrawn"  # the rater left; answers are kept until they erase them


class DatasetState(models.TextChoices):
    REQUESTED = "requested", "Requested"
    BUILDING = "building", "Building"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"


STUDY_TRANSITIONS: Mapping[StudyState, frozenset[StudyState]] = {
    StudyState.DRAFT: frozenset({StudyState.PILOT, StudyState.OPEN}),
    StudyState.PILOT: frozenset({StudyState.DRAFT, StudyState.OPEN}),
    StudyState.OPEN: frozenset({StudyState.PAUSED, StudyState.CLOSED}),
    StudyState.PAUSED: frozenset({StudyState.OPEN, StudyState.CLOSED}),
    StudyState.CLOSED: frozenset({StudyState.ARCHIVED}),
    StudyState.ARCHIVED: frozenset(),
}
SESSION_TRANSITIONS: Mapping[SessionState, frozenset[SessionState]] = {
    SessionState.CONSENTED: frozenset(
        {SessionState.SCREENED, SessionState.SCREENED_OUT, SessionState.WITHDRAWN, SessionState.EXPIRED}
    ),
    SessionState.SCREENED: frozenset({SessionState.ACTIVE, SessionState.WITHDRAWN, SessionState.EXPIRED}),
    SessionState.ACTIVE: frozenset({SessionState.COMPLETED, SessionState.WITHDRAWN, SessionState.EXPIRED}),
    SessionState.COMPLETED: frozenset(),
    SessionState.EXPIRED: frozenset(),
    SessionState.SCREENED_OUT: frozenset(),
    SessionState.WITHDRAWN: frozenset(),
}
# Those that something may still follow on.
LIVE_SESSIONS = tuple(state for state, following in SESSION_TRANSITIONS.items() if following)
