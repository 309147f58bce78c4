"""Further waves: more ratings, levelled over everything planned so far, told as an amendment."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.utils import timezone

from studyapp.actions import sessions, waves
from studyapp.actions.designs import build_design
from studyapp.actions.waves import Wave, extend, next_wave, raters_for, top_up
from studyapp.errors import DuetError, StudyFull, WrongState
from studyapp.models import Amendment, AuditLine, Block, Comparison, Study, SystemPair, Trial
from studyapp.states import StudyState
from tests.studyapp.factories import make_clip, make_researcher, make_study, make_system, sha

pytestmark = pytest.mark.django_db


class Undone(Exception):
    """Rolls a transaction back."""


def designed_study(**fields: object) -> Study:
    """Two pairs of three systems on six clips of two genres, designed and opened."""
    numbers = {"clips_per_cell": 3, "ratings_per_comparison": 3, "trials_per_block": 6, **fields}
    truth, foil = make_system(slug=None), make_system("foil-shifted")
    if numbers.get("gold_per_block"):
        numbers |= {"gold_truth": truth, "gold_foil": foil}
    study = make_study(**numbers)
    study.clips.set([make_clip(genre=genre) for genre in ("Rock", "Reggae") for _ in range(3)])
    third = make_system("silence")
    for other in (foil, third):
        SystemPair.objects.create(study=study, system_1=truth, system_2=other)
    build_design(study=study, by=None)
    Study.objects.filter(pk=study.pk).update(
        state=StudyState.OPEN, opened_at=timezone.now(), plan_sha256=sha("plan"), frozen={"all": sha("all")}
    )
    study.refresh_from_db()
    return study


def sides(study: Study, **of: object) -> Counter[tuple[bool, str]]:
    trials = Trial.objects.filter(block__study=study, kind=Trial.Kind.TEST, **of)
    return Counter(trials.values_list("left_is_1", "played_first"))


def test_every_comparison_gets_so_many_ratings_more() -> None:
    study = designed_study()
    wave = top_up(study=study, by=None, reason="too few", ratings=2)
    assert (wave.number, wave.ratings, wave.comparisons, wave.trials) == (1, 2, 12, 24)
    for comparison in study.comparisons.filter(kind=Comparison.Kind.TEST):
        assert comparison.trials.count() == 5
    added = study.blocks.filter(origin=Block.Origin.EXTENDED)
    assert [block.number for block in added] == list(range(wave.first, wave.last + 1))
    assert {block.wave for block in added} == {1}
    for block in added:
        shown = list(block.trials.values_list("comparison_id", flat=True))
        assert len(shown) == len(set(shown)) == 6


@pytest.mark.parametrize("ratings", [1, 2, 3, 5])
def test_sides_and_first_players_are_level_over_both_waves(ratings: int) -> None:
    study = designed_study()
    top_up(study=study, by=None, reason="too few", ratings=ratings)
    for comparison in study.comparisons.filter(kind=Comparison.Kind.TEST):
        counts = sides(study, comparison=comparison)
        lefts = sum(count for (left, _), count in counts.items() if left)
        firsts = sum(count for (_, first), count in counts.items() if first == "left")
        assert abs(2 * lefts - counts.total()) <= 1
        assert abs(2 * firsts - counts.total()) <= 1
    whole = sides(study)
    assert max(whole.values()) - min(whole.values()) <= 4


def test_chosen_pairs_alone_are_topped_up() -> None:
    study = designed_study()
    first, second = study.pairs.all()
    # Named in the other order: a pair has none.
    chosen = (first.system_2.slug, first.system_1.slug)
    wave = top_up(study=study, by=None, reason="one is close", ratings=2, pairs=[chosen])
    added = Trial.objects.filter(block__origin=Block.Origin.EXTENDED, kind=Trial.Kind.TEST)
    assert {trial.comparison.stimulus_2.system for trial in added} == {first.system_2}
    assert added.count() == wave.trials == 12
    assert second.system_2 != first.system_2


def test_a_wave_has_checks_practice_and_repeats_as_the_design_has() -> None:
    study = designed_study(gold_per_block=1, repeats_per_block=1, training_per_block=1, trials_per_block=6)
    top_up(study=study, by=None, reason="too few", ratings=2)
    for block in study.blocks.filter(origin=Block.Origin.EXTENDED):
        shown = list(block.trials.order_by("position"))
        assert [trial.position for trial in shown] == list(range(1, 10))
        assert Counter(trial.kind for trial in shown) == {"test": 6, "gold": 1, "repeat": 1, "training": 1}
        assert shown[0].kind == "training"
        (repeat,) = (trial for trial in shown if trial.kind == "repeat")
        original = repeat.repeat_of
        assert original is not None
        assert original.block == block
        assert (original.comparison_id, original.position < repeat.position) == (repeat.comparison_id, True)
        assert repeat.left_is_1 != original.left_is_1
        assert repeat.played_first == original.played_first


def test_the_same_study_gets_the_same_wave() -> None:
    study = designed_study(training_per_block=1)
    rows = []
    for _ in range(2):
        with contextlib.suppress(Undone), transaction.atomic():
            top_up(study=study, by=None, reason="too few", ratings=1)
            trials = Trial.objects.filter(block__study=study, block__origin=Block.Origin.EXTENDED)
            shown = trials.order_by("block__number", "position")
            rows.append(list(shown.values_list("comparison", "left_is_1", "played_first", "kind")))
            raise Undone
    assert len(rows[0]) == 14
    assert rows[0] == rows[1]


def test_a_wave_is_an_amendment_with_its_reason_and_an_audit_line() -> None:
    study, owner = designed_study(), make_researcher()
    wave = top_up(study=study, by=owner, reason="  reviewers asked  ", ratings=1)
    amendment = Amendment.objects.get(study=study)
    assert (amendment.what, amendment.reason, amendment.by) == ("extension", "reviewers asked", owner)
    assert amendment.before == {"blocks": 6, "test_trials": 36}
    assert amendment.after["blocks"] == 8
    assert amendment.after["test_trials"] == 48
    assert amendment.after["block_numbers"] == [wave.first, wave.last]
    assert amendment.after["pairs"] == "all"
    assert AuditLine.objects.get(verb="wave added").by == owner
    top_up(study=study, by=owner, reason="again", ratings=1)
    assert next_wave(study) == 3


def test_new_places_are_taken_like_any_other() -> None:
    study = designed_study(ratings_per_comparison=1)
    Block.objects.filter(study=study).delete()
    with pytest.raises(StudyFull):
        sessions.enrol(study=study, now=timezone.now())
    top_up(study=study, by=None, reason="full", ratings=1)
    assert sessions.enrol(study=study, now=timezone.now()).block.origin == Block.Origin.EXTENDED


def test_so_many_raters_are_turned_into_whole_ratings() -> None:
    study = designed_study()
    assert raters_for(study) == 2
    wave = extend(study=study, by=None, reason="more", raters=5)
    assert (wave.ratings, wave.blocks) == (2, 4)
    with pytest.raises(DuetError, match="ask for 2 or more"):
        extend(study=study, by=None, reason="more", raters=1)


@pytest.mark.parametrize("state", [StudyState.CLOSED, StudyState.DRAFT])
def test_only_a_running_study_is_topped_up(state: StudyState) -> None:
    study = designed_study()
    moments = {"opened_at": None} if state == StudyState.DRAFT else {"closed_at": timezone.now()}
    Study.objects.filter(pk=study.pk).update(state=state, **moments)
    with pytest.raises(WrongState, match="only a study that is open or paused"):
        top_up(study=study, by=None, reason="too few", ratings=1)
    assert not study.blocks.filter(origin=Block.Origin.EXTENDED).exists()


def test_bad_wishes_change_nothing_and_say_what_to_do() -> None:
    study = designed_study()
    wishes: list[tuple[dict[str, object], str]] = [
        ({"reason": " "}, "say why"),
        ({"ratings": 0}, "between 1 and"),
        ({"ratings": 1001}, "between 1 and"),
        ({"pairs": [("a", "b")]}, "a and b are not compared; choose among"),
        ({"pairs": []}, "no pair is chosen"),
    ]
    for wish, words in wishes:
        with pytest.raises(DuetError, match=words):
            top_up(**{"study": study, "by": None, "reason": "r", "ratings": 1, **wish})  # type: ignore[arg-type]
    assert not Amendment.objects.exists()
    assert not study.blocks.filter(origin=Block.Origin.EXTENDED).exists()


def test_a_wave_of_too_many_trials_is_refused_with_a_number_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    study = designed_study()
    monkeypatch.setattr(waves, "MOST_TRIALS", 30)
    with pytest.raises(
        DuetError, match="more than the 30 trials that a wave has at most; ask for 2 ratings or fewer"
    ):
        top_up(study=study, by=None, reason="more", ratings=3)
    assert top_up(study=study, by=None, reason="more", ratings=2).trials == 24


def test_a_form_sent_twice_adds_one_wave() -> None:
    study = designed_study()
    top_up(study=study, by=None, reason="more", ratings=1, wave=1)
    with pytest.raises(WrongState, match="was given wave 1 meanwhile"):
        top_up(study=study, by=None, reason="more", ratings=1, wave=1)
    assert Amendment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_extend_at_the_same_moment_add_one_wave() -> None:
    study = designed_study()
    start = threading.Barrier(2)

    def run(_: int) -> Wave | Exception:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            return top_up(study=study, by=None, reason="more", ratings=1, wave=1)
        except WrongState as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, range(2)))
    assert sum(isinstance(result, Wave) for result in results) == 1
    assert Amendment.objects.count() == 1
    assert study.blocks.filter(origin=Block.Origin.EXTENDED).count() == 2
