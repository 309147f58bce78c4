"""A pilot: a few raters try the study as it will be. What they answer is kept, apart, and never counted.

Raters of a pilot get copies of the design's first blocks, so that the design itself stays whole; who took part in
the pilot cannot take part again.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from studyapp.actions.endings import stand_still
from studyapp.actions.opening import become, must_be_ready, read_beforehand
from studyapp.actions.session_rows import become as session_becomes
from studyapp.actions.trial_rows import store_trials
from studyapp.errors import NotReady, WrongState
from studyapp.models import AuditLine, Block, Study, StudySession, Trial, User
from studyapp.states import BlockState, SessionState, StudyState


def start_pilot(*, study: Study, by: User | None) -> Study:
    """Let ``pilot_raters`` people try a draft. Raises WrongState, or NotReady as opening does.

    Files are read before its transaction, so call it outside of any.
    """
    rule = "only a draft can be piloted"
    read = read_beforehand(study, rule)
    with transaction.atomic(durable=True):
        draft = must_be_ready(study, rule, read=read)
        blocks = list(Block.objects.counted().filter(study=draft).order_by("number")[: draft.pilot_raters])
        # An earlier pilot's numbers are not given again.
        offset = Block.objects.of_pilot().filter(study=draft).aggregate(last=Max("number"))["last"] or 0
        for number, block in enumerate(blocks, start=offset + 1):
            _copy(block, number)
        return become(study, StudyState.PILOT, by=by, places=len(blocks))


@transaction.atomic
def end_pilot(*, study: Study, by: User | None) -> Study:
    """Back to a draft that can be changed. Who is under way is ended; every answer given is kept.

    Raises WrongState unless the study is piloted.
    """
    put_away(study)
    return become(study, StudyState.DRAFT, by=by)


@transaction.atomic
def ask_simulated(*, study: Study, by: User | None) -> int:
    """Let simulated raters take every place of a pilot that is free, in a worker; returns how many.

    They show that every page works and every file plays before anybody is paid; their answers mean nothing.
    Raises WrongState unless the study is piloted, NotReady where no place is free.
    """
    # tasks.py calls back into the simulation, which walks the raters' pages.
    from studyapp import tasks

    if study.state != StudyState.PILOT:
        raise WrongState(f"{study} is {study.standing}; simulated raters try a pilot only")
    free = Block.objects.of_pilot().claimable().filter(study=study).count()
    if not free:
        raise NotReady("every place of the pilot is taken; end it, or raise the number of its raters next time")
    AuditLine.write("simulated raters asked", by=by, study=study, raters=free)
    transaction.on_commit(lambda: tasks.simulate_pilot.delay(study.pk, free), robust=True)
    return free


def put_away(study: Study) -> None:
    """End the pilot's sessions that are under way, and take back the places nobody took.

    Call in the transaction that ends the pilot, before the state changes.
    """
    stand_still(study=study)
    now = timezone.now()
    for session in StudySession.objects.live().of_pilot().filter(study=study).order_by("pk"):
        session_becomes(session, SessionState.EXPIRED)
        session.last_seen_at = now
        session.save(update_fields=["state", "last_seen_at"])
    Block.objects.of_pilot().filter(study=study, state=BlockState.FREE).delete()
    Block.objects.of_pilot().filter(study=study).update(state=BlockState.RETIRED)


def _copy(block: Block, number: int) -> None:
    copy = Block.objects.create(study_id=block.study_id, number=number, origin=Block.Origin.PILOT)
    copies: dict[int, Trial] = {}
    # In their order: a repeat comes after what it repeats, so that one has its copy.
    for trial in block.trials.order_by("position"):
        copies[trial.pk] = Trial(
            block=copy,
            position=trial.position,
            comparison_id=trial.comparison_id,
            left_is_1=trial.left_is_1,
            played_first=trial.played_first,
            kind=trial.kind,
            repeat_of=None if trial.repeat_of_id is None else copies[trial.repeat_of_id],
        )
    store_trials(copies.values())
