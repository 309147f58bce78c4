"""The plan page, its power, its bundle, and amending: who may see and do what, and in which state."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from studyapp.actions.amendments import amend_study
from studyapp.actions.designs import build_design
from studyapp.models import Amendment, Study, StudyText, SystemPair, User
from studyapp.plan.balance import balance
from studyapp.plan.freezing import frozen_parts
from studyapp.states import StudyState
from tests.studyapp.factories import (
    make_clip,
    make_member,
    make_researcher,
    make_study,
    make_system,
    open_study,
)

pytestmark = pytest.mark.django_db
PAGES = ("research-plan", "research-plan-power", "research-prereg", "research-amend")


@pytest.fixture
def owner() -> User:
    return make_researcher(username="ann", is_superuser=False)


@pytest.fixture
def staff(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def draft(owner: User) -> Study:
    study = make_study(by=owner, clips_per_cell=2, ratings_per_comparison=4, trials_per_block=4)
    study.clips.set([make_clip(genre=genre) for genre in ("Rock", "Rock", "Reggae", "Reggae")])
    first, second = make_system(slug="own"), make_system("random-shuffle", slug="other")
    SystemPair.objects.create(study=study, system_1=first, system_2=second)
    return study


@pytest.fixture
def built(draft: Study) -> Study:
    build_design(study=draft, by=None)
    draft.refresh_from_db()
    return draft


@pytest.fixture
def frozen(owner: User) -> Study:
    study = open_study(by=owner, clips=2, blocks=2)
    StudyText.objects.create(study=study, language="de", consent_text="Ja?", instructions="Hören.")
    study.refresh_from_db()
    study.frozen = frozen_parts(study)
    study.save(update_fields=["frozen"])
    return study


def member(study: Study, **fields: Any) -> Client:
    user = make_researcher(is_superuser=False)
    make_member(study, user, **fields)
    client = Client()
    client.force_login(user)
    return client


def address(name: str, study: Study) -> str:
    return reverse(name, args=[study.slug])


def sent_back(client: Client, study: Study, **typed: Any) -> dict[str, Any]:
    """The amendment form as a browser would send it back, with something typed."""
    form = client.get(address("research-amend", study)).context["form"]
    sent: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        if isinstance(value, bool):
            sent |= {bound.html_name: "on"} if value else {}
        elif value is not None:
            sent[bound.html_name] = value if isinstance(value, list) else str(value)
    return sent | typed


@pytest.mark.parametrize("name", PAGES)
def test_strangers_sign_in_others_are_refused_and_non_members_find_nothing(
    client: Client, frozen: Study, name: str
) -> None:
    assert client.get(address(name, frozen))["Location"].startswith("/admin/login/")
    client.force_login(make_researcher(is_staff=False, is_superuser=False))
    assert client.get(address(name, frozen)).status_code == 403
    client.force_login(make_researcher(is_superuser=False))
    assert client.get(address(name, frozen)).status_code == 404


def test_viewers_read_editors_amend_and_the_bundle_takes_names(frozen: Study) -> None:
    codes = {
        role: [
            member(frozen, role=role, sees_names=names).get(address(page, frozen)).status_code for page in PAGES
        ]
        for role, names in (("viewer", False), ("editor", False), ("owner", True))
    }
    assert codes == {"viewer": [200, 200, 403, 403], "editor": [200, 200, 403, 200], "owner": [200, 200, 200, 200]}
    viewer = member(frozen, role="viewer", sees_names=True)
    assert viewer.get(address("research-prereg", frozen)).status_code == 200
    assert viewer.post(address("research-amend", frozen), {"reason": "x"}).status_code == 403
    assert not Amendment.objects.exists()


def test_a_draft_without_a_design_says_what_is_open_and_what_to_do_next(staff: Client, draft: Study) -> None:
    page = staff.get(address("research-plan", draft)).content.decode()
    assert "The design is not built yet." in page
    assert "Build the design" in page
    assert "own <span" in page
    assert "Pre-registration bundle (draft)" in page


def test_an_empty_draft_has_a_page_too(staff: Client, owner: User) -> None:
    assert staff.get(address("research-plan", make_study(by=owner))).status_code == 200


def test_a_built_design_shows_counts_balance_cost_and_plan_in_words(staff: Client, built: Study) -> None:
    response = staff.get(address("research-plan", built))
    page = response.content.decode()
    assert response.context["balance"].systems[0].trials == 16
    assert f"<strong>{escape(response.context['balance'].in_words)}</strong>" in page
    assert response.context["cost"].raters == 4
    assert "Holm" in page
    Study.objects.filter(pk=built.pk).update(seed=2)
    assert "The study was changed since" in staff.get(address("research-plan", built)).content.decode()


def test_the_page_takes_as_many_queries_however_large_the_design(staff: Client, built: Study, owner: User) -> None:
    counts = []
    for study in (built, open_study(by=owner, clips=8, blocks=6)):
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(address("research-plan", study)).status_code == 200
        counts.append(len(queries))
    assert max(counts) <= 45


def test_a_frozen_study_shows_whether_every_part_stands(staff: Client, frozen: Study) -> None:
    page = staff.get(address("research-plan", frozen)).content.decode()
    assert page.count("as it was frozen") == 5 + 1  # five parts, and that there are no amendments
    assert frozen.frozen["all"] in page
    amend_study(study=frozen, by=None, reason="a reviewer asked", margin=0.2)
    Study.objects.filter(pk=frozen.pk).update(consent_text="by hand")
    page = staff.get(address("research-plan", frozen)).content.decode()
    assert "changed by amendment 1, and by nothing else" in page
    assert "no longer what was frozen, and no amendment says why" in page
    assert "smallest net preference that matters: from 0.1 to 0.2" in page
    Amendment.objects.update(reason="another reason")
    assert (
        "Amendment 1 is missing or no longer says" in staff.get(address("research-plan", frozen)).content.decode()
    )


def test_large_designs_are_counted_and_checked_when_asked(staff: Client, frozen: Study) -> None:
    summary: dict[str, Any] = {
        "comparisons": 2,
        "ratings": 4,
        "repeats": 0,
        "trials": 50_000,
        "blocks": 2,
        "shortest_block": 2,
    }
    summary |= {"longest_block": 2, "stimuli": 4, "shortfalls": [], "refusals": [], "notes": []}
    Study.objects.filter(pk=frozen.pk).update(design_summary=summary)
    first = staff.get(address("research-plan", frozen))
    assert first.context["balance"] is None
    assert "Count them" in first.content.decode()
    assert [one.part for one in first.context["checked"]] == ["texts", "rules", "settings"]
    asked = staff.get(address("research-plan", frozen), {"count": "1", "check": "1"})
    assert asked.context["balance"] is not None
    assert len(asked.context["checked"]) == 5


def test_the_balance_of_a_large_design_is_shown_without_counting(staff: Client, built: Study) -> None:
    Study.objects.filter(pk=built.pk).update(design_summary={**built.design_summary, "trials": 500_000})
    with CaptureQueriesContext(connection) as queries:
        response = staff.get(address("research-plan", built))
    assert response.context["balance"] == balance(built)
    assert "Count them" not in response.content.decode()
    assert not [query for query in queries.captured_queries if "studyapp_trial" in query["sql"]]


def test_power_is_told_with_its_own_error_and_follows_the_assumptions(staff: Client, built: Study) -> None:
    asked = {"net": "0.4", "preset": "typical", "per_hour": "10", "fee": "30"}
    response = staff.get(address("research-plan-power", built), asked)
    found, cost = response.context["chance"], response.context["cost"]
    page = response.content.decode()
    assert f"{found.studies} simulated studies, seed 1: chance alone leaves {found.low}–{found.high}" in page
    assert "<html" in page
    assert str(cost.total) == f"{4 * 10 * 5 / 60 * 1.3:.2f}"  # four raters for five minutes
    harder = staff.get(address("research-plan-power", built), asked | {"net": "0.1", "fragment": "1"})
    assert harder.context["chance"].power < found.power
    assert "<html" not in harder.content.decode()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"net": "7"}, "less than or equal to 0.95"),
        ({"net": "0.9"}, "leaves no room beside"),
        ({"preset": "lucky"}, "lucky is not one of the available choices"),
        ({"fee": "-1"}, "greater than or equal to 0"),
    ],
)
def test_impossible_assumptions_are_refused_in_words(
    staff: Client, built: Study, asked: dict[str, str], said: str
) -> None:
    response = staff.get(address("research-plan-power", built), asked)
    assert response.status_code == 200
    assert said in response.content.decode()


def test_power_without_a_design_says_what_to_do(staff: Client, draft: Study) -> None:
    assert "Build the design first" in staff.get(address("research-plan-power", draft)).content.decode()


def test_the_bundle_is_a_zip_named_after_the_study(staff: Client, frozen: Study, draft: Study) -> None:
    for study, name in ((frozen, "preregistration"), (draft, "preregistration-DRAFT")):
        response = staff.get(address("research-prereg", study))
        assert response["Content-Disposition"] == f'attachment; filename="{study.slug}-{name}.zip"'
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            assert archive.testzip() is None


def test_what_was_typed_becomes_amendments_and_nothing_else_does(
    staff: Client, frozen: Study, owner: User
) -> None:
    sent = sent_back(staff, frozen, margin="0.2", instructions__de="Bitte hören.", reason="a reviewer asked")
    response = staff.post(address("research-amend", frozen), sent)
    assert response["Location"] == address("research-plan", frozen)
    rows = [(one.what, one.after, one.by, one.reason) for one in frozen.amendments.all()]
    assert sorted(rows) == [
        ("instructions__de", "Bitte hören.", owner, "a reviewer asked"),
        ("margin", 0.2, owner, "a reviewer asked"),
    ]


def test_primary_pairs_are_amended_by_ticking(staff: Client, frozen: Study) -> None:
    pair = frozen.pairs.get()
    value = f"{pair.system_1.slug} vs {pair.system_2.slug}"
    staff.post(
        address("research-amend", frozen), sent_back(staff, frozen, primary_pairs=[value], reason="clearer")
    )
    frozen.refresh_from_db()
    assert frozen.primary_pairs == [[pair.system_1.slug, pair.system_2.slug]]
    # Declared the other way round elsewhere, it is the same pair and stays as it was.
    Study.objects.filter(pk=frozen.pk).update(primary_pairs=[[pair.system_2.slug, pair.system_1.slug]])
    staff.post(address("research-amend", frozen), sent_back(staff, frozen, margin="0.3", reason="clearer"))
    assert [one.what for one in frozen.amendments.all()] == ["primary_pairs", "margin"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"margin": "0.2", "reason": " "}, "This field is required"),
        ({"margin": "9", "reason": "why"}, "less than or equal to 0.99"),
        ({"reason": "why"}, "Nothing differs"),
        ({"margin": "0.2", "reason": "why", "based_on": "?"}, "Load the page again"),
        ({"stop_least_raters": "9", "stop_most_raters": "3", "reason": "why"}, "fewer than the 9"),
    ],
)
def test_an_amendment_that_cannot_be_is_refused_and_keeps_what_was_typed(
    staff: Client, frozen: Study, typed: dict[str, str], said: str
) -> None:
    page = staff.post(address("research-amend", frozen), sent_back(staff, frozen, **typed))
    assert page.status_code == 200
    assert said in page.content.decode()
    for name, value in typed.items():
        assert page.context["form"][name].value() == value
    assert not Amendment.objects.exists()


def test_the_second_to_amend_one_field_is_told_and_may_go_on(staff: Client, frozen: Study) -> None:
    sent = sent_back(staff, frozen, margin="0.3", reason="my own")
    bob = make_researcher(username="bob")
    amend_study(study=frozen, by=bob, reason="a reviewer asked", margin=0.2, session_timeout_min=30)
    page = staff.post(address("research-amend", frozen), sent)
    form = page.context["form"]
    assert "The account bob changed smallest net preference that matters meanwhile" in str(form.non_field_errors())
    assert "a reviewer asked" in str(form.non_field_errors())
    assert (form["margin"].value(), form["session_timeout_min"].value()) == ("0.3", "30")
    again = {bound.html_name: bound.value() for bound in form if bound.value() not in (None, False)}
    assert staff.post(address("research-amend", frozen), again).status_code == 302
    frozen.refresh_from_db()
    assert (frozen.margin, frozen.session_timeout_min) == (0.3, 30)
    assert [(one.number, one.what) for one in frozen.amendments.all()] == [
        (1, "margin"),
        (2, "session_timeout_min"),
        (3, "margin"),
    ]


def test_drafts_and_archives_are_sent_to_their_plan_with_a_word(
    staff: Client, draft: Study, frozen: Study
) -> None:
    now = timezone.now()
    Study.objects.filter(pk=frozen.pk).update(state=StudyState.ARCHIVED, closed_at=now, archived_at=now)
    for study, state in ((draft, "a draft"), (frozen, "archived")):
        response = staff.post(address("research-amend", study), {"reason": "x"}, follow=True)
        assert response.redirect_chain == [(address("research-plan", study), 302)]
        assert f"is {state}: only what is open" in str(next(iter(response.context["messages"])))


def test_the_plan_of_a_closed_study_offers_rules_and_analysis_only(staff: Client, frozen: Study) -> None:
    Study.objects.filter(pk=frozen.pk).update(state=StudyState.CLOSED, closed_at=timezone.now())
    form = staff.get(address("research-amend", frozen)).context["form"]
    titles = [part.title for part, _ in form.parts]
    assert titles == ["Registration", "Rules for raters", "Analysis plan"]
