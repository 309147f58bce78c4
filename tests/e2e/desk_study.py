"""One believable study, and what lies round it on a researcher's desk: for pictures of every page."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from studyapp.actions.snapshots import refresh
from studyapp.actions.studies import build_design, change_study, create_study
from studyapp.actions.study_documents import duplicate_study
from studyapp.actions.systems import ensure_system
from studyapp.models import (
    AuditLine,
    Clip,
    Delivery,
    Presentation,
    Response,
    Snapshot,
    Stimulus,
    Study,
    StudyMember,
    StudySession,
    System,
    TrialMark,
    User,
    Webhook,
)
from studyapp.simulation import simulate
from studyapp.states import SessionState, StimulusState
from tests.e2e.browser import film
from tests.studyapp.factories import make_clip, make_member, make_researcher, sha

DATASET = "mv100k-sample"
CLIPS = {
    "Reggae": ("beach-bar", "island-ferry", "sound-system"),
    "Heavy metal": ("arena-lights", "garage-take", "leather-and-chrome"),
    "Hip hop music": ("basketball-court", "night-drive", "rooftop-cypher"),
    "Rock": ("desert-road", "festival-crowd", "rehearsal-room"),
}
COLOURS = (
    "0x0b3d5c 0x2a9d8f 0xf4d58d",
    "0x3d1a4f 0xd1495b 0xf2a65a",
    "0x10302b 0x6a994e 0xe9edc9",
    "0x22223b 0x4a4e69 0xc9ada7",
)
VARIANTS = ("v2meow-clip", "v2meow-clip-i3d", "v2meow-vit")
SECONDS = {"cmt": 3.1, "v2meow-clip": 21.0, "v2meow-clip-i3d": 24.5, "v2meow-vit": 19.2}
LIKED = {"v2meow-clip-tiny": 0.5, "v2meow-clip-i3d-tiny": 0.9, "v2meow-vit-tiny": 0.1}
COPY = "v2meow-cmt-autumn"
RATERS = 28
QUIET_H = 7
"""Since the last of them came: long enough for an alarm."""
LONG_S = 10.0
SEED = 7


def people() -> tuple[User, User, User]:
    """Owner (an administrator), editor, viewer."""
    rows = (("ada", "Ada", "Okafor", True), ("jonas", "Jonas", "Berg", False), ("mei", "Mei", "Tanaka", False))
    ada, jonas, mei = (
        make_researcher(
            username=name, first_name=first, last_name=last, email=f"{name}@example.org", is_superuser=powerful
        )
        for name, first, last, powerful in rows
    )
    return ada, jonas, mei


def clips() -> list[Clip]:
    """Twelve, of four of the paper's genres, with pictures to look at; and two that something is wrong with."""
    made = [
        _clip(name, COLOURS[index], genre=genre, licence="CC BY 4.0", tags=["music-scene"][: index % 2])
        for index, (genre, names) in enumerate(CLIPS.items())
        for name in names
    ]
    _clip("untitled-07", COLOURS[0], genre="unlabelled", licence="")
    _clip("untitled-08", COLOURS[1], genre="Rock", licence="", duration_s=3.2)
    return made


def systems(by: User) -> list[System]:
    """CMT, and three variants that see the video, as their tiny stand-ins."""
    return [ensure_system(key=key, preset="tiny", by=by) for key in ("cmt", *VARIANTS)]


def draft(by: User, of: Sequence[Clip], compared: Sequence[System]) -> Study:
    cmt, *variants = compared
    truth, foil = (ensure_system(key=key, by=by) for key in ("ground-truth", "foil-other-clip"))
    return create_study(
        title="V2Meow variants against CMT, spring wave",
        slug="v2meow-cmt",
        clips=of,
        pairs=[(variant, cmt) for variant in variants],
        by=by,
        clips_per_cell=3,
        ratings_per_comparison=8,
        trials_per_block=8,
        gold_truth=truth,
        gold_foil=foil,
        gold_per_block=2,
        min_gold_right=0.5,
        pilot_raters=3,
        checks_sound=False,
        checks_understanding=False,
        break_after=None,
        hypotheses="Each V2Meow variant is preferred to CMT, for fit with the video and for the music itself.",
        primary_pairs=[[variants[0].slug, cmt.slug]],
        stop_least_raters=12,
        stop_most_raters=60,
        responsible="Dr Ada Okafor, University of Somewhere",
        contact="ada@example.org",
        ethics_number="Faculty of Arts 2026-117",
        data_kept="Answers and times of playing.",
        kept_for="ten years after publication",
        pay="3.00",
        completion_code="DUET-7Q4M",
    )


def designed(study: Study, by: User) -> Study:
    build_design(study=study, by=by)
    study.refresh_from_db()
    return study


def half_rendered() -> None:
    """Some ready, one under way, two failed for one reason; the rest waits."""
    rows = list(Stimulus.objects.filter(state=StimulusState.REQUESTED).order_by("clip", "system"))
    for row in rows[: len(rows) // 2]:
        _make_ready(row)
    busy, *failed = rows[len(rows) // 2 : len(rows) // 2 + 3]
    now = timezone.now()
    _set(
        busy,
        state=StimulusState.RENDERING,
        worker="studio",
        doing="writing semantic tokens",
        progress=0.4,
        last_sign_of_life=now,
    )
    for row in failed:
        error = f"{row.clip}: the disk is full: 0 bytes are left in the media folder; make room and try again"
        _set(row, state=StimulusState.FAILED, error=error, last_sign_of_life=now)


def rendered() -> None:
    """Everything that was asked for, with sound."""
    for row in Stimulus.objects.exclude(state=StimulusState.READY):
        _make_ready(row)


def answered(study: Study, raters: int = RATERS) -> None:
    """Raters who answered over two days; made by the simulation, and shown here as people would be."""
    simulate(study, raters=raters, effects=LIKED, seed=SEED)
    new = list(study.sessions.filter(simulated=True).order_by("pk"))
    for index, session in enumerate(new):
        back = timedelta(hours=QUIET_H + 1.6 * (len(new) - index))
        began = F("consented_at") - back
        StudySession.objects.filter(pk=session.pk).update(
            simulated=False,
            consented_at=began,
            started_at=F("started_at") - back,
            last_seen_at=F("last_seen_at") - back + timedelta(minutes=9 + index % 5),
            completed_at=F("completed_at") - back + timedelta(minutes=9 + index % 5),
        )
        for number, trial in enumerate(session.block.trials.order_by("position"), start=1):
            later = timedelta(seconds=67 * number) - back
            Presentation.objects.filter(trial=trial).update(shown_at=F("shown_at") + later)
            Response.objects.filter(trial=trial).update(
                answered_at=F("answered_at") + later + timedelta(seconds=40)
            )
    for state, session in zip((SessionState.WITHDRAWN, SessionState.EXPIRED), new[3:5], strict=False):
        StudySession.objects.filter(pk=session.pk).update(state=state, completed_at=None)
    _know_gold(new)
    first = new[0].block.trials.order_by("position").first()
    assert first is not None
    TrialMark.objects.create(
        session=new[0], trial=first, kind="comment", text="The drums fit the cuts.", marked_at=timezone.now()
    )


def _know_gold(sessions: Sequence[StudySession]) -> None:
    """All but some see which of a gold pair is the better one."""
    for index, session in enumerate(sessions):
        for trial in session.block.trials.filter(kind="gold").select_related("comparison__stimulus_1"):
            is_first = trial.comparison.expected_id == trial.comparison.stimulus_1.system_id
            is_left = trial.left_is_1 == is_first
            right, wrong = (1, 4) if is_left else (5, 2)
            missed = index == 4 or (index % 9 == 5 and trial.position > 5)
            Response.objects.filter(trial=trial).update(choice=wrong if missed else right)


def opened_days_ago(study: Study) -> None:
    """Before the first of its raters came."""
    back = timedelta(days=3)
    Study.objects.filter(pk=study.pk).update(opened_at=timezone.now() - back)
    AuditLine.objects.filter(study=study).update(at=F("at") - back)
    study.refresh_from_db()


def watched(study: Study) -> None:
    """Figures and alarms as a worker leaves them."""
    Snapshot.objects.get_or_create(study=study)
    Snapshot.objects.filter(study=study).update(asked_at=timezone.now(), made_at=None)
    refresh(study_id=study.pk)


def members(study: Study, editor: User, viewer: User) -> None:
    make_member(study, editor, role=StudyMember.Role.EDITOR, sees_names=False, wants_mail=True)
    make_member(study, viewer, role=StudyMember.Role.VIEWER)


def told(study: Study, by: User) -> None:
    """An address that hears of what follows."""
    hook = Webhook.objects.create(
        study=study, url="https://hooks.example.org/duet/v2meow-cmt", secret="whsec_of_a_picture", created_by=by
    )
    AuditLine.write("webhook added", by=by, study=study, url=hook.url)


def arrived(study: Study) -> None:
    """What became of its messages: all were taken but the last, which is tried again."""
    now = timezone.now()
    mine = Delivery.objects.filter(webhook__study=study)
    mine.update(state=Delivery.State.SENT, attempts=1, status=200, sent_at=now)
    Delivery.objects.filter(pk=mine.latest("pk").pk).update(
        state=Delivery.State.WAITING,
        attempts=2,
        status=503,
        sent_at=None,
        error="The receiver answered 503.",
        next_at=now + timedelta(minutes=20),
    )


def copied(study: Study, by: User) -> Study:
    """Another draft of the same, with more ratings of fewer clips."""
    title = "V2Meow variants against CMT, autumn wave"
    copy = duplicate_study(study=study, title=title, slug=COPY, by=by).study
    return change_study(study=copy, by=by, ratings_per_comparison=9, clips_per_cell=2, margin=0.15)


def _clip(name: str, colours: str, **fields: object) -> Clip:
    content = film(colours, 220, LONG_S)
    path = Path(settings.MEDIA_ROOT) / f"clips/{name}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content + name.encode())
    values = {
        "dataset": DATASET,
        "clip_id": name,
        "source_name": f"{name}.mp4",
        "source_url": f"https://example.org/videos/{name}",
        "caption": f"{name.replace('-', ' ')}, steady beat",
        "duration_s": LONG_S,
        "master_file": f"clips/{name}.mp4",
        "master_sha256": sha(path.read_bytes()),
        "master_bytes": len(content),
        "audio_file": f"clips/{name}.mp4",
        **fields,
    }
    return make_clip(**values)  # type: ignore[arg-type]


def _make_ready(row: Stimulus) -> None:
    draw = random.Random(row.key)
    index = list(CLIPS).index(row.clip.genre)
    tone_hz = 220 + 55 * (row.system_id % 4)
    # What comes after the last box of an MP4 is no matter to a player; one clip's files have one size.
    content = film(COLOURS[index], tone_hz, LONG_S).ljust(400_000, bytes(1)) + bytes.fromhex(row.key)
    path = Path(settings.MEDIA_ROOT) / f"stimuli/{row.key[:16]}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    now = timezone.now()
    _set(
        row,
        state=StimulusState.READY,
        progress=1.0,
        error="",
        doing="",
        ready_at=now,
        worker="studio",
        last_sign_of_life=now,
        file=f"stimuli/{path.name}",
        file_sha256=sha(content),
        file_bytes=len(content),
        duration_s=row.clip.duration_s,
        lufs=-23.0 + draw.uniform(-0.05, 0.05),
        true_peak_dbtp=-6.0,
        gain_db=draw.uniform(-2, 3),
        took_s=SECONDS.get(row.system.key, 0.6) * draw.uniform(0.9, 1.2),
        peaks=[round(_loud(place, draw) * (0.8 + 0.2 * draw.random()), 3) for place in range(96)],
    )


def _loud(place: int, draw: random.Random) -> float:
    """A phrase that swells and falls, with a beat: 0 to 1."""
    return (0.35 + 0.4 * abs(math.sin(place / 15 + draw.random() / 3))) * (1.0 if place % 6 < 2 else 0.7)


def _set(row: Stimulus, **fields: object) -> None:
    Stimulus.objects.filter(pk=row.pk).update(**fields)
