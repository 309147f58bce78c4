"""Every route with every part that somebody can have in a study: the table is the test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from studyapp.api.site import api
from studyapp.models import Dataset, Study, StudyMember, User
from tests.studyapp.api.caller import caller_for
from tests.studyapp.factories import make_clip, make_member, make_researcher, make_system, open_study

pytestmark = pytest.mark.django_db

HERE, GONE, FORBIDDEN = "goes through", 404, 403
EVERYBODY = (HERE, HERE, HERE, HERE)
MEMBERS = (GONE, HERE, HERE, HERE)
EDITORS = (GONE, FORBIDDEN, HERE, HERE)
OWNERS = (GONE, FORBIDDEN, FORBIDDEN, HERE)
# Names go with no part by themselves; of those here, only the owner may see them.
NAMED = OWNERS

WHO = ("stranger", "viewer", "editor", "owner")
ROUTES: Mapping[tuple[str, str], tuple[Any, ...]] = {
    ("GET", "studies"): EVERYBODY,
    ("POST", "studies"): EVERYBODY,
    ("GET", "studies/{slug}"): MEMBERS,
    ("PATCH", "studies/{slug}"): EDITORS,
    ("GET", "studies/{slug}/document"): NAMED,
    ("POST", "studies/{slug}/moves/pause"): EDITORS,
    ("POST", "studies/{slug}/moves/archive"): OWNERS,
    ("GET", "studies/{slug}/progress"): MEMBERS,
    ("GET", "studies/{slug}/stimuli"): MEMBERS,
    ("GET", "studies/{slug}/stimuli?names=1"): NAMED,
    ("POST", "studies/{slug}/stimuli/retry"): EDITORS,
    ("POST", "studies/{slug}/stimuli/{stimulus}/retry"): EDITORS,
    ("GET", "studies/{slug}/sessions"): MEMBERS,
    ("GET", "studies/{slug}/waves"): MEMBERS,
    ("POST", "studies/{slug}/waves"): EDITORS,
    ("GET", "studies/{slug}/datasets"): MEMBERS,
    ("POST", "studies/{slug}/datasets"): EDITORS,
    ("GET", "datasets/{dataset}"): MEMBERS,
    ("GET", "datasets/{dataset}/files/ratings.csv"): NAMED,
    ("GET", "datasets/{dataset}/preferences?by=weather"): NAMED,
    ("GET", "studies/{slug}/members"): MEMBERS,
    ("PUT", "studies/{slug}/members/somebody"): OWNERS,
    ("DELETE", "studies/{slug}/members/somebody"): OWNERS,
    ("GET", "studies/{slug}/amendments"): MEMBERS,
    ("POST", "studies/{slug}/amendments"): EDITORS,
    ("GET", "studies/{slug}/audit-lines"): MEMBERS,
    ("GET", "clips"): EVERYBODY,
    ("GET", "clips/{clip}"): EVERYBODY,
    ("PATCH", "clips/{clip}"): EVERYBODY,
    ("GET", "systems"): EVERYBODY,
    ("POST", "systems"): EVERYBODY,
    ("GET", "systems/{system}"): EVERYBODY,
    ("GET", "registry"): EVERYBODY,
}
SENT: Mapping[tuple[str, str], Any] = {
    ("POST", "studies"): {"document": "duet_study: 1\n"},
    ("PATCH", "studies/{slug}"): {"title": "Another"},
    ("POST", "studies/{slug}/waves"): {"reason": "too few", "ratings": 1},
    ("POST", "studies/{slug}/datasets"): {},
    ("PUT", "studies/{slug}/members/somebody"): {"role": "viewer"},
    ("POST", "studies/{slug}/amendments"): {"reason": "a slip", "changes": {"contact": "me@example.org"}},
    ("PATCH", "clips/{clip}"): {"genre": "Punk"},
    ("POST", "systems"): {"key": "ground-truth"},
}


def people(study: Study) -> dict[str, User]:
    made = {who: make_researcher(is_superuser=False) for who in WHO}
    for role in ("viewer", "editor", "owner"):
        make_member(study, made[role], role=StudyMember.Role(role), sees_names=role == "owner")
    return made


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
@pytest.mark.parametrize("who", WHO)
def test_each_part_gets_as_far_as_the_table_says(route: tuple[str, str], who: str) -> None:
    study = open_study(clips=1, blocks=1)
    known = people(study)
    make_researcher(username="somebody", is_superuser=False)
    method, address = route
    filled = address.format(
        slug=study.slug,
        stimulus=study.comparisons.get().stimulus_1_id,
        dataset=Dataset.objects.create(
            study=study, state="ready", sha256="0", folder="none", rows=0, ready_at=study.opened_at
        ).pk,
        clip=make_clip().pk,
        system=make_system().slug,
    )
    answer = caller_for(known[who])(method, filled, SENT.get(route))
    expected = ROUTES[route][WHO.index(who)]
    if expected == HERE:
        # What then stands in the way is another matter, but it must not be that the study is hidden from them.
        assert answer.status in (200, 201, 202, 204, 409, 422) or "This dataset has no" in answer.said["error"]
    else:
        assert answer.status == expected
        assert answer.said["error"]


def test_the_table_has_every_route() -> None:
    listed = {(method, address.partition("?")[0]) for method, address in ROUTES}
    names = {"id": "…", "name": "…", "username": "…", "verb": "…", "slug": "…"}
    written = {
        (method.upper(), address.removeprefix("/api/v1/"))
        for address, methods in api.get_openapi_schema(path_prefix="/api/v1/")["paths"].items()
        for method in methods
    }
    assert {(method, _without_names(address, names)) for method, address in written} == {
        (method, _without_names(address, names)) for method, address in listed
    }


def _without_names(address: str, names: Mapping[str, str]) -> str:
    parts = address.split("/")
    fixed = {"ratings.csv", "somebody", "pause", "archive"}
    return "/".join("…" if part.startswith("{") or part in fixed else part for part in parts)
