"""The raters of a study on a page: who sees them, a page at a time, and who breaks a rule as a worker found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from studyapp.actions import snapshots
from studyapp.models import Snapshot, Study, StudySession
from studyapp.results.pseudonyms import pseudonym
from studyapp.states import StudyState
from studyapp.views import raters
from tests.studyapp.factories import make_researcher, make_study, open_study
from tests.studyapp.results.test_exports import answer_everything

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_researcher())
    return client


def address(study: Study) -> str:
    return reverse("research-raters", args=[study.slug])


def came(study: Study, *, choice: int = 2, simulated: bool = False) -> StudySession:
    session = answer_everything(study, choice=choice, simulated=simulated)
    StudySession.objects.filter(pk=session.pk).update(answer_count=session.responses.count())
    return session


def name(study: Study, session: StudySession) -> str:
    return pseudonym(study, session.rater.code, prefix="r")


def worked_out(study: Study) -> None:
    """As a worker does whom the page has sent."""
    Snapshot.objects.filter(study=study).update(made_at=None)
    assert snapshots.refresh(study_id=study.pk)


def test_strangers_sign_in_others_are_refused_and_non_members_find_nothing(client: Client) -> None:
    study = open_study()
    assert client.get(address(study))["Location"].startswith("/admin/login/")
    client.force_login(make_researcher(is_staff=False, is_superuser=False))
    assert client.get(address(study)).status_code == 403
    client.force_login(make_researcher(is_superuser=False))
    assert client.get(address(study)).status_code == 404


def test_before_the_first_answer_the_page_says_what_is_to_come(staff: Client) -> None:
    assert "raters come once the study is piloted or open" in staff.get(address(make_study())).content.decode()
    assert "Nobody has answered yet." in staff.get(address(open_study())).content.decode()


def test_people_are_shown_and_simulated_raters_when_asked_for_by_pseudonym_alone(staff: Client) -> None:
    study = open_study(blocks=3)
    person, program = came(study), came(study, simulated=True)
    page = staff.get(address(study)).content.decode()
    assert "1 rater answered." in page
    assert name(study, person) in page
    assert name(study, program) not in page
    both = staff.get(address(study), {"simulated": "1"}).content.decode()
    assert "2 raters answered." in both
    assert both.index(name(study, program)) < both.index(name(study, person))
    for secret in (person.token, person.rater.code, program.token, program.rater.code):
        assert secret not in both


def test_those_who_break_a_rule_are_told_once_a_worker_has_looked(staff: Client) -> None:
    study = open_study(clips=4, blocks=3, max_same_choice=0.9)
    one, other = came(study), came(study)
    # The second answers each trial otherwise.
    for place, given in enumerate(other.responses.order_by("trial__position", "question")):
        other.responses.filter(pk=given.pk).update(choice=1 + place // 2 % 5)
    page = staff.get(address(study)).content.decode()
    assert "who breaks a rule is being worked out" in page
    assert "100% of the answers to one question alike" in page
    assert "Not worked out yet" in staff.get(address(study), {"breaking": "1"}).content.decode()
    assert Snapshot.objects.get(study=study).asked_at is not None
    worked_out(study)
    assert "1 broke a rule that the study declared, as of" in staff.get(address(study)).content.decode()
    response = staff.get(address(study), {"breaking": "1"})
    assert [line.figures.rater_id for line in response.context["lines"]] == [name(study, one)]
    assert response.context["total"] == 2


def test_a_simulated_breaker_is_shown_with_simulated_raters_only(staff: Client) -> None:
    study = open_study(blocks=3, max_same_choice=0.9)
    program = came(study, simulated=True)
    staff.get(address(study))
    worked_out(study)
    assert "Nobody broke a rule" in staff.get(address(study), {"breaking": "1"}).content.decode()
    response = staff.get(address(study), {"breaking": "1", "simulated": "1"})
    assert [line.figures.rater_id for line in response.context["lines"]] == [name(study, program)]


def test_who_broke_a_rule_in_a_pilot_is_nothing_to_the_study(staff: Client) -> None:
    study = open_study(blocks=2, max_same_choice=0.9)
    came(study)
    staff.get(address(study))
    worked_out(study)
    Study.objects.filter(pk=study.pk).update(state=StudyState.PILOT, opened_at=None)
    assert staff.get(address(study)).context["breaking"] is None


def test_a_study_without_rules_sends_no_worker(staff: Client) -> None:
    study = open_study()
    came(study)
    page = staff.get(address(study), {"breaking": "1"}).content.decode()
    assert "The study declares no rule that could be broken." in page
    assert not Snapshot.objects.exists()


def test_an_erased_rater_is_missing_from_the_list_of_a_minute_ago(staff: Client) -> None:
    study = open_study(blocks=2, max_same_choice=0.9)
    gone, stays = came(study), came(study)
    staff.get(address(study))
    worked_out(study)
    gone.responses.all().delete()
    gone.delete()
    response = staff.get(address(study), {"breaking": "1"})
    assert [line.figures.rater_id for line in response.context["lines"]] == [name(study, stays)]


def test_raters_come_a_page_at_a_time_the_newest_first(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raters, "A_PAGE", 2)
    study = open_study(blocks=5, max_same_choice=0.9)
    sessions = [came(study) for _ in range(5)]
    staff.get(address(study))
    worked_out(study)
    for asked in ({}, {"breaking": "1"}):
        shown = [
            line.figures.rater_id
            for number in (1, 2, 3)
            for line in staff.get(address(study), {**asked, "page": str(number)}).context["lines"]
        ]
        assert shown == [name(study, session) for session in reversed(sessions)]
    page = staff.get(address(study), {"breaking": "1", "page": "2"}).content.decode()
    assert "3–4 of 5" in page
    assert "?breaking=1&amp;page=3" in page


def test_the_page_asks_as_often_for_many_raters_as_for_one(staff: Client) -> None:
    study = open_study(blocks=6, max_same_choice=0.9)
    counts = []
    for more in (1, 5):
        for _ in range(more):
            came(study)
        Snapshot.objects.update_or_create(study=study, defaults={"asked_at": timezone.now() + timedelta(days=1)})
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(address(study)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 12
