"""Each rule that the database holds is violated once, and holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import UniqueConstraint
from django.utils import timezone

from studyapp.models import (
    Amendment,
    ApiToken,
    Block,
    Break,
    Comparison,
    Dataset,
    Delivery,
    Erasure,
    Invitation,
    Participant,
    PlayEvent,
    Presentation,
    Rater,
    Response,
    SessionFlag,
    StepTry,
    StimulusHold,
    StudyMember,
    StudySession,
    StudyText,
    SystemPair,
    Trial,
    TrialMark,
    VoidedTrial,
    Webhook,
)
from studyapp.states import DatasetState, SessionState, StimulusState, StudyState
from tests.studyapp.factories import (
    make_clip,
    make_researcher,
    make_stimulus,
    make_study,
    make_system,
    open_study,
    sha,
)

pytestmark = pytest.mark.django_db


class Scene:
    """An open study with a rater in the middle of it."""

    def __init__(self) -> None:
        now = timezone.now()
        self.study = open_study(clips=2, blocks=2)
        self.trial = Trial.objects.filter(block__study=self.study).order_by("block__number", "position").first()
        assert self.trial is not None
        self.comparison = self.trial.comparison
        self.times = {"consented_at": now, "last_seen_at": now, "expires_at": now + timedelta(hours=1)}
        self.session = StudySession.objects.create(
            study=self.study,
            rater=Rater.objects.create(),
            block=self.trial.block,
            consent_version="1",
            **self.times,
        )
        self.presentation = Presentation.objects.create(trial=self.trial, session=self.session, shown_at=now)
        self.event = PlayEvent.objects.create(presentation=self.presentation, **self.event_values(number=1))
        self.response = Response.objects.create(**self.response_values())

    def event_values(self, **fields: Any) -> dict[str, Any]:
        values = {"side": "left", "kind": "play", "media_time_s": 0, "clock_s": 0, "received_at": timezone.now()}
        return {**values, **fields}

    def response_values(self, **fields: Any) -> dict[str, Any]:
        return {
            "session": self.session,
            "trial": self.trial,
            "question": "visual_relevance",
            "choice": 3,
            "coverage_left": 1,
            "coverage_right": 1,
            "response_time_ms": 1,
            "answered_at": timezone.now(),
            **fields,
        }


def change(row: Any, **fields: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(**fields)


def pair(scene: Scene) -> SystemPair:
    return scene.study.pairs.get()


def ready(scene: Scene, **fields: Any) -> None:
    change(scene.comparison.stimulus_1, **fields)


def another_session(scene: Scene, **fields: Any) -> None:
    free = scene.study.blocks.exclude(pk=scene.trial.block_id).get()
    values = {"rater": Rater.objects.create(), "block": free, **fields}
    StudySession.objects.create(study=scene.study, consent_version="1", **scene.times, **values)


def another_trial(scene: Scene, **fields: Any) -> None:
    """A third place in the first block, comparing something new there."""
    first, second = scene.comparison.stimulus_1.system, scene.comparison.stimulus_2.system
    clip = make_clip()
    fresh = Comparison.objects.create(
        study=scene.study, clip=clip, stimulus_1=make_stimulus(clip, first), stimulus_2=make_stimulus(clip, second)
    )
    values = {"comparison": fresh, "left_is_1": True, "played_first": "left", "position": 3, **fields}
    Trial.objects.create(block=scene.trial.block, **values)


def mark(scene: Scene, **fields: Any) -> None:
    values = {"kind": "wrong", "side": "left", "marked_at": timezone.now(), **fields}
    TrialMark.objects.create(session=scene.session, trial=scene.trial, **values)


def hold(scene: Scene, **fields: Any) -> None:
    values = {"reason": "offensive", "held_at": timezone.now(), **fields}
    StimulusHold.objects.create(session=scene.session, stimulus=scene.comparison.stimulus_1, **values)


def void(scene: Scene, **fields: Any) -> None:
    values = {"reason": "missing", "side": "left", "voided_at": timezone.now(), **fields}
    VoidedTrial.objects.create(trial=scene.trial, **values)


def amendment(scene: Scene, **fields: Any) -> None:
    values = {
        "number": 1,
        "at": timezone.now(),
        "what": "margin",
        "reason": "typo",
        "sha256": sha("one"),
        **fields,
    }
    Amendment.objects.create(study=scene.study, **values)


def webhook(scene: Scene) -> Webhook:
    return Webhook.objects.create(study=scene.study, url="https://example.org/hook", secret="s")


def flag(scene: Scene, **fields: Any) -> None:
    now = timezone.now()
    values = {"rule": "forged", "first_at": now, "last_at": now, **fields}
    SessionFlag.objects.create(session=scene.session, trial=scene.trial, **values)


def step_try(scene: Scene, **fields: Any) -> None:
    values = {"step": "device", "number": 1, "shown_at": timezone.now(), **fields}
    StepTry.objects.create(session=scene.session, **values)


def offered(scene: Scene) -> None:
    Break.objects.create(session=scene.session, after=2, offered_at=timezone.now())


def invitation(scene: Scene, **fields: Any) -> None:
    Invitation.objects.create(study=scene.study, **{"digest": "d", **fields})


def participant(scene: Scene, **fields: Any) -> None:
    values = {"rater": scene.session.rater, "digest": "d", "arrived_at": timezone.now(), **fields}
    Participant.objects.create(study=scene.study, panel="prolific", **values)


def erasure(scene: Scene, **fields: Any) -> None:
    counts = {"trials": 0, "responses": 0, "events": 0, "marks": 0}
    values = {"state": "completed", "consented_on": timezone.now().date(), "erased_at": timezone.now(), **counts}
    Erasure.objects.create(study=scene.study, receipt_sha256="r", **{**values, **fields})


def text(scene: Scene, **fields: Any) -> None:
    StudyText.objects.create(study=scene.study, **{"language": "de", **fields})


VIOLATIONS: dict[str, Callable[[Scene], Any]] = {
    "clip_named_once_per_dataset": lambda s: make_clip(clip_id=s.comparison.clip.clip_id),
    "clip_has_length": lambda s: make_clip(duration_s=0),
    "clip_audio_file_and_digest_together": lambda s: make_clip(with_audio=False, audio_file="a.wav"),
    "study_state_known": lambda s: change(s.study, state="lost"),
    "study_opened_with_a_frozen_plan": lambda s: change(s.study, plan_sha256=""),
    "study_closed_at_when_closed": lambda s: change(s.study, state=StudyState.CLOSED),
    "study_counts_at_least_one": lambda s: make_study(clips_per_cell=0),
    "pair_in_canonical_order": lambda s: SystemPair.objects.create(
        study=s.study, system_1=pair(s).system_2, system_2=pair(s).system_1
    ),
    "pair_once_per_study": lambda s: SystemPair.objects.create(
        study=s.study, system_1=pair(s).system_1, system_2=pair(s).system_2
    ),
    "stimulus_state_known": lambda s: ready(s, state="lost"),
    "stimulus_ready_is_measured": lambda s: ready(s, lufs=None),
    "stimulus_failed_says_why": lambda s: ready(s, state=StimulusState.FAILED),
    "comparison_of_two_different_stimuli": lambda s: Comparison.objects.create(
        study=s.study,
        clip=s.comparison.clip,
        stimulus_1=s.comparison.stimulus_1,
        stimulus_2=s.comparison.stimulus_1,
    ),
    "comparison_once_per_study": lambda s: Comparison.objects.create(
        study=s.study,
        clip=s.comparison.clip,
        stimulus_1=s.comparison.stimulus_1,
        stimulus_2=s.comparison.stimulus_2,
    ),
    "comparison_gold_names_the_better": lambda s: change(s.comparison, kind="gold"),
    "comparison_kind_known": lambda s: change(s.comparison, kind="lost"),
    "study_gold_pairs_of_two_systems": lambda s: change(s.study, gold_per_block=1),
    "block_number_once_per_study": lambda s: Block.objects.create(study=s.study, number=1),
    "block_state_known": lambda s: change(s.trial.block, state="lost"),
    "trial_position_once_per_block": lambda s: another_trial(s, position=1),
    "trial_comparison_once_per_block": lambda s: another_trial(s, comparison=s.comparison),
    "trial_kind_known": lambda s: another_trial(s, kind="lost"),
    "trial_first_side_known": lambda s: another_trial(s, played_first="both"),
    "trial_repeat_names_its_original": lambda s: another_trial(s, kind="repeat"),
    "session_once_per_rater_and_study": lambda s: another_session(s, rater=s.session.rater),
    "studysession.block_id": lambda s: another_session(s, block=s.trial.block),
    "session_state_known": lambda s: change(s.session, state="lost"),
    "session_completed_at_when_completed": lambda s: change(s.session, state=SessionState.COMPLETED),
    "presentation.trial_id": lambda s: Presentation.objects.create(
        trial=s.trial, session=s.session, shown_at=timezone.now()
    ),
    "play_event_stored_once": lambda s: PlayEvent.objects.create(
        presentation=s.presentation, **s.event_values(number=1)
    ),
    "play_event_media_time_not_negative": lambda s: PlayEvent.objects.create(
        presentation=s.presentation, **s.event_values(number=2, media_time_s=-1)
    ),
    "play_event_value_of_volume_only": lambda s: PlayEvent.objects.create(
        presentation=s.presentation, **s.event_values(number=2, value=0.5)
    ),
    "session_first_question_known": lambda s: change(s.session, first_question="lost"),
    "mark_once_per_trial_kind_and_side": lambda s: [mark(s), mark(s)],
    "mark_names_a_side_where_it_has_one": lambda s: mark(s, side=""),
    "mark_has_words_when_it_is_a_comment": lambda s: mark(s, text="why"),
    "hold_open_once_per_stimulus": lambda s: [hold(s), hold(s)],
    "hold_reason_known": lambda s: hold(s, reason="lost"),
    "hold_lifted_by_somebody": lambda s: hold(s, lifted_at=timezone.now()),
    "voidedtrial.trial_id": lambda s: [void(s), void(s)],
    "void_reason_known": lambda s: void(s, reason="lost"),
    "void_by_a_rater_names_a_side": lambda s: void(s, side=""),
    "flag_once_per_session_trial_and_rule": lambda s: [flag(s), flag(s)],
    "flag_rule_known": lambda s: flag(s, rule="lost"),
    "flag_happened": lambda s: flag(s, times=0),
    "response_once_per_trial_and_question": lambda s: Response.objects.create(**s.response_values()),
    "response_on_the_scale": lambda s: change(s.response, choice=6),
    "response_coverage_is_a_share": lambda s: change(s.response, coverage_left=1.5),
    "step_try_once": lambda s: [step_try(s), step_try(s)],
    "step_known": lambda s: step_try(s, step="lost"),
    "step_try_judged_when_ended": lambda s: step_try(s, passed=True),
    "step_try_points_within": lambda s: step_try(s, points=7, of=6),
    "break_offered_once": lambda s: [offered(s), offered(s)],
    "invitation.digest": lambda s: [invitation(s), invitation(s)],
    "invitation.rater_id": lambda s: [
        invitation(s, digest=digest, rater=s.session.rater, used_at=timezone.now()) for digest in "ab"
    ],
    "invitation_of_a_rater_is_used": lambda s: invitation(s, rater=s.session.rater),
    "participant_once_per_study": lambda s: [participant(s), participant(s, rater=Rater.objects.create())],
    "participant.rater_id": lambda s: [participant(s), participant(s, digest="other")],
    "participant_purged_of_ids": lambda s: participant(s, panel_id="5f", purged_at=timezone.now()),
    "study_text_once_per_language": lambda s: [text(s), text(s)],
    "study_text_language_known": lambda s: text(s, language="xx"),
    "dataset_state_known": lambda s: Dataset.objects.create(study=s.study, state="lost"),
    "dataset_superseded_by_erasures": lambda s: Dataset.objects.create(study=s.study, erasures=1),
    "erasure.receipt_sha256": lambda s: [erasure(s), erasure(s)],
    "erasure_state_known": lambda s: erasure(s, state="lost"),
    "studysession.receipt_sha256": lambda s: [
        change(s.session, receipt_sha256="r"),
        another_session(s, receipt_sha256="r"),
    ],
    "dataset_ready_is_frozen": lambda s: Dataset.objects.create(study=s.study, state=DatasetState.READY),
    "study_archived_at_when_archived": lambda scene: change(scene.study, archived_at=timezone.now()),
    "block_origin_fits_its_wave": lambda scene: change(scene.trial.block, origin="packed"),
    "amendment_number_once_per_study": lambda scene: [amendment(scene) for _ in range(2)],
    "amendment_says_why": lambda scene: amendment(scene, reason=""),
    "member_once_per_study": lambda scene: [
        StudyMember.objects.create(study=scene.study, user=user) for user in [make_researcher()] * 2
    ],
    "member_role_known": lambda scene: StudyMember.objects.create(
        study=scene.study, user=make_researcher(), role="guest"
    ),
    "api_token_scope_known": lambda scene: ApiToken.objects.create(
        user=make_researcher(), name="notebook", digest=sha("one"), scope="all"
    ),
    "webhook_url_once_per_study": lambda scene: [webhook(scene) for _ in range(2)],
    "delivery_state_known": lambda scene: Delivery.objects.create(
        webhook=webhook(scene), event="study.opened", body="{}", next_at=timezone.now(), state="lost"
    ),
}


MODELS = tuple(apps.get_app_config("studyapp").get_models())
CONSTRAINTS = {constraint.name: constraint for model in MODELS for constraint in model._meta.constraints}


@pytest.mark.parametrize("rule", VIOLATIONS)
def test_a_violating_row_is_refused_by_the_database(rule: str) -> None:
    scene = Scene()
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        VIOLATIONS[rule](scene)
    assert any(name in str(refused.value) for name in names_of(rule))


def names_of(rule: str) -> list[str]:
    """What a database may call the rule: SQLite names a unique index by its columns."""
    constraint = CONSTRAINTS.get(rule)
    if not isinstance(constraint, UniqueConstraint):
        return [rule, rule.replace(".", "_")]
    model = next(model for model in MODELS if constraint in model._meta.constraints)
    columns = [model._meta.get_field(field).column for field in constraint.fields]
    return [rule, ", ".join(f"{model._meta.db_table}.{column}" for column in columns)]


def test_every_named_constraint_is_violated_here() -> None:
    assert set(CONSTRAINTS) <= set(VIOLATIONS)


def test_a_stimulus_key_is_one_render() -> None:
    clip, system = make_clip(), make_system()
    make_stimulus(clip, system, key=sha("one"))
    with pytest.raises(IntegrityError), transaction.atomic():
        make_stimulus(clip, system, key=sha("one"))


def test_a_repeat_of_a_comparison_may_share_the_block_of_its_original() -> None:
    scene = Scene()
    another_trial(scene, comparison=scene.comparison, kind="repeat", repeat_of=scene.trial)
    assert scene.trial.block.trials.count() == 3
