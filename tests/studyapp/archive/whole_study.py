"""A study that has been through it all: pilot, checks, practice, repeats, packing, marks, erasure, amendment."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from studyapp.actions import endings, pilots, studies, withdrawal
from studyapp.actions.amendments import amend_study
from studyapp.models import Invitation, Participant, Study, StudySession, StudyText, User
from studyapp.receipts import receipt_of
from studyapp.simulation import simulate
from studyapp.states import SessionState
from tests.studyapp.factories import make_clip, make_system
from tests.studyapp.test_rater_pages import Browser
from tests.studyapp.test_studies import render_everything

SLUG = "whole-study"
PANEL_ID = "known-to-the-panel-as-this"
CODES = ("PAID-BY-THIS", "AND-LATER-BY-THIS")


def whole_study(by: User) -> Study:
    """Closed, with answers of simulated raters counted as people's, and of one that stays simulated."""
    pairs = [make_system("ground-truth", slug="truth"), make_system("random-shuffle", slug="shuffled")]
    foil = make_system("foil-shifted", slug="foil")
    clips = [make_clip(genre=("Rock", "Jazz")[n % 2], tags=["music-scene"] if n < 3 else []) for n in range(4)]
    study = studies.create_study(
        title="The “whole” study",
        slug=SLUG,
        clips=clips,
        pairs=[(pairs[0], pairs[1]), (pairs[0], foil)],
        by=by,
        clips_per_cell=2,
        ratings_per_comparison=4,
        trials_per_block=4,
        repeats_per_block=1,
        gold_truth=pairs[0],
        gold_foil=foil,
        gold_per_block=1,
        identical_per_block=1,
        training_per_block=1,
        min_gold_right=0.5,
        break_after=3,
        pilot_raters=2,
        margin=0.15,
        hypotheses="Truth beats the foil.",
        primary_pairs=[["truth", "foil"]],
        asks_background=True,
        completion_code=CODES[0],
        pay="1.50",
    )
    StudyText.objects.create(study=study, language="de", consent_text="Ja?", instructions="Hören Sie.")
    studies.build_design(study=study, by=by)
    render_everything(study)
    pilots.start_pilot(study=study, by=by)
    simulate(study, raters=1, effects={}, seed=5)
    studies.open_study(study=study, by=by)
    study.refresh_from_db()
    simulate(study, raters=4, effects={"truth": 1.0}, seed=1)
    StudySession.objects.filter(study=study).exclude(pk=study.sessions.latest("pk").pk).update(simulated=False)
    _one_leaves_and_one_is_erased(study)
    amend_study(study=study, by=by, reason="The first half took longer.", session_timeout_min=90)
    amend_study(study=study, by=by, reason="Another panel.", completion_code=CODES[1])
    came = list(study.sessions.filter(simulated=False).order_by("pk"))
    now = timezone.now()
    Participant.objects.create(
        study=study, panel="prolific", digest="d" * 64, rater=came[1].rater, panel_id=PANEL_ID, arrived_at=now
    )
    Invitation.objects.create(study=study, digest="e" * 64, rater=came[2].rater, used_at=now)
    return studies.close_study(study=Study.objects.get(pk=study.pk), by=by)


def _one_leaves_and_one_is_erased(study: Study) -> None:
    leaver = Browser(study)
    leaver.consent()
    _pass_the_steps(leaver.session)
    assert leaver.answer(leaver.trial(), comment="=the drums, “late”\nagain", wrong=["left"]).status_code == 200
    late = timezone.now() + timedelta(hours=3)
    endings.expire_sessions(now=late, study=study)
    assert study.sessions.filter(state=SessionState.EXPIRED).count() == 1
    gone = study.sessions.filter(state=SessionState.COMPLETED, simulated=False).counted().latest("pk")
    withdrawal.erase(receipt=receipt_of(gone.token), now=late)


def _pass_the_steps(session: StudySession) -> None:
    now = timezone.now()
    for step in ("background", "device", "understanding"):
        session.tries.create(
            step=step, number=1, shown={}, answers={"age": ""}, passed=True, shown_at=now, ended_at=now
        )
