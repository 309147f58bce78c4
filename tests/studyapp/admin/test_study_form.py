"""The form of a study: pairs by rule, the declared plan, cost and power while typing, and two who have it open."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from studyapp.models import Study, System, SystemPair, User
from tests.studyapp.admin.test_admin import study_form
from tests.studyapp.factories import make_clip, make_member, make_researcher, make_study, make_system
from tests.studyapp.test_session_races import at_once

ADD = "admin:studyapp_study_add"


@pytest.fixture
def researcher(db: None) -> User:
    return make_researcher(username="ann", is_superuser=False)


@pytest.fixture
def staff(client: Client, researcher: User) -> Client:
    client.force_login(researcher)
    return client


@pytest.fixture
def systems(db: None) -> list[System]:
    return [make_system(slug=f"s{number}") for number in range(4)]


def pairs_of(study: Study) -> set[str]:
    return {str(pair) for pair in study.pairs.all()}


def draft_of(by: User, systems: list[System], **fields: Any) -> Study:
    study = make_study(by=by, clips_per_cell=2, trials_per_block=2, **fields)
    study.clips.set([make_clip()])
    SystemPair.objects.create(study=study, system_1=systems[0], system_2=systems[1])
    return study


def as_loaded(client: Client, study: Study) -> dict[str, Any]:
    """The form as a browser would send it back, with nothing typed."""
    form = client.get(reverse("admin:studyapp_study_change", args=[study.pk])).context["adminform"].form
    sent: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        if isinstance(value, bool):
            sent |= {bound.html_name: "on"} if value else {}
        elif isinstance(value, list):
            sent[bound.html_name] = [getattr(one, "pk", one) for one in value]
        elif value is not None:
            sent[bound.html_name] = str(value)
    return sent


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("all", {"s0 vs s1", "s0 vs s3", "s1 vs s3"}),
        ("one", {"s0 vs s3", "s1 vs s3"}),
        ("", {"s0 vs s2"}),
    ],
)
def test_without_a_script_pairs_follow_from_ticked_systems_and_a_rule(
    staff: Client, systems: list[System], rule: str, expected: set[str]
) -> None:
    ticked = [systems[0].pk, systems[1].pk, systems[3].pk]
    form = study_form(pairs=[f"{systems[0].pk}-{systems[2].pk}"])
    form |= {"pairs-systems": ticked, "pairs-rule": rule, "pairs-one": systems[3].pk}
    staff.post(reverse(ADD), form)
    assert pairs_of(Study.objects.get()) == expected


def test_the_analysis_plan_is_declared_and_what_is_left_empty_is_duets_own(
    staff: Client, systems: list[System]
) -> None:
    pairs = [f"{systems[0].pk}-{systems[1].pk}", f"{systems[0].pk}-{systems[2].pk}"]
    plan = {
        "hypotheses": "The own music fits better.",
        "primary_pairs": pairs[1:],
        "margin": "0.15",
        "stop_alpha": "",
        "stop_least_raters": "20",
        "stop_most_raters": "60",
        "registration_url": "osf.io/abcde",
        "pilot_raters": "8",
    }
    staff.post(reverse(ADD), study_form(pairs=pairs, **plan))
    study = Study.objects.get()
    assert (study.hypotheses, study.primary_pairs) == ("The own music fits better.", [["s0", "s2"]])
    assert (study.margin, study.stop_alpha, study.stop_least_raters, study.stop_most_raters) == (
        0.15,
        0.05,
        20,
        60,
    )
    assert (study.registration_url, study.pilot_raters) == ("https://osf.io/abcde", 8)
    page = staff.get(reverse("admin:studyapp_study_change", args=[study.pk])).content.decode()
    assert f'name="primary_pairs" value="{pairs[1]}" checked' in page
    assert f'name="primary_pairs" value="{pairs[0]}">' in page


def test_the_day_on_which_panel_ids_go_is_not_the_forms(
    client: Client, researcher: User, systems: list[System]
) -> None:
    study = draft_of(researcher, systems, keep_ids_until=date(2127, 1, 31))
    editor = make_researcher(is_superuser=False)
    make_member(study, editor, role="editor")
    client.force_login(editor)
    sent = as_loaded(client, study)
    assert "keep_ids_until" not in sent
    day = timezone.localdate() + timedelta(days=1)
    address = reverse("admin:studyapp_study_change", args=[study.pk])
    assert client.post(address, sent | {"title": "Another", "keep_ids_until": str(day)}).status_code == 302
    study.refresh_from_db()
    assert (study.title, study.keep_ids_until) == ("Another", date(2127, 1, 31))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"primary": 2}, "not among the pairs"),
        ({"stop_least_raters": 30, "stop_most_raters": 20}, "fewer than the 30"),
        ({"margin": 3}, "less than or equal to 0.99"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_beside_its_field(
    staff: Client, systems: list[System], changes: dict[str, Any], said: str
) -> None:
    chosen = changes.pop("primary", None)
    if chosen:
        changes["primary_pairs"] = [f"{systems[0].pk}-{systems[chosen].pk}"]
    page = staff.post(reverse(ADD), study_form(pairs=[f"{systems[0].pk}-{systems[1].pk}"], **changes))
    assert said in page.content.decode()
    assert not Study.objects.exists()


def test_the_second_to_save_is_told_what_the_first_changed_and_loses_nothing_typed(
    staff: Client, researcher: User, systems: list[System]
) -> None:
    study = draft_of(researcher, systems, margin=0.1, instructions="Listen.")
    bob = make_researcher(username="bob", is_superuser=False)
    make_member(study, bob, role="editor")
    other = Client()
    other.force_login(bob)
    address = reverse("admin:studyapp_study_change", args=[study.pk])
    mine, theirs = as_loaded(staff, study), as_loaded(other, study)
    theirs |= {"ratings_per_comparison": "7", "margin": "0.3", "pairs": [f"{systems[2].pk}-{systems[3].pk}"]}
    theirs |= {"open_link": ""}
    assert other.post(address, theirs).status_code == 302

    mine |= {"title": "Mine", "margin": "0.2"}
    page = staff.post(address, mine)
    assert page.status_code == 200
    form = page.context["adminform"].form
    (told,) = form.non_field_errors()
    assert told.startswith("bob saved this study at ")
    assert "Ratings per comparison (now 7)" in told
    assert "You both changed Smallest net preference that matters (now 0.3)" in told
    # What was typed stands; what only the other one changed is taken over.
    assert (form["title"].value(), form["margin"].value()) == ("Mine", "0.2")
    assert form["ratings_per_comparison"].value() == "7"
    assert form["pairs"].value() == [f"{systems[2].pk}-{systems[3].pk}"]
    assert not form["open_link"].value()
    study.refresh_from_db()
    assert (study.margin, study.ratings_per_comparison) == (0.3, 7)
    assert study.title != "Mine"

    again = {bound.html_name: bound.value() for bound in form if bound.value() not in (None, False)}
    assert staff.post(address, again).status_code == 302
    study.refresh_from_db()
    assert (study.title, study.margin, study.ratings_per_comparison) == ("Mine", 0.2, 7)
    assert (study.open_link, pairs_of(study)) == (False, {"s2 vs s3"})


def test_a_form_sent_back_unchanged_or_after_the_same_change_is_not_stale(
    staff: Client, researcher: User, systems: list[System]
) -> None:
    study = draft_of(researcher, systems, pay="2.50", consent_text="One\ntwo", gold_truth=systems[0])
    address = reverse("admin:studyapp_study_change", args=[study.pk])
    sent = as_loaded(staff, study)
    sent["consent_text"] = "One\r\ntwo"
    assert staff.post(address, sent).status_code == 302
    # Both typed the same: there is nothing to tell.
    sent["margin"] = "0.2"
    for _ in range(2):
        assert staff.post(address, sent).status_code == 302


def test_a_form_that_does_not_say_what_it_was_filled_from_is_refused(
    staff: Client, researcher: User, systems: list[System]
) -> None:
    study = draft_of(researcher, systems)
    address = reverse("admin:studyapp_study_change", args=[study.pk])
    for loaded in ("", "[]", "{"):
        page = staff.post(address, as_loaded(staff, study) | {"title": "Other", "loaded": loaded})
        assert "load it again" in page.content.decode()
    study.refresh_from_db()
    assert study.title != "Other"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_one_draft_at_the_same_moment_the_second_is_told(systems: list[System]) -> None:
    ann = make_researcher()
    study = draft_of(ann, systems)
    address = reverse("admin:studyapp_study_change", args=[study.pk])
    clients = [Client(), Client()]
    for one in clients:
        one.force_login(ann)
    forms = [as_loaded(one, study) for one in clients]
    forms[0]["margin"], forms[1]["stop_least_raters"] = "0.2", "9"

    def saving(number: int) -> Callable[[], int]:
        return lambda: clients[number].post(address, forms[number]).status_code

    assert sorted(at_once(saving(0), saving(1))) == [200, 302]  # type: ignore[type-var]
    study.refresh_from_db()
    assert (study.margin == 0.2) != (study.stop_least_raters == 9)


def test_cost_is_told_beside_the_counts_at_the_studys_pay_or_by_the_hour(
    staff: Client, systems: list[System]
) -> None:
    clips = [make_clip().pk for _ in range(3)]
    form = study_form(clips=clips, clips_per_cell=3, pairs=[f"{systems[0].pk}-{systems[1].pk}"], pay="2.50")
    page = staff.post(reverse("admin:studyapp_study_follows"), form)
    cost = page.context["cost"]
    assert (cost.raters, str(cost.total), cost.assumed) == (5, "12.50", False)
    assert "12.50" in page.content.decode()
    del form["pay"]
    cost = staff.post(reverse("admin:studyapp_study_follows"), form).context["cost"]
    minutes = 4  # reading, and two trials of two clips of ten seconds and an answer
    assert (str(cost.each), str(cost.total), cost.assumed) == (f"{12 * minutes / 60:.2f}", "4.00", True)


def test_power_is_simulated_for_the_form_as_it_is_and_keeps_nothing(staff: Client, systems: list[System]) -> None:
    clips = [make_clip(genre=genre).pk for genre in ("Rock", "Reggae") for _ in range(4)]
    form = study_form(clips=clips, clips_per_cell=4, pairs=[f"{systems[0].pk}-{systems[1].pk}"], margin=0.4)
    address = reverse("admin:studyapp_study_power")
    page = staff.post(address, form)
    found = page.context["chance"]
    assert found.low <= found.power <= found.high
    assert "simulated studies (seed 1)" in page.content.decode()
    assert staff.post(address, form).context["chance"] == found
    more = staff.post(address, form | {"ratings_per_comparison": 9}).context["chance"]
    assert more.power > found.power
    assert not Study.objects.exists()


def test_a_plan_too_large_to_simulate_while_typing_names_the_command(staff: Client, systems: list[System]) -> None:
    clips = [make_clip().pk for _ in range(20)]
    form = study_form(clips=clips, clips_per_cell=20, pairs=[f"{systems[0].pk}-{systems[1].pk}"])
    page = staff.post(reverse("admin:studyapp_study_power"), form | {"ratings_per_comparison": 700})
    assert "14,000 answers" in page.content.decode()
    assert "python -m analysis power --systems 2 --genres 1 --clips 20 --ratings 700" in page.content.decode()


def test_power_of_a_form_that_is_wrong_says_nothing(staff: Client) -> None:
    page = staff.post(reverse("admin:studyapp_study_power"), study_form(seed="x"))
    assert page.status_code == 200
    assert page.context["chance"] is None


def test_power_of_somebody_elses_draft_is_not_shown(
    client: Client, researcher: User, systems: list[System]
) -> None:
    study = draft_of(researcher, systems)
    viewer = make_researcher(is_superuser=False)
    make_member(study, viewer, role="viewer")
    address = reverse("admin:studyapp_study_power_of", args=[study.pk])
    assert client.post(address).status_code == 302
    client.force_login(viewer)
    assert client.post(address, study_form()).status_code == 403


def test_the_forms_queries_do_not_grow_with_what_it_lists(
    staff: Client, researcher: User, systems: list[System]
) -> None:
    study = draft_of(researcher, systems)
    address = reverse("admin:studyapp_study_change", args=[study.pk])
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            staff.get(address)
        counts.append(len(queries))
        for _ in range(4):
            make_system()
            make_clip()
    assert counts[0] == counts[1]


def test_a_draft_that_is_saved_after_a_colleague_began_the_pilot_stays_as_it_was_typed(
    staff: Client, researcher: User, systems: list[System]
) -> None:
    study = draft_of(researcher, systems)
    sent = {**as_loaded(staff, study), "hypotheses": "Typed for an hour."}
    Study.objects.filter(pk=study.pk).update(state="pilot")
    page = staff.post(reverse("admin:studyapp_study_change", args=[study.pk]), sent)
    assert page.status_code == 200
    assert "Typed for an hour." in page.content.decode()
    (error,) = page.context["adminform"].form.non_field_errors()
    assert "pilot" in error
    assert error.endswith("Nothing was saved.")
    study.refresh_from_db()
    assert study.hypotheses == ""
    # Who only looks is led on to the study's page.
    assert staff.get(reverse("admin:studyapp_study_change", args=[study.pk])).status_code == 302


def test_the_short_name_is_called_so_and_its_help_says_what_is_taken(
    staff: Client, researcher: User, systems: list[System]
) -> None:
    draft_of(researcher, systems, slug="Taken_1")
    field = staff.get(reverse(ADD)).context["adminform"].form["slug"]
    assert (field.label, "letters, digits, dashes and underscores" in field.help_text) == ("Short name", True)
    again = staff.post(reverse(ADD), study_form(slug="Taken_1"))
    assert again.context["adminform"].form.errors["slug"] == [
        "There is a study with this short name already; give this one another."
    ]
