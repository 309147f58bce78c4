"""The signature that play events carry: which session, which trial, and which showing of it they belong to.

It keeps one trial's events from being sent for another. It cannot tell whether a player made them or a program:
whoever has the page has the signature (docs/rater-page.md says what remains possible).
"""

from __future__ import annotations

from django.core import signing
from django.utils.translation import gettext

from studyapp.errors import Distrusted
from studyapp.models import SessionFlag, StudySession, Trial


def _signer(session: StudySession, trial: Trial) -> signing.Signer:
    return signing.Signer(salt=f"proof.{session.token}.{trial.token}")


def new_proof(session: StudySession, trial: Trial, *, showing: int) -> str:
    """What the page that shows the trial for the ``showing``-th time sends along with everything it tells."""
    return _signer(session, trial).sign(str(showing))


def shown_as(session: StudySession, trial: Trial, proof: object) -> int:
    """The showing that a proof stands for. Raises Distrusted when it is none of this session's for this trial."""
    try:
        return int(_signer(session, trial).unsign(str(proof)))
    except signing.BadSignature:
        raise Distrusted(
            gettext("What this page says was played belongs to another step. Please reload the page."),
            rule=SessionFlag.Rule.FORGED,
        ) from None
