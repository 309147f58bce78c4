"""One study with a million answers, and a small one beside it, as rows: the same ones every time."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from studyapp.models import (
    AuditLine,
    Block,
    Clip,
    Comparison,
    Dataset,
    Erasure,
    Invitation,
    Participant,
    PlayEvent,
    Presentation,
    Rater,
    Response,
    SessionFlag,
    Snapshot,
    StepTry,
    Stimulus,
    StimulusHold,
    Study,
    StudyMember,
    StudySession,
    StudyText,
    System,
    SystemPair,
    Trial,
    TrialMark,
    User,
    VoidedTrial,
)
from studyapp.plan.balance import balance
from studyapp.plan.sampling import DesignSummary
from studyapp.questions import Question
from studyapp.states import BlockState, DatasetState, SessionState, StimulusState, StudyState
from studyapp.watching import monitoring
from tests.studyapp.factories import sha

GENRES = ("Rock", "Reggae", "Jazz", "Techno", "Folk")
SYSTEMS = (
    ("ground-truth", "default"),
    ("random-shuffle", "default"),
    ("loop-retrieval", "default"),
    ("cmt", "tiny"),
    ("riffusion", "tiny"),
)
CLIPS = 100
TRIALS = 20
EVENTS = ("play", "progress", "pause", "ended")
BATCH = 4000


@dataclass(frozen=True, slots=True)
class Built:
    """What was built, and who may look at it."""

    study: Study
    owner: User
    administrator: User


def build(sessions: int, *, clips: int = CLIPS, seed: int = 1) -> Built:
    """``sessions`` runs of 20 trials with two answers each, one presentation in ten with events. Seeded.

    clips: of each of the two studies; every pair of five systems is compared on each.
    """
    draw = random.Random(seed)
    # A session begins every minute, the newest at this moment.
    began = timezone.now() - timedelta(minutes=sessions)
    owner = _researcher("owner")
    administrator = _researcher("administrator", is_superuser=True)
    study = _study("million", owner, began)
    comparisons = _comparisons(study, clips, began)
    _taken_part(study, comparisons, sessions, draw, began)
    _beside(study, owner, sessions, began)
    small = _study("small", _researcher("colleague"), began)
    _taken_part(small, _comparisons(small, clips, began)[:TRIALS], 3, draw, began)
    with connection.cursor() as cursor:
        # As autovacuum and the sweeper do at home.
        cursor.execute("ANALYZE")
    _worked_out(study, comparisons, sessions)
    return Built(study, owner, administrator)


def _researcher(name: str, **fields: Any) -> User:
    return User.objects.create_user(name, f"{name}@example.org", "a-long-passphrase", is_staff=True, **fields)


def _study(slug: str, owner: User, began: datetime) -> Study:
    study = Study.objects.create(
        title=slug.capitalize(),
        slug=slug,
        created_by=owner,
        state=StudyState.OPEN,
        opened_at=began,
        plan_sha256=sha(slug),
        trials_per_block=TRIALS,
        max_same_choice=0.4,
        min_median_response_ms=2500,
    )
    StudyMember.objects.create(study=study, user=owner, role=StudyMember.Role.OWNER, sees_names=True)
    AuditLine.write("study made", by=owner, study=study, slug=slug)
    return study


def _comparisons(study: Study, clips_of_it: int, began: datetime) -> list[Comparison]:
    """Every pair of five systems on each clip."""
    systems = [
        System.objects.create(key=key, preset=preset, slug=f"{study.slug}-{key}", label=key, digest=sha(key))
        for key, preset in SYSTEMS
    ]
    clips = _made(
        Clip(
            dataset=study.slug,
            clip_id=f"clip{number}",
            genre=GENRES[number % len(GENRES)],
            source_name=f"{number}.mp4",
            source_sha256=sha(f"{number}"),
            duration_s=10,
            width=640,
            height=360,
            frame_rate=25,
            master_file=f"clips/{number}.mp4",
            master_sha256=sha(f"{number}"),
            master_bytes=1000,
        )
        for number in range(clips_of_it)
    )
    study.clips.set(clips)
    stimuli = _made(_stimulus(study, clip, system, began) for clip in clips for system in systems)
    by_place = {(one.clip_id, one.system_id): one for one in stimuli}
    pairs = list(itertools.combinations(systems, 2))
    SystemPair.objects.bulk_create(SystemPair(study=study, system_1=one, system_2=two) for one, two in pairs)
    return _made(
        Comparison(
            study=study,
            clip=clip,
            stimulus_1=by_place[clip.pk, one.pk],
            stimulus_2=by_place[clip.pk, two.pk],
        )
        for clip in clips
        for one, two in pairs
    )


def _stimulus(study: Study, clip: Clip, system: System, began: datetime) -> Stimulus:
    return Stimulus(
        key=sha(f"{study.slug}/{clip.pk}/{system.pk}"),
        clip=clip,
        system=system,
        seed=1,
        target_lufs=-23,
        settings_digest=system.digest,
        sources_digest=sha("sources"),
        state=StimulusState.READY,
        progress=1,
        ready_at=began,
        file=f"stimuli/{system.pk}-{clip.pk}.mp4",
        file_sha256=sha("file"),
        file_bytes=1000,
        duration_s=10,
        lufs=-23,
        true_peak_dbtp=-6,
        gain_db=0,
    )


def _taken_part(
    study: Study, comparisons: list[Comparison], sessions: int, draw: random.Random, began: datetime
) -> None:
    """Sessions, the last hundredth of them still under way, and everything that was asked and answered in them."""
    live = range(sessions - max(1, sessions // 100), sessions)
    for start in range(0, sessions, 200):
        with transaction.atomic():
            numbers = range(start, min(start + 200, sessions))
            blocks = _made(Block(study=study, number=number + 1, state=BlockState.CLAIMED) for number in numbers)
            raters = _made(Rater() for _ in numbers)
            taken = _made(
                _session(study, rater, block, began + timedelta(minutes=number), live=number in live)
                for number, rater, block in zip(numbers, raters, blocks, strict=True)
            )
            trials = _made(
                Trial(
                    block=block,
                    position=position,
                    comparison=comparison,
                    left_is_1=draw.random() < 0.5,
                    played_first=draw.choice(("left", "right")),
                )
                for block in blocks
                for position, comparison in enumerate(draw.sample(comparisons, TRIALS), start=1)
            )
            _answered([one for one in taken for _ in range(TRIALS)], trials, draw)
            _remarked(study, taken, trials, draw)


def _session(study: Study, rater: Rater, block: Block, at: datetime, *, live: bool) -> StudySession:
    over = at + timedelta(minutes=20)
    return StudySession(
        study=study,
        rater=rater,
        block=block,
        state=SessionState.ACTIVE if live else SessionState.COMPLETED,
        consent_version="1",
        consented_at=at,
        started_at=at,
        last_seen_at=over,
        expires_at=over + timedelta(hours=1),
        completed_at=None if live else over,
        answer_count=TRIALS * len(Question),
    )


def _answered(taken: list[StudySession], trials: list[Trial], draw: random.Random) -> None:
    presentations = _made(
        Presentation(
            trial=trial,
            session=session,
            shown_at=session.consented_at + timedelta(minutes=trial.position),
            left_served_at=session.consented_at,
            right_served_at=session.consented_at,
            showings=1,
            submits=1,
        )
        for session, trial in zip(taken, trials, strict=True)
    )
    _made(
        PlayEvent(
            presentation=presentation,
            number=number,
            side="left",
            kind=kind,
            media_time_s=3.0 * number,
            clock_s=3.0 * number,
            received_at=presentation.shown_at,
        )
        for presentation in presentations[::10]
        for number, kind in enumerate(EVENTS)
    )
    _made(
        Response(
            session=session,
            trial=trial,
            question=question,
            choice=draw.randint(1, 5),
            coverage_left=1,
            coverage_right=1,
            response_time_ms=draw.randint(500, 9000),
            answered_at=session.consented_at + timedelta(minutes=trial.position, seconds=30),
        )
        for session, trial in zip(taken, trials, strict=True)
        for question in Question
    )


def _remarked(study: Study, taken: list[StudySession], trials: list[Trial], draw: random.Random) -> None:
    """What is beside the answers: tries, panel ids, comments, flags, void trials."""
    _made(
        StepTry(
            session=session,
            step="antiphase",
            number=1,
            points=6,
            of=6,
            passed=True,
            shown_at=session.consented_at,
            ended_at=session.consented_at,
        )
        for session in taken
    )
    _made(
        Participant(
            study=study,
            panel="prolific",
            digest=sha(f"{study.pk}/{session.pk}"),
            rater=session.rater,
            panel_id=f"{session.pk:024x}",
            arrived_at=session.consented_at,
        )
        for session in taken
    )
    of_trial = {session.block_id: session for session in taken}
    for kind, chosen in (("comment", draw.sample(trials, len(trials) // 40)), ("both_bad", trials[::40])):
        _made(
            TrialMark(
                session=of_trial[trial.block_id],
                trial=trial,
                kind=kind,
                text="The drums fit the cuts." if kind == "comment" else "",
                marked_at=of_trial[trial.block_id].consented_at,
            )
            for trial in chosen
        )
    for trial in trials[::400]:
        session = of_trial[trial.block_id]
        at = session.consented_at
        SessionFlag.objects.create(session=session, trial=trial, rule="unplayed", first_at=at, last_at=at)
        VoidedTrial.objects.create(trial=trial, reason="stalled", side="left", voided_at=at)


def _beside(study: Study, owner: User, sessions: int, began: datetime) -> None:
    """What a long study gathers round it."""
    # A line for each session that expired, and the daily work of researchers.
    _made(
        AuditLine(verb=verb, by=owner, study=study, details={"blocks": [number], "what": "sessions expired"})
        for number in range(sessions // 2)
        for verb in ("left over packed again", "names looked at")
    )
    _made(
        Invitation(study=study, digest=sha(f"invitation {number}"), note=f"seat {number}", created_by=owner)
        for number in range(min(sessions, 5000))
    )
    _made(
        Erasure(
            study=study,
            receipt_sha256=sha(f"receipt {number}"),
            state=SessionState.COMPLETED,
            consented_on=began.date(),
            erased_at=began,
            trials=TRIALS,
            responses=2 * TRIALS,
            events=0,
            marks=0,
        )
        for number in range(sessions // 100)
    )
    StimulusHold.objects.create(stimulus=Stimulus.objects.earliest("pk"), reason="offensive", held_at=began)
    StudyText.objects.create(study=study, language="de", consent_text="Ja?", instructions="Hören Sie zu.")
    Dataset.objects.create(study=study, state=DatasetState.FAILED, error="The disk was full.", created_by=owner)


def _worked_out(study: Study, comparisons: list[Comparison], sessions: int) -> None:
    """What is kept for pages: by whoever built the design, and by a worker a moment ago."""
    counted = balance(study)
    assert counted is not None
    summary = DesignSummary(
        comparisons=len(comparisons),
        ratings=TRIALS * sessions,
        repeats=0,
        trials=TRIALS * sessions,
        blocks=sessions,
        shortest_block=TRIALS,
        longest_block=TRIALS,
        stimuli=len(comparisons) // 2,
        shortfalls=(),
        refusals=(),
    )
    study.design_summary = {**asdict(summary), "balance": counted.to_json()}
    study.save(update_fields=["design_summary"])
    now = timezone.now()
    alarm = {"since": now.isoformat(), "told": True, "sentence": "The disk has 0.4 GB free."}
    found = monitoring.figures(study, now=now)
    # Old figures would send a worker, who is no part of what is measured.
    Snapshot.objects.create(
        study=study, alarms={"disk": alarm}, figures=found.to_json(), asked_at=now, made_at=now, took_s=600
    )


def _made(rows: Iterable[Any]) -> list[Any]:
    remaining, made = iter(rows), []
    while batch := list(itertools.islice(remaining, BATCH)):
        made += type(batch[0])._default_manager.bulk_create(batch)
    return made
