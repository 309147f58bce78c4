"""A study's life: drafted, designed, opened once everything holds, paused, closed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from analysis import design
from studyapp import overview
from studyapp.actions import studies
from studyapp.actions.file_checks import check_files, go_on_checking
from studyapp.actions.retrying import retry_cause, retry_system
from studyapp.actions.stimuli import retry_failed, study_stimuli
from studyapp.errors import DuetError, NotReady, WrongState
from studyapp.models import AuditLine, Stimulus, Study, Trial
from studyapp.plan import sampling
from studyapp.states import StimulusState, StudyState
from tests.studyapp.factories import make_clip, make_researcher, make_system, open_study, sha

pytestmark = pytest.mark.django_db


def make_draft(*, clips: int = 6, with_audio: int | None = None, **numbers: object) -> Study:
    """Ground truth against random shuffle on clips of two genres."""
    with_audio = clips if with_audio is None else with_audio
    values = {"clips_per_cell": 3, "ratings_per_comparison": 2, "trials_per_block": 4, **numbers}
    slug = f"study-{Study.objects.count()}-{threading.get_ident()}"
    return studies.create_study(
        title="Loop",
        slug=slug,
        clips=[make_clip(genre=("Rock", "Jazz")[n % 2], with_audio=n < with_audio) for n in range(clips)],
        pairs=[(make_system("ground-truth"), make_system("random-shuffle"))],
        by=None,
        **values,
    )


def render_everything(study: Study, **fields: object) -> None:
    """Every requested stimulus becomes ready, measured alike, with a file."""
    media = Path(settings.MEDIA_ROOT)
    media.mkdir(parents=True, exist_ok=True)
    for stimulus in Stimulus.objects.filter(state=StimulusState.REQUESTED):
        content = stimulus.key.encode().ljust(5000)
        values = {
            "state": StimulusState.READY,
            "ready_at": timezone.now(),
            "file": f"{stimulus.key}.mp4",
            "file_sha256": sha(content),
            "file_bytes": 5000,
            "duration_s": 10.0,
            "lufs": -23.0,
            "true_peak_dbtp": -3.0,
            "gain_db": 0.0,
            **fields,
        }
        Stimulus.objects.filter(pk=stimulus.pk).update(**values)
        (media / f"{stimulus.key}.mp4").write_bytes(content)


def opened(**numbers: object) -> Study:
    study = make_draft(**numbers)
    studies.build_design(study=study, by=None)
    render_everything(study)
    return studies.open_study(study=study, by=None)


def test_a_study_is_made_with_pairs_in_canonical_order_and_an_audit_line() -> None:
    first, second = make_system(), make_system()
    researcher = make_researcher()
    study = studies.create_study(
        title="Loop", slug="loop", clips=[make_clip()], pairs=[(second, first), (first, second)], by=researcher
    )
    pair = study.pairs.get()
    assert (pair.system_1, pair.system_2) == (first, second)
    assert study.created_by == researcher
    assert AuditLine.objects.get(verb="study made").study == study


def test_impossible_studies_are_refused_by_name() -> None:
    system = make_system()
    with pytest.raises(DuetError, match="clips_per_cell"):
        studies.create_study(title="x", slug="x", clips=[], pairs=[], by=None, clips_per_cell=0)
    with pytest.raises(DuetError, match="paired with itself"):
        studies.create_study(title="x", slug="x", clips=[], pairs=[(system, system)], by=None)
    assert not Study.objects.exists()


def test_the_design_is_balanced_and_becomes_rows() -> None:
    study = make_draft()
    forecast = studies.expected_trials(study)
    assert not study.blocks.exists()
    summary = studies.build_design(study=study, by=None)
    assert summary == forecast
    assert (summary.comparisons, summary.ratings, summary.blocks, summary.stimuli) == (6, 12, 3, 12)
    trials = Trial.objects.filter(block__study=study)
    assert trials.count() == 12
    per_comparison = Counter(trials.values_list("comparison_id", "left_is_1"))
    assert set(per_comparison.values()) == {1}
    study.refresh_from_db()
    assert studies.summary_of(study) == summary
    for comparison in study.comparisons.all():
        assert comparison.stimulus_1.system_id < comparison.stimulus_2.system_id


def test_repeats_name_their_originals_in_the_same_block() -> None:
    study = make_draft(repeats_per_block=1)
    studies.build_design(study=study, by=None)
    repeats = Trial.objects.filter(block__study=study, kind=Trial.Kind.REPEAT)
    assert repeats.count() == study.blocks.count()
    for repeat in repeats:
        original = repeat.repeat_of
        assert original is not None
        assert (original.block, original.comparison) == (repeat.block, repeat.comparison)
        assert original.left_is_1 != repeat.left_is_1
        assert original.position < repeat.position


def test_what_a_system_cannot_do_is_said_and_never_planned() -> None:
    study = make_draft(clips=6, with_audio=4)
    summary = studies.build_design(study=study, by=None)
    assert summary.comparisons == 4
    assert len(summary.refusals) == 2
    assert all("no original audio" in refusal.reason for refusal in summary.refusals)
    assert {row.clip.audio_file for row in study.comparisons.all()}.isdisjoint({""})
    assert len(summary.shortfalls) == 2


def test_building_again_replaces_the_design_and_asks_for_no_stimulus_twice() -> None:
    study = make_draft()
    studies.build_design(study=study, by=None)
    rows, stimuli = studies.design_rows(study), Stimulus.objects.count()
    studies.build_design(study=study, by=None)
    assert studies.design_rows(study) == rows
    assert Stimulus.objects.count() == stimuli
    Study.objects.filter(pk=study.pk).update(seed=2)
    studies.build_design(study=study, by=None)
    assert studies.design_rows(study) != rows
    assert study.blocks.count() == 3


def test_clips_of_one_name_cannot_share_a_study() -> None:
    study = make_draft()
    twin = make_clip(dataset="other", clip_id=study.clips.all()[0].clip_id)
    studies.set_clips(study=study, clips=[*study.clips.all(), twin], by=None)
    with pytest.raises(DuetError, match=f"called '{twin.clip_id}'"):
        studies.build_design(study=study, by=None)


def test_a_design_of_what_was_changed_meanwhile_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_draft()

    def plan_while_another_changes_the_seed(*args: Any, **numbers: Any) -> design.Design:
        Study.objects.filter(pk=study.pk).update(seed=9)
        return plan(*args, **numbers)

    plan = design.plan
    monkeypatch.setattr(design, "plan", plan_while_another_changes_the_seed)
    with pytest.raises(WrongState, match="was changed while its design was built"):
        studies.build_design(study=study, by=None)
    assert not study.blocks.exists()


@pytest.mark.parametrize(
    ("numbers", "message"),
    [({"trials_per_block": 7}, "set trials per block to 6 or less"), ({"clips": 0}, "no clip can be scored")],
)
def test_a_design_that_cannot_be_made_says_what_to_change(numbers: dict[str, int], message: str) -> None:
    study = make_draft(**numbers)
    for attempt in (lambda: studies.expected_trials(study), lambda: studies.build_design(study=study, by=None)):
        with pytest.raises(DuetError, match=message):
            attempt()
    assert not study.blocks.exists()


@pytest.mark.parametrize(
    "extras", [{}, {"repeats_per_block": 2}, {"repeats_per_block": 1, "training_per_block": 2}]
)
def test_a_design_of_too_many_trials_is_refused_at_once_with_numbers_that_do(extras: dict[str, int]) -> None:
    study = make_draft(ratings_per_comparison=100_000, **extras)
    for attempt in (lambda: studies.expected_trials(study), lambda: studies.build_design(study=study, by=None)):
        with pytest.raises(DuetError, match="has 100,000 at most; lower ratings per comparison from 100,000 to "):
            attempt()
    assert not study.blocks.exists()
    with pytest.raises(DuetError) as refused:
        studies.expected_trials(study)
    found = re.search(r"to ([\d,]+), and add waves", str(refused.value))
    assert found
    study.ratings_per_comparison = int(found[1].replace(",", ""))
    study.save()
    assert 99_000 < studies.expected_trials(study).trials <= 100_000


def test_too_many_comparisons_are_a_matter_of_clips_and_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_draft()
    monkeypatch.setattr(sampling, "MOST_TRIALS", 5)
    with pytest.raises(DuetError, match=r"6 comparisons there are too many .* lower the clips per genre and pair"):
        studies.expected_trials(study)


def test_opening_freezes_a_plan_whose_digest_is_that_of_the_design_file() -> None:
    study = opened()
    assert study.state == StudyState.OPEN
    assert study.opened_at is not None
    assert study.plan_sha256 == hashlib.sha256(studies.design_csv(study).encode()).hexdigest()
    rows = list(csv.DictReader(io.StringIO(studies.design_csv(study))))
    assert len(rows) == 12
    assert {row["clip_id"] for row in rows} == set(study.clips.values_list("clip_id", flat=True))


def changed_clips(study: Study) -> None:
    studies.set_clips(study=study, clips=[*study.clips.all(), make_clip()], by=None)


def one_stimulus_is(**fields: Any) -> Callable[[Study], None]:
    def spoil(study: Study) -> None:
        stimulus = study.comparisons.earliest("id").stimulus_1
        Stimulus.objects.filter(pk=stimulus.pk).update(**fields)
        if "file_bytes" in fields:
            stimulus.path.write_bytes(bytes(fields["file_bytes"]))

    return spoil


def one_file_is_cut_short(study: Study) -> None:
    study.comparisons.earliest("id").stimulus_1.path.write_bytes(bytes(4999))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda study: study.blocks.all().delete(), "has no design yet"),
        (changed_clips, "changed after its design was built"),
        (lambda study: Study.objects.filter(pk=study.pk).update(seed=9), "changed after its design was built"),
        (
            one_stimulus_is(state=StimulusState.FAILED, error="out of disk"),
            "not every stimulus is ready .1 failed.",
        ),
        (one_stimulus_is(lufs=-22.75), "differ by 0.25 LU"),
        (one_stimulus_is(file_bytes=5001), "files of 5000 to 5001 bytes"),
        (one_file_is_cut_short, "are lost or cut short; start generation"),
        (one_stimulus_is(duration_s=10.04), "durations of 10.000 to 10.040 s"),
    ],
)
def test_a_study_that_would_tell_versions_apart_or_is_unfinished_does_not_open(
    spoil: Callable[[Study], object], message: str
) -> None:
    study = make_draft()
    studies.build_design(study=study, by=None)
    render_everything(study)
    spoil(study)
    with pytest.raises(NotReady, match=message):
        studies.open_study(study=study, by=None)
    study.refresh_from_db()
    assert study.state == StudyState.DRAFT
    assert not AuditLine.objects.filter(verb="study open").exists()


def test_a_loudness_difference_within_the_tolerance_opens() -> None:
    study = make_draft()
    studies.build_design(study=study, by=None)
    render_everything(study)
    one_stimulus_is(lufs=-22.81)(study)
    assert studies.open_study(study=study, by=None).state == StudyState.OPEN


def test_silence_need_not_be_as_loud_as_what_it_is_compared_with() -> None:
    study = make_draft()
    studies.set_pairs(study=study, pairs=[(make_system("silence"), make_system("ground-truth"))], by=None)
    studies.build_design(study=study, by=None)
    render_everything(study)
    Stimulus.objects.filter(system__key="silence").update(lufs=-70.0)
    assert studies.open_study(study=study, by=None).state == StudyState.OPEN


def test_a_frozen_design_is_not_edited() -> None:
    study = opened()
    rows = studies.design_rows(study)
    edits: list[Callable[[], object]] = [
        lambda: studies.build_design(study=study, by=None),
        lambda: studies.set_pairs(study=study, pairs=[], by=None),
        lambda: studies.set_clips(study=study, clips=[], by=None),
    ]
    for edit in edits:
        with pytest.raises(WrongState, match="is open; only a draft's"):
            edit()
    assert studies.design_rows(study) == rows


def test_a_draft_is_changed_whole_or_not_at_all() -> None:
    researcher = make_researcher()
    study = make_draft()
    clip = make_clip()
    changed = studies.change_study(study=study, clips=[clip], by=researcher, seed=5, title="Other")
    study.refresh_from_db()
    assert (study.seed, study.title, list(study.clips.all())) == (5, "Other", [clip])
    assert changed == study
    line = AuditLine.objects.get(verb="study changed")
    assert (line.by, set(line.details["before"])) == (researcher, {"seed", "title"})
    assert line.details["after"] == {"seed": 5, "title": "Other"}
    with pytest.raises(DuetError, match="clips_per_cell"):
        studies.change_study(study=study, clips=[], by=researcher, clips_per_cell=0)
    assert list(study.clips.all()) == [clip]
    with pytest.raises(WrongState, match="is open; only a draft can be changed"):
        studies.change_study(study=opened(), by=researcher, seed=6)


def test_the_states_follow_each_other_and_leave_audit_lines() -> None:
    researcher = make_researcher()
    study = opened()
    assert studies.pause_study(study=study, by=researcher).state == StudyState.PAUSED
    with pytest.raises(WrongState, match="is paused; only a study that is open can be paused"):
        studies.pause_study(study=study, by=researcher)
    assert studies.resume_study(study=study, by=researcher).state == StudyState.OPEN
    closed = studies.close_study(study=study, by=researcher)
    assert (closed.state, closed.closed_at is not None) == (StudyState.CLOSED, True)
    for impossible in (studies.pause_study, studies.resume_study, studies.close_study, studies.open_study):
        with pytest.raises(WrongState, match="is closed"):
            impossible(study=study, by=researcher)
    verbs = list(AuditLine.objects.filter(study=study, by=researcher).values_list("verb", flat=True))
    assert verbs == ["study closed", "study open", "study paused"]


def test_a_draft_is_opened_and_not_resumed() -> None:
    study = make_draft()
    with pytest.raises(WrongState, match="open it instead"):
        studies.resume_study(study=study, by=None)
    for impossible in (studies.pause_study, studies.close_study):
        with pytest.raises(WrongState, match="is a draft"):
            impossible(study=study, by=None)


def test_generation_sends_what_still_waits() -> None:
    study = make_draft()
    with pytest.raises(NotReady, match="build the design first"):
        studies.start_generation(study=study, by=None)
    studies.build_design(study=study, by=None)
    assert studies.start_generation(study=study, by=None) == 12
    # Pressed twice, it sends nothing twice: a message too many would make lost ones wait longer.
    assert studies.start_generation(study=study, by=None) == 0
    assert set(study_stimuli(study).values_list("sends", flat=True)) == {1}
    render_everything(study)
    assert studies.start_generation(study=study, by=None) == 0


def test_soundtracks_of_a_closed_study_are_made_again_and_those_of_an_archived_one_never() -> None:
    study = make_draft()
    studies.build_design(study=study, by=None)
    render_everything(study)
    first, second = study_stimuli(study).order_by("pk")[:2]
    first.path.unlink()
    actions = (
        lambda: studies.start_generation(study=study, by=None),
        lambda: retry_failed(study=study, by=None),
        lambda: retry_system(study=study, system=second.system, by=None),
        lambda: retry_cause(study=study, cause="any", by=None),
        lambda: check_files(study=study, by=None, now=timezone.now()),
        lambda: go_on_checking(study=study, by=None, now=timezone.now()),
    )
    ended = {"opened_at": timezone.now(), "closed_at": timezone.now(), "plan_sha256": "0" * 64}
    rows = Study.objects.filter(pk=study.pk)
    rows.update(state=StudyState.ARCHIVED, archived_at=timezone.now(), **ended)
    study.refresh_from_db()
    lines = AuditLine.objects.count()
    for action in actions:
        with pytest.raises(WrongState, match="is archived; it can be read and exported"):
            action()
    assert AuditLine.objects.count() == lines
    assert not study_stimuli(study).exclude(state=StimulusState.READY).exists()
    rows.update(state=StudyState.CLOSED, archived_at=None)
    study.refresh_from_db()
    Stimulus.objects.filter(pk=second.pk).update(state=StimulusState.FAILED, error="lost")
    assert retry_failed(study=study, by=None) == 1
    assert studies.start_generation(study=study, by=None) == 1


def test_a_stimulus_whose_file_is_lost_keeps_the_study_shut_and_is_asked_for_again() -> None:
    study = make_draft()
    studies.build_design(study=study, by=None)
    render_everything(study)
    lost = study.comparisons.earliest("id").stimulus_1
    digest = lost.file_sha256
    lost.path.unlink()
    work = overview.generation(study, now=timezone.now())
    assert (work.unsent, work.ready, work.complete) == (1, 11, False)
    with pytest.raises(NotReady, match=f"the files of {lost} are lost or cut short; start"):
        studies.open_study(study=study, by=None)
    assert studies.start_generation(study=study, by=None) == 1
    lost.refresh_from_db()
    assert (lost.state, lost.file_sha256) == (StimulusState.REQUESTED, digest)
    work = overview.generation(study, now=timezone.now())
    assert (work.unsent, work.ready, work.under_way) == (0, 11, True)


def at_the_same_moment(*actions: Callable[[], object]) -> list[BaseException | None]:
    """Run each action on a thread and database connection of its own; what each raised, or None."""
    start = threading.Barrier(len(actions))
    outcomes: list[BaseException | None] = [None] * len(actions)

    def run(number: int, action: Callable[[], object]) -> None:
        try:
            start.wait()
            action()
        except DuetError as error:
            outcomes[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number, action)) for number, action in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("action", [studies.open_study, studies.close_study])
def test_of_two_who_act_at_once_one_is_told_so(action: Callable[..., Study]) -> None:
    if action is studies.open_study:
        study = make_draft()
        studies.build_design(study=study, by=None)
        render_everything(study)
    else:
        study = open_study()
    outcomes = at_the_same_moment(*[lambda: action(study=Study.objects.get(pk=study.pk), by=None)] * 2)
    assert sorted(map(type, outcomes), key=str) == sorted([type(None), WrongState], key=str)
    verb = f"study {Study.objects.get(pk=study.pk).state}"
    assert AuditLine.objects.filter(study=study, verb=verb).count() == 1


@pytest.mark.django_db(transaction=True)
def test_building_while_another_opens_never_changes_an_open_design() -> None:
    study = make_draft()
    studies.build_design(study=study, by=None)
    render_everything(study)
    at_the_same_moment(
        lambda: studies.open_study(study=Study.objects.get(pk=study.pk), by=None),
        lambda: studies.build_design(study=Study.objects.get(pk=study.pk), by=None),
    )
    study.refresh_from_db()
    assert study.state == StudyState.OPEN
    assert study.plan_sha256 == hashlib.sha256(studies.design_csv(study).encode()).hexdigest()


def test_the_design_is_exported_before_the_study_opens(tmp_path: Path) -> None:
    study = make_draft()
    with pytest.raises(CommandError, match="has no design yet"):
        call_command("export_study", study.slug, "--design", "-o", str(tmp_path / "plan.csv"))
    studies.build_design(study=study, by=None)
    for name in ("plan.csv", "plan.json"):
        call_command("export_study", study.slug, "--design", "-o", str(tmp_path / name))
    render_everything(study)
    plan_sha256 = studies.open_study(study=study, by=None).plan_sha256
    assert sha((tmp_path / "plan.csv").read_bytes()) == plan_sha256
    assert json.loads((tmp_path / "plan.json").read_text()) == studies.design_rows(study)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["nowhere", "--design", "-o", "x.csv"], "there is no study 'nowhere'; there are: loop"),
        (["loop", "--design", "-o", "x.pdf"], "as .csv or .json, not '.pdf'"),
        (["loop", "--ratings", "-o", "x.json"], "as .csv or .parquet, not '.json'"),
        (["loop", "--ratings", "-o", "x.csv"], "has no responses yet"),
    ],
)
def test_an_export_that_cannot_be_written_says_why(asked: list[str], message: str) -> None:
    studies.create_study(title="Loop", slug="loop", clips=[], pairs=[], by=None)
    with pytest.raises(CommandError, match=message):
        call_command("export_study", *asked)


def test_the_audit_log_says_that_a_code_was_changed_and_not_to_what() -> None:
    study = make_draft()
    studies.change_study(study=study, by=None, completion_code="C0FFEE", margin=0.2)
    details = AuditLine.objects.get(verb="study changed").details
    assert details["after"] == {"completion_code": "(kept from this log)", "margin": 0.2}
    assert not {"C0FFEE", "DONE-42"} & set(re.findall(r"[\w-]+", str(details)))
