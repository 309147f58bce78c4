"""Lists: a page at a time, nothing twice, nothing left out, a fixed number of queries, and no secrets."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from studyapp.actions import sessions
from studyapp.models import AuditLine, Block, Dataset, Stimulus, Study, StudyMember, System, User
from studyapp.results.exports import pseudonym
from studyapp.states import StimulusState
from tests.studyapp.api.caller import Caller, caller_for
from tests.studyapp.factories import make_clip, make_member, make_researcher, make_system, open_study
from tests.studyapp.views.test_results import answered_study, frozen

pytestmark = pytest.mark.django_db


@pytest.fixture
def researcher() -> User:
    return make_researcher(is_superuser=False)


@pytest.fixture
def call(researcher: User) -> Caller:
    return caller_for(researcher)


@pytest.fixture
def study(researcher: User) -> Study:
    return open_study(by=researcher, clips=3, blocks=3)


def everything(call: Caller, address: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    found: list[dict[str, Any]] = []
    between, after = ("&" if "?" in address else "?"), ""
    while True:
        said = call("GET", f"{address}{between}limit=2{after}").said
        found += said["items"]
        if said["next"] is None:
            return found
        assert len(said["items"]) == 2
        after = f"&after={said['next']}"


def test_pages_hold_everything_once(call: Caller) -> None:
    made = [make_clip().pk for _ in range(5)]
    assert [one["id"] for one in everything(call, "clips")] == made


def test_a_page_that_ends_with_the_list_has_no_next(call: Caller) -> None:
    for _ in range(2):
        make_clip()
    assert call("GET", "clips?limit=2").said["next"] is None


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=many", "limit"),
        ("after=-1", "after"),
        ("after=99999999999999999999999", "after"),
        ("genres=Rock", "no parameter genres; there are limit, after, dataset, genre"),
    ],
)
def test_a_page_that_cannot_be_is_refused(call: Caller, query: str, said: str) -> None:
    answer = call("GET", f"clips?{query}")
    assert answer.status == 422
    assert said in answer.said["error"]


def test_clips_are_found_by_dataset_genre_tag_and_name(call: Caller) -> None:
    wanted = make_clip(genre="Punk", dataset="other", tags=["music-scene"])
    make_clip(genre="Punk", tags=["music"])
    for query in ("dataset=other", "tag=music-scene", f"clip_id={wanted.clip_id}", "genre=Punk&dataset=other"):
        assert [one["id"] for one in call("GET", f"clips?{query}").said["items"]] == [wanted.pk], query


def test_a_clip_is_described_and_a_typing_error_is_no_description(call: Caller) -> None:
    clip = make_clip()
    said = call("PATCH", f"clips/{clip.pk}", {"genre": "Punk", "licence": "CC0"}).said
    assert (said["genre"], said["licence"]) == ("Punk", "CC0")
    for sent in ({"gender": "Punk"}, {"genre": None}, {"genre": ""}, {}, {"source_sha256": "0"}):
        assert call("PATCH", f"clips/{clip.pk}", sent).status == 422
    assert call("GET", f"clips/{clip.pk}").said["genre"] == "Punk"


def test_a_clip_that_something_rests_on_is_not_described_anew(call: Caller, study: Study) -> None:
    answer = call("PATCH", f"clips/{study.clips.first().pk}", {"genre": "Punk"})  # type: ignore[union-attr]
    assert answer.status == 409


@pytest.mark.parametrize("address", ["clips/0", "clips/99999999999999999999999", "datasets/0", "systems/nothing"])
def test_what_is_not_there_is_told(call: Caller, address: str) -> None:
    answer = call("GET", address)
    assert answer.status == 404
    assert "There is no" in answer.said["error"]


def test_a_system_comes_with_its_card(call: Caller) -> None:
    said = call("POST", "systems", {"key": "cmt", "preset": "tiny"}).said
    assert said["slug"] == "cmt-tiny"
    assert said["card"]["standing"]
    assert call("GET", "systems/cmt-tiny").said == said
    assert call("POST", "systems", {"key": "cmt", "preset": "huge"}).status == 422
    assert call("POST", "systems", {"key": "nothing"}).status == 422


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"key": "imported", "settings": {"folder": "/etc"}}, "An imported system is its files"),
        ({"key": "imported"}, "An imported system is its files"),
        ({"key": "cmt", "preset": "tiny", "label": "tiny \ud800"}, "half a character"),
        ({"key": "cmt", "preset": "tiny", "settings": {"x": float("nan")}}, "give a finite one"),
    ],
)
def test_what_is_no_system_for_scripts_is_told_and_none_is_made(call: Caller, sent: Any, said: str) -> None:
    answer = call("POST", "systems", sent)
    assert answer.status == 422
    assert said in answer.said["error"]
    assert not System.objects.exists()


def test_the_registry_tells_what_can_be_made(call: Caller) -> None:
    said = {one["key"]: one for one in call("GET", "registry").said}
    assert set(said["cmt"]["presets"]) == set(said["cmt"]["cards"])


def test_stimuli_are_letters_without_their_errors_unless_names_are_asked_for(call: Caller, study: Study) -> None:
    failed = study.comparisons.order_by("pk")[0].stimulus_1
    Stimulus.objects.filter(pk=failed.pk).update(state=StimulusState.FAILED, error="cmt has no font")
    blind = everything(call, f"studies/{study.slug}/stimuli")
    # Clip by clip and by letter, with nothing that another page shows beside a name.
    clips = sorted(study.clips.values_list("pk", flat=True))
    assert [(one["clip"], one["system"]) for one in blind] == [
        (clip, f"System {letter}") for clip in clips for letter in "AB"
    ]
    told = {name for one in blind for name, value in one.items() if value is not None}
    assert told == {"clip", "dataset", "clip_id", "system", "state", "progress"}
    assert [one["clip"] for one in blind if one["state"] == "failed"] == [failed.clip_id]
    assert not AuditLine.objects.filter(verb="names looked at").exists()
    named = {one["id"]: one for one in everything(call, f"studies/{study.slug}/stimuli?names=1")}
    assert named[failed.pk]["system"] == failed.system.slug
    assert named[failed.pk]["error"] == "cmt has no font"
    assert AuditLine.objects.filter(verb="names looked at").count() == 1
    assert named[failed.pk]["sha256"]
    assert [one["clip"] for one in call("GET", f"studies/{study.slug}/stimuli?state=failed").said["items"]] == [
        failed.clip_id
    ]
    assert call("GET", f"studies/{study.slug}/stimuli?nmaes=1").status == 422


def test_a_failed_stimulus_is_asked_for_again_and_one_of_another_study_is_not_there(
    call: Caller, study: Study
) -> None:
    failed = study.comparisons.order_by("pk")[0].stimulus_1
    Stimulus.objects.filter(pk=failed.pk).update(state=StimulusState.FAILED, error="no font")
    assert call("POST", f"studies/{study.slug}/stimuli/{failed.pk}/retry").said == {"retried": 1}
    assert call("POST", f"studies/{study.slug}/stimuli/{failed.pk}/retry").said == {"retried": 0}
    assert call("POST", f"studies/{study.slug}/stimuli/retry").said == {"retried": 0}
    other = open_study().comparisons.order_by("pk")[0].stimulus_1
    assert call("POST", f"studies/{study.slug}/stimuli/{other.pk}/retry").status == 404


def test_sessions_are_told_by_the_pseudonyms_of_the_exports_and_by_nothing_else(
    call: Caller, study: Study
) -> None:
    session = sessions.enrol(study=study, now=timezone.now())
    [said] = call("GET", f"studies/{study.slug}/sessions").said["items"]
    assert said["session_id"] == pseudonym(study, session.token, prefix="s")
    assert said["rater_id"] == pseudonym(study, session.rater.code, prefix="r")
    assert (said["state"], said["answers"], said["pilot"]) == ("consented", 0, False)
    for secret in (session.token, session.rater.code, study.token, study.salt):
        assert secret not in str(said)


def test_sessions_of_a_pilot_can_be_told_apart(call: Caller, study: Study) -> None:
    pilot = sessions.enrol(study=study, now=timezone.now())
    Block.objects.filter(pk=pilot.block_id).update(origin=Block.Origin.PILOT)
    counted = sessions.enrol(study=study, now=timezone.now())
    address = f"studies/{study.slug}/sessions"
    assert [one["id"] for one in call("GET", f"{address}?pilot=1").said["items"]] == [pilot.pk]
    assert [one["id"] for one in call("GET", f"{address}?pilot=0").said["items"]] == [counted.pk]
    assert call("GET", f"{address}?simulated=1").said["items"] == []
    assert len(call("GET", f"{address}?state=consented").said["items"]) == 2


def test_a_file_of_a_dataset_is_taken_away_and_that_is_noted(call: Caller, study: Study, settings: Any) -> None:
    dataset = Dataset.objects.create(
        study=study, state="ready", sha256="0" * 64, folder="datasets/x", rows=1, ready_at=timezone.now()
    )
    dataset.path.mkdir(parents=True)
    (dataset.path / "ratings.csv").write_text("a,b\n")
    assert call("GET", f"datasets/{dataset.pk}").said["files"] == ["ratings.csv"]
    answer = call("GET", f"datasets/{dataset.pk}/files/ratings.csv")
    assert answer.said == b"a,b\n"
    assert AuditLine.objects.get(verb="dataset downloaded").details["file"] == "ratings.csv"
    for name in ("raters.csv", "nothing.csv", "..%2F..%2Fsecret-key"):
        assert call("GET", f"datasets/{dataset.pk}/files/{name}").status == 404


def test_the_whole_study_is_offered_where_the_dataset_has_it(call: Caller, study: Study) -> None:
    dataset = Dataset.objects.create(
        study=study, state="ready", sha256="0" * 64, folder="datasets/y", rows=1, ready_at=timezone.now()
    )
    dataset.path.mkdir(parents=True)
    (dataset.path / "archive.zip").write_bytes(b"all of it")
    assert call("GET", f"datasets/{dataset.pk}").said["files"] == ["archive.zip"]
    assert call("GET", f"datasets/{dataset.pk}/files/archive.zip").said == b"all of it"


def test_preference_tables_are_those_of_the_page(call: Caller, researcher: User) -> None:
    study = answered_study()
    make_member(study, researcher, role=StudyMember.Role.OWNER, sees_names=True)
    dataset = frozen(study)
    address = f"datasets/{dataset.pk}/preferences"
    table = call("GET", f"{address}?ties=split&clips=fixed").said
    assert table == (dataset.path / "preferences" / "genre-ties-split-clips-fixed.csv").read_bytes()
    assert AuditLine.objects.get(verb="dataset downloaded").details["file"].startswith("preferences-genre")
    refused = call("GET", f"{address}?by=weather")
    assert (refused.status, refused.said["error"]) == (422, "Group by: 'weather' is not offered; choose genre")
    assert call("GET", f"{address}?ties=ignored").status == 422
    (dataset.path / "ratings.parquet").unlink()
    assert call("GET", f"{address}?ties=split").status == 409
    assert call("GET", f"datasets/{10**30}/preferences").status == 404


def test_who_may_not_sign_in_any_more_can_be_changed_and_let_out_but_not_in(call: Caller, study: Study) -> None:
    gone = make_researcher(username="gone", is_superuser=False)
    make_member(study, gone, role=StudyMember.Role.EDITOR)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    address = f"studies/{study.slug}/members/gone"
    assert call("PUT", address, {"role": "viewer"}).said["role"] == "viewer"
    assert call("DELETE", address).status == 204
    refused = call("PUT", address, {"role": "viewer"})
    assert (refused.status, "may not sign in" in refused.said["error"]) == (422, True)


def test_members_come_change_and_go_but_an_owner_stays(call: Caller, study: Study, researcher: User) -> None:
    other = make_researcher(username="grace", is_superuser=False)
    address = f"studies/{study.slug}/members"
    assert call("PUT", f"{address}/grace", {"role": "viewer"}).status == 201
    changed = call("PUT", f"{address}/grace", {"role": "editor", "sees_names": True})
    assert (changed.status, changed.said["role"], changed.said["sees_names"]) == (200, "editor", True)
    assert [one["username"] for one in everything(call, address)] == [researcher.username, "grace"]
    assert call("DELETE", f"{address}/grace").status == 204
    assert not study.members.filter(user=other).exists()
    refused = call("DELETE", f"{address}/{researcher.username}")
    assert refused.status in (409, 422)
    assert "owner" in refused.said["error"]
    assert call("PUT", f"{address}/nobody", {"role": "viewer"}).status == 422
    assert call("PUT", f"{address}/grace", {"role": "king"}).status == 422


def test_an_amendment_is_made_and_listed(call: Caller, study: Study) -> None:
    address = f"studies/{study.slug}/amendments"
    sent = {"reason": "registered since", "changes": {"registration_url": "https://osf.io/abcde"}}
    made = call("POST", address, sent)
    assert made.status == 201
    assert [one["what"] for one in made.said] == ["registration_url"]
    assert call("GET", address).said["items"] == made.said
    for changes in ({"seed": 3}, {"by": 1}, {"study": 1}, {"state": "closed"}, {}):
        assert call("POST", address, {"reason": "x", "changes": changes}).status == 422
    assert call("POST", address, {"reason": "", "changes": {"contact": "x"}}).status == 422
    assert study.amendments.count() == 1


def test_the_log_of_changes_is_of_the_study_alone(call: Caller, study: Study, researcher: User) -> None:
    AuditLine.write("study open", by=researcher, study=study, why="x")
    AuditLine.write("study open", by=researcher, study=open_study())
    [said] = call("GET", f"studies/{study.slug}/audit-lines?verb=study open").said["items"]
    assert (said["by"], said["details"]) == (researcher.username, {"why": "x"})


@pytest.mark.parametrize("kind", ["stimuli", "sessions", "datasets", "members", "amendments", "audit-lines"])
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(
    call: Caller, study: Study, researcher: User, kind: str
) -> None:
    def fill(rows: int) -> None:
        for _ in range(rows):
            sessions.enrol(study=study, now=timezone.now())
            Dataset.objects.create(study=study)
            make_member(study, make_researcher(), role=StudyMember.Role.VIEWER)
            AuditLine.write("x", by=make_researcher(), study=study)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert call("GET", f"studies/{study.slug}/{kind}").status == 200
        return len(caught)

    call("GET", "clips")  # notes the token's use, once a minute
    fill(1)
    few = queries()
    fill(2)
    assert queries() == few <= 7


def test_systems_and_clips_take_as_many_queries_for_many_rows_as_for_few(call: Caller) -> None:
    call("GET", "clips")
    for address in ("clips", "systems", "studies"):
        counts = []
        for _ in range(2):
            make_clip(), make_system()
            with CaptureQueriesContext(connection) as caught:
                call("GET", address)
            counts.append(len(caught))
        assert counts[0] == counts[1] <= 3
