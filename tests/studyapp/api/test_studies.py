"""Studies through the API: what is read, what a draft may be changed to, moves, and what is refused how."""

from __future__ import annotations

from typing import get_args

import pytest
from django.utils import timezone

from studyapp.actions.sessions import enrol
from studyapp.api.studies import Verb
from studyapp.models import AuditLine, Dataset, Study, StudyMember, SystemPair, User
from studyapp.states import StudyState
from studyapp.views.research import MOVES
from tests.studyapp.api.caller import Caller, caller_for
from tests.studyapp.factories import (
    answer_trial,
    make_clip,
    make_member,
    make_researcher,
    make_study,
    make_system,
    open_study,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def researcher() -> User:
    return make_researcher(username="ada", is_superuser=False)


@pytest.fixture
def call(researcher: User) -> Caller:
    return caller_for(researcher)


@pytest.fixture
def draft(researcher: User) -> Study:
    """A draft with four clips and one pair, not yet designed."""
    study = make_study(by=researcher, clips_per_cell=2, ratings_per_comparison=2, trials_per_block=4)
    study.clips.set([make_clip(genre=genre) for genre in ("Rock", "Rock", "Reggae", "Reggae")])
    first, second = make_system(), make_system("random-shuffle")
    SystemPair.objects.create(study=study, system_1=first, system_2=second)
    return study


def test_every_button_of_the_study_page_is_a_move() -> None:
    assert {*get_args(Verb)} == set(MOVES)


def test_only_studies_that_one_is_a_member_of_are_listed(call: Caller, draft: Study) -> None:
    make_study()
    assert [one["slug"] for one in call("GET", "studies").said["items"]] == [draft.slug]
    assert call("GET", "studies?state=open").said == {"items": [], "next": None}


def test_a_study_says_its_settings_and_what_one_may(call: Caller, draft: Study) -> None:
    said = call("GET", f"studies/{draft.slug}").said
    assert said["settings"]["clips_per_cell"] == 2
    assert said["state"] == "draft"
    assert said["clips"] == 4
    assert said["link"] is None
    assert said["design"] is None
    assert said["you_may"] == ["change", "manage", "see_system_names"]
    pair = draft.pairs.get()
    assert sorted(said["pairs"][0]) == sorted([pair.system_1.slug, pair.system_2.slug])


def test_a_study_gives_away_no_code_and_no_secret(call: Caller, researcher: User) -> None:
    study = open_study(by=researcher, completion_code="WORTH-MONEY", panel_return_address="https://panel.example/")
    said = str(call("GET", f"studies/{study.slug}").said)
    for secret in (study.completion_code, study.salt, study.panel_return_address):
        assert secret not in said


def test_who_may_not_see_names_reads_letters(draft: Study) -> None:
    truth, foil = make_system(), make_system("random-shuffle")
    pair = draft.pairs.get()
    slugs = [pair.system_1.slug, pair.system_2.slug]
    Study.objects.filter(pk=draft.pk).update(gold_truth=truth, gold_foil=foil, primary_pairs=[slugs])
    viewer = make_researcher(is_superuser=False)
    make_member(draft, viewer, role=StudyMember.Role.VIEWER)
    said = caller_for(viewer)("GET", f"studies/{draft.slug}").said
    assert said["pairs"] == [["System A", "System B"]]
    assert said["settings"]["primary_pairs"] == [["System A", "System B"]]
    assert not any(slug in str(said) for slug in [*slugs, truth.slug, foil.slug])


def test_a_draft_is_changed_as_far_as_it_was_said(call: Caller, draft: Study, researcher: User) -> None:
    third, clip = make_system("loop-retrieval"), make_clip()
    first = draft.pairs.get().system_1
    changes = {
        "title": "Another",
        "pilot_raters": 3,
        "pay": "1.50",
        "pairs": [{"system_1": third.slug, "system_2": first.slug}],
        "clips": [clip.pk],
        "gold_truth": first.slug,
        "gold_foil": third.slug,
    }
    said = call("PATCH", f"studies/{draft.slug}", changes).said
    assert (said["title"], said["settings"]["pilot_raters"], said["clips"]) == ("Another", 3, 1)
    assert (said["gold_truth"], said["gold_foil"]) == (first.slug, third.slug)
    assert sorted(said["pairs"][0]) == sorted([third.slug, first.slug])
    draft.refresh_from_db()
    assert draft.ratings_per_comparison == 2
    assert AuditLine.objects.filter(study=draft, verb="study changed", by=researcher).exists()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"clips_per_sell": 3}, "clips_per_sell"),
        ({"clips_per_cell": "many"}, "clips_per_cell"),
        ({"clips_per_cell": 0}, "clips_per_cell"),
        ({"state": "open"}, "state"),
        # Owners set it on the page Team.
        ({"keep_ids_until": "2127-01-31"}, "keep_ids_until"),
        ({"clips_per_cell": None}, "clips_per_cell"),
        ({"panel": "nobody"}, "panel"),
        ({"gold_truth": "nothing"}, "no system nothing"),
        ({"pairs": [{"system_1": "nothing", "system_2": "ground"}]}, "no system"),
        ({"pairs": [{"system_1": "nothing"}]}, "system_2"),
        ({"clips": [999999]}, "no clip 999999"),
        ({"clips": [2**70]}, "clips"),
        ({"clips": [-1]}, "clips"),
        ({"margin": float("nan")}, "give a finite one"),
        ({"target_lufs": float("inf")}, "give a finite one"),
        ({"target_lufs": 1e308}, "target_lufs"),
        ({"primary_pairs": "abc"}, "no list of pairs of two slugs"),
        ({"primary_pairs": [{}]}, "no list of pairs of two slugs"),
        ({"primary_pairs": [[{}]]}, "no list of pairs of two slugs"),
        ({"title": "\ud800"}, "half a character"),
        ({"hypotheses": None}, "may not be null"),
        ({"panel_return_address": "javascript:1"}, "is no web address"),
        ({}, "nothing was sent"),
        ([], "valid dictionary"),
    ],
)
def test_what_a_draft_cannot_be_changed_to_is_told_and_nothing_is_changed(
    call: Caller, draft: Study, sent: object, said: str
) -> None:
    before = Study.objects.values().get()
    answer = call("PATCH", f"studies/{draft.slug}", sent)
    assert answer.status == 422
    assert said in answer.said["error"] or said.capitalize() in answer.said["error"]
    assert Study.objects.values().get() == before


def test_an_open_study_is_not_changed_like_a_draft(call: Caller, researcher: User) -> None:
    study = open_study(by=researcher)
    answer = call("PATCH", f"studies/{study.slug}", {"title": "Another"})
    assert answer.status == 409
    assert "only a draft can be changed" in answer.said["error"]


def test_moves_go_the_way_of_the_pages(call: Caller, researcher: User) -> None:
    study = open_study(by=researcher)
    for verb, state in (("pause", "paused"), ("resume", "open"), ("close", "closed"), ("archive", "archived")):
        answer = call("POST", f"studies/{study.slug}/moves/{verb}")
        assert answer.status == 200
        assert answer.said["study"]["state"] == state
        assert answer.said["said"]
    assert AuditLine.objects.filter(study=study, verb="study archived", by=researcher).exists()


def test_a_move_that_the_state_forbids_is_told_as_on_the_page(call: Caller, draft: Study) -> None:
    answer = call("POST", f"studies/{draft.slug}/moves/open")
    assert answer.status == 409
    assert "build the design first" in answer.said["error"]
    assert Study.objects.get().state == StudyState.DRAFT


def test_there_is_no_move_of_another_name(call: Caller, draft: Study) -> None:
    answer = call("POST", f"studies/{draft.slug}/moves/destroy")
    assert answer.status == 422
    assert "verb" in answer.said["error"]


def test_progress_counts_soundtracks_and_blocks(call: Caller, researcher: User) -> None:
    study = open_study(by=researcher, clips=2, blocks=3)
    said = call("GET", f"studies/{study.slug}/progress").said
    assert (said["soundtracks"], said["ready"], said["blocks"], said["blocks_free"]) == (4, 4, 3, 3)
    assert said["people"]["answers"] == 0


def test_a_file_goes_out_and_comes_in_as_another_study(call: Caller, draft: Study) -> None:
    file = call("GET", f"studies/{draft.slug}/document")
    assert file.headers["Content-Type"].startswith("application/yaml")
    answer = call("POST", "studies", {"document": file.said.decode(), "slug": "second", "title": "Second"})
    assert answer.status == 201
    assert answer.said["study"]["slug"] == "second"
    made = Study.objects.get(slug="second")
    assert made.clips.count() == 4
    assert made.clips_per_cell == 2
    assert made.members.get().role == "owner"


def test_a_file_that_is_wrong_makes_nothing_and_says_why(call: Caller) -> None:
    answer = call("POST", "studies", {"document": "duet_study: 1\nstudie: {}\n"})
    assert answer.status == 422
    assert "studie" in answer.said["error"]
    assert not Study.objects.exists()


def test_freezing_asks_for_a_dataset(call: Caller, researcher: User) -> None:
    study = open_study(by=researcher)
    answer = call("POST", f"studies/{study.slug}/datasets", {"include_simulated": True})
    assert answer.status == 409
    assert "Nobody has answered" in answer.said["error"]
    session = enrol(study=study, now=timezone.now())
    answer_trial(session, session.block.trials.get(position=1))
    answer = call("POST", f"studies/{study.slug}/datasets", {"include_simulated": True})
    assert answer.status == 202
    dataset = Dataset.objects.get()
    assert answer.said["id"] == dataset.pk
    assert answer.said["state"] == "requested"
    assert answer.said["files"] == []
    assert dataset.includes_simulated
    assert dataset.created_by == researcher
