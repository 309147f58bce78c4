"""The live page of a study, and waves added from it: who sees what, by which names, and what stands in the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.actions import snapshots
from studyapp.models import Amendment, AuditLine, Block, Snapshot, Study, StudyMember, User
from studyapp.states import StudyState
from tests.studyapp.factories import make_member, make_researcher, make_study, make_system, open_study
from tests.studyapp.watching.test_monitoring import taking_part

pytestmark = pytest.mark.django_db
PAGES = ("research-running", "research-running-live")
SLUGS = ("a-system-of-note", "another-one")


@pytest.fixture
def study() -> Study:
    made = open_study(
        clips=4, blocks=4, trials_per_block=4, systems=(make_system(slug=SLUGS[0]), make_system(slug=SLUGS[1]))
    )
    taking_part(made, (1, 2, 5, 1))
    return made


def member(study: Study, role: str, *, sees_names: bool = False) -> User:
    user = make_researcher(is_superuser=False)
    make_member(study, user, role=role, sees_names=sees_names)
    return user


@pytest.fixture
def viewer(client: Client, study: Study) -> Client:
    client.force_login(member(study, StudyMember.Role.VIEWER))
    return client


@pytest.fixture
def editor(client: Client, study: Study) -> Client:
    client.force_login(member(study, StudyMember.Role.EDITOR))
    return client


@pytest.fixture
def owner(client: Client, study: Study) -> Client:
    client.force_login(member(study, StudyMember.Role.OWNER, sees_names=True))
    return client


def worked_out(study: Study) -> None:
    snapshots.ask(study=study, now=timezone.now())
    assert snapshots.refresh(study_id=study.pk)


def address(study: Study, name: str = "research-running") -> str:
    return reverse(name, args=[study.slug])


@pytest.mark.parametrize("name", PAGES)
def test_who_may_look(client: Client, study: Study, name: str) -> None:
    assert client.get(address(study, name))["Location"].startswith("/admin/login/")
    client.force_login(make_researcher(is_staff=False, is_superuser=False))
    assert client.get(address(study, name)).status_code == 403
    client.force_login(make_researcher(is_superuser=False))
    assert client.get(address(study, name)).status_code == 404
    for role in StudyMember.Role.values:
        client.force_login(member(study, role))
        assert client.get(address(study, name)).status_code == 200


def test_before_the_first_figures_the_page_says_that_they_are_being_worked_out(
    viewer: Client, study: Study
) -> None:
    page = viewer.get(address(study))
    assert "The first figures are being worked out" in page.content.decode()
    assert page.context["poll_s"] > 0
    assert Snapshot.objects.get(study=study).asked_at is not None


def test_a_draft_says_what_leads_on_and_asks_no_worker(client: Client) -> None:
    draft = make_study()
    client.force_login(member(draft, StudyMember.Role.VIEWER))
    page = client.get(address(draft))
    assert "Nothing runs yet" in page.content.decode()
    assert page.context["poll_s"] == 0
    assert not Snapshot.objects.exists()


def test_pairs_are_numbers_by_default(owner: Client, study: Study) -> None:
    worked_out(study)
    for name in PAGES:
        text = owner.get(address(study, name)).content.decode()
        assert "Pair 1" in text
        assert "System A" not in text
        assert not any(slug in text for slug in SLUGS)


def test_names_are_shown_to_who_may_see_them_and_asks_and_that_is_noted(owner: Client, study: Study) -> None:
    worked_out(study)
    for name in (*PAGES, *PAGES):
        text = owner.get(address(study, name) + "?names=1").content.decode()
        assert all(slug in text for slug in SLUGS)
    assert "?names=1" in owner.get(address(study) + "?names=1").content.decode()  # the fragment goes on so
    assert AuditLine.objects.filter(verb="names looked at", study=study).count() == 1


def test_names_are_refused_to_who_may_not_see_them(editor: Client, study: Study) -> None:
    worked_out(study)
    assert "names=1" not in editor.get(address(study)).content.decode()
    for name in PAGES:
        assert editor.get(address(study, name) + "?names=1").status_code == 403
    assert not AuditLine.objects.filter(verb="names looked at").exists()


def test_the_page_reads_the_same_whichever_system_is_ahead(viewer: Client, study: Study) -> None:
    worked_out(study)
    snapshot = Snapshot.objects.get(study=study)
    before = viewer.get(address(study, "research-running-live")).content
    for line in snapshot.figures["lines"]:
        line["net"], line["low"], line["high"] = -line["net"], -line["high"], -line["low"]
    assert any(line["net"] for line in snapshot.figures["lines"])
    snapshot.save()
    assert viewer.get(address(study, "research-running-live")).content == before


def test_the_buttons_follow_state_and_rights(client: Client, study: Study) -> None:
    for role, offered in ((StudyMember.Role.VIEWER, False), (StudyMember.Role.EDITOR, True)):
        client.force_login(member(study, role))
        for state, verb in ((StudyState.OPEN, "pause"), (StudyState.PAUSED, "resume")):
            Study.objects.filter(pk=study.pk).update(state=state)
            text = client.get(address(study)).content.decode()
            assert (reverse("research-do", args=[study.slug, verb]) in text) == offered
            assert ("Add the wave" in text) == offered


def test_alarms_are_on_the_page_while_the_study_runs(viewer: Client, study: Study) -> None:
    study.blocks.update(state="claimed")
    worked_out(study)
    assert "The study is full" in viewer.get(address(study)).content.decode()
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED, closed_at=timezone.now())
    page = viewer.get(address(study))
    assert "The study is full" not in page.content.decode()
    assert not page.context["runs"]


def test_old_figures_are_called_old(viewer: Client, study: Study) -> None:
    worked_out(study)
    assert "These figures are old" not in viewer.get(address(study)).content.decode()
    snapshot = Snapshot.objects.get(study=study)
    snapshot.figures["at"] = (timezone.now() - timedelta(hours=1)).isoformat()
    snapshot.save()
    assert "These figures are old" in viewer.get(address(study)).content.decode()


def test_figures_of_an_older_duet_are_not_misread(viewer: Client, study: Study) -> None:
    Snapshot.objects.create(study=study, figures={"version": 0, "people": 3}, made_at=timezone.now())
    assert "being worked out" in viewer.get(address(study)).content.decode()


def test_the_page_asks_a_fixed_number_of_questions(
    owner: Client, study: Study, django_assert_max_num_queries: Any
) -> None:
    worked_out(study)
    with django_assert_max_num_queries(24):
        owner.get(address(study))
    with django_assert_max_num_queries(14):
        owner.get(address(study, "research-running-live"))


def test_an_editor_extends_the_study(editor: Client, study: Study) -> None:
    response = editor.post(
        address(study, "research-wave"), {"raters": 2, "reason": "too few", "wave": 1}, follow=True
    )
    assert response.redirect_chain == [(address(study), 302)]
    assert (
        "Wave 1 is there: 2 further ratings for each of 4 comparisons, 2 new places." in response.content.decode()
    )
    assert Block.objects.filter(origin=Block.Origin.EXTENDED).count() == 2
    assert Amendment.objects.get().reason == "too few"
    assert "too few" in editor.get(address(study)).content.decode()


def test_one_of_everything_is_said_so(editor: Client, study: Study) -> None:
    given = {"raters": 1, "reason": "too few", "wave": 1}
    said = editor.post(address(study, "research-wave"), given, follow=True).content.decode()
    assert "Wave 1 is there: 1 further rating for each of 4 comparisons, 1 new place." in said


def test_pairs_are_chosen_by_number_whoever_chooses(editor: Client, study: Study) -> None:
    text = editor.get(address(study)).content.decode()
    assert 'value="Pair 1"' in text
    given = {"ratings": 1, "reason": "close", "wave": 1, "pairs": ["Pair 1"]}
    editor.post(address(study, "research-wave"), given)
    assert Amendment.objects.get().after["pairs"] == [sorted(SLUGS)]
    again = editor.post(address(study, "research-wave"), {**given, "pairs": ["Pair 2"], "wave": 2})
    assert "Pair 2 is not one of the available choices" in again.content.decode()


def test_a_form_sent_twice_adds_one_wave_and_keeps_what_was_written(editor: Client, study: Study) -> None:
    given = {"raters": 1, "reason": "it was written here", "wave": 1}
    editor.post(address(study, "research-wave"), given)
    again = editor.post(address(study, "research-wave"), given)
    assert again.status_code == 200
    assert "was given wave 1 meanwhile" in again.content.decode()
    assert "it was written here" in again.content.decode()
    assert Amendment.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"raters": 0}, "greater than or equal to 1"),
        ({"reason": "  "}, "This field is required"),
        ({"raters": ""}, "This field is required"),
    ],
)
def test_bad_input_comes_back_with_a_reason(editor: Client, study: Study, wrong: Any, words: str) -> None:
    given = {"raters": 2, "reason": "too few", "wave": 1, **wrong}
    assert words in editor.post(address(study, "research-wave"), given).content.decode()
    assert not Amendment.objects.exists()


def test_waves_need_an_editor_and_a_running_study(client: Client, study: Study) -> None:
    given = {"raters": 2, "reason": "too few", "wave": 1}
    assert client.post(address(study, "research-wave"), given)["Location"].startswith("/admin/login/")
    client.force_login(make_researcher(is_superuser=False))
    assert client.post(address(study, "research-wave"), given).status_code == 404
    client.force_login(member(study, StudyMember.Role.VIEWER))
    assert client.post(address(study, "research-wave"), given).status_code == 403
    client.force_login(member(study, StudyMember.Role.OWNER))
    assert client.get(address(study, "research-wave")).status_code == 405
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED, closed_at=timezone.now())
    refused = client.post(address(study, "research-wave"), given, follow=True)
    assert "only a study that is open or paused" in refused.content.decode()
    assert not Amendment.objects.exists()


def test_no_mail_is_promised_without_a_mail_server(owner: Client, study: Study, settings: Any) -> None:
    worked_out(study)
    pages = (address(study), address(study, "research-team"))
    for host, said in (("", True), ("mail.example.org", False)):
        settings.EMAIL_HOST = host
        for page in pages:
            assert ("no mail server" in owner.get(page).content.decode()) == said
