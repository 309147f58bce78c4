"""Invitations, panels and the open link: who gets in, once, and where they are taken back to."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.actions import recruitment, sessions
from studyapp.actions.recruitment import Entry
from studyapp.actions.sessions import Consent
from studyapp.errors import DuetError, WrongState
from studyapp.models import Invitation, Participant, Rater, Study, StudySession
from studyapp.panels import PANELS, Outcome
from studyapp.states import SessionState
from tests.studyapp.factories import make_researcher, open_study
from tests.studyapp.test_rater_pages import Browser

pytestmark = pytest.mark.django_db

PROLIFIC = {"PROLIFIC_PID": "5f0c1e-prolific", "STUDY_ID": "62ab", "SESSION_ID": "77cd"}


def prolific_study(**fields: Any) -> Study:
    codes = {"completion_code": "C1DONE", "screened_out_code": "C2OUT", "no_consent_code": "C3NO"}
    return open_study(**{"panel": "prolific", "open_link": False, **codes, "timed_out_code": "C4LATE", **fields})


def first_page(study: Study, client: Client, **parameters: str) -> str:
    return str(client.get(reverse("take", args=[study.token]), parameters, follow=True).content.decode())


def agree(study: Study, client: Client, page: str, *, name: str = "take-consent") -> Any:
    ticket = re.search(r'name="ticket" value="([^"]+)"', page)
    assert ticket, page
    return client.post(reverse(name, args=[study.token]), {"ticket": ticket[1]}, follow=True)


def invitation_page(study: Study, client: Client, code: str) -> Any:
    return client.get(reverse("take-invitation", args=[study.token, code]), follow=True)


def test_an_invitation_lets_one_person_in_and_back_without_cookies() -> None:
    study = open_study(open_link=False)
    (code,) = recruitment.invite(study=study, notes=["seat 4"], by=None)
    here, elsewhere = Client(), Client()
    agree(study, here, invitation_page(study, here, code).content.decode())
    session = StudySession.objects.get()
    assert session.rater.invitation.note == "seat 4"
    reply = invitation_page(study, elsewhere, code)
    assert "How it works" in reply.content.decode()
    assert elsewhere.cookies["seat"].value.split(":")[0] == session.token
    assert StudySession.objects.count() == 1


def test_an_invitations_code_is_kept_nowhere() -> None:
    study = open_study()
    codes = recruitment.invite(study=study, notes=["", ""], by=None)
    assert len(set(codes)) == 2
    assert min(len(code) for code in codes) >= 20
    kept = str(list(Invitation.objects.values()))
    assert not any(code in kept for code in codes)


def test_an_invitation_that_was_taken_back_leads_nowhere_and_a_used_one_cannot_be() -> None:
    study = open_study(open_link=False)
    first, second = recruitment.invite(study=study, notes=["", ""], by=None)
    client = Client()
    page = invitation_page(study, client, first).content.decode()
    one, other = Invitation.objects.order_by("pk")
    recruitment.revoke(invitation=one, by=None, now=timezone.now())
    # Even with the form that was open meanwhile.
    assert "was taken back" in agree(study, client, page).content.decode()
    assert invitation_page(study, client, first).status_code == 403
    assert not StudySession.objects.exists()
    assert not Rater.objects.exists()
    agree(study, client, invitation_page(study, client, second).content.decode())
    with pytest.raises(WrongState, match="used already"):
        recruitment.revoke(invitation=other, by=None, now=timezone.now())


def test_an_invitation_taken_back_after_the_last_look_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    study = open_study(open_link=False)
    (code,) = recruitment.invite(study=study, notes=[""], by=None)
    looked = recruitment.refusal

    def look_then_take_back(study: Study, entry: Entry) -> str:
        reason = looked(study, entry)
        Invitation.objects.update(revoked_at=timezone.now())
        return reason

    monkeypatch.setattr(recruitment, "refusal", look_then_take_back)
    with pytest.raises(WrongState, match="taken back"):
        sessions.enrol(study=study, now=timezone.now(), consent=Consent("form", Entry(invitation=code)))
    assert not Rater.objects.exists()
    assert Invitation.objects.get().used_at is None


def test_an_unknown_invitation_and_another_studys_are_refused() -> None:
    study = open_study(open_link=False)
    (code,) = recruitment.invite(study=open_study(), notes=[""], by=None)
    for wrong in ("nonsense", code):
        reply = invitation_page(study, Client(), wrong)
        assert reply.status_code == 403
        assert "not known" in reply.content.decode()


def test_a_closed_link_says_what_is_missing() -> None:
    reply = Client().get(reverse("take", args=[open_study(open_link=False).token]))
    assert (reply.status_code, "by invitation" in reply.content.decode()) == (403, True)
    reply = Client().get(reverse("take", args=[prolific_study().token]))
    assert reply.status_code == 403
    assert "by which Prolific knows you" in reply.content.decode()


def test_a_panels_id_takes_part_once_and_comes_back_by_the_same_link() -> None:
    study = prolific_study()
    client, without_cookies = Client(), Client()
    agree(study, client, first_page(study, client, **PROLIFIC))
    participant = Participant.objects.get()
    assert participant.panel_id == "5f0c1e-prolific"
    assert participant.further == {"STUDY_ID": "62ab", "SESSION_ID": "77cd"}
    assert "How it works" in first_page(study, without_cookies, **PROLIFIC)
    assert StudySession.objects.count() == 1
    StudySession.objects.update(state=SessionState.COMPLETED, completed_at=timezone.now())
    assert "Thank you!" in first_page(study, Client(), **PROLIFIC)
    assert StudySession.objects.count() == 1


def test_who_never_began_may_agree_again_under_the_same_id() -> None:
    study = prolific_study()
    client = Client()
    agree(study, client, first_page(study, client, **PROLIFIC))
    StudySession.objects.update(state=SessionState.EXPIRED)
    page = first_page(study, client, **PROLIFIC)
    assert "your place was passed on" in page
    agree(study, client, page)
    assert StudySession.objects.count() == 2
    assert Participant.objects.get().rater == StudySession.objects.latest("pk").rater


def test_two_people_of_a_panel_on_one_device_are_two() -> None:
    study = prolific_study()
    client = Client()
    agree(study, client, first_page(study, client, **PROLIFIC))
    agree(study, client, first_page(study, client, **{**PROLIFIC, "PROLIFIC_PID": "another"}))
    assert StudySession.objects.count() == 2


@pytest.mark.parametrize("wrong", ["", " ", "{{%PROLIFIC_PID%}}", "x" * 121, "a\nb"])
def test_what_cannot_be_an_id_is_none(wrong: str) -> None:
    assert PANELS["prolific"].arrival({"PROLIFIC_PID": wrong}) is None


def test_a_digest_tells_nobody_who_took_part_but_refuses_them_after_the_purge() -> None:
    study = prolific_study(blocks=3)
    client = Client()
    agree(study, client, first_page(study, client, **PROLIFIC))
    assert recruitment.purge_panel_ids(study=study, by=None, now=timezone.now()) == 1
    participant = Participant.objects.get()
    assert (participant.panel_id, participant.further) == ("", {})
    assert participant.purged_at is not None
    assert "5f0c1e-prolific" not in str(Participant.objects.values())
    assert "How it works" in first_page(study, Client(), **PROLIFIC)
    assert StudySession.objects.count() == 1
    other = prolific_study()
    again = Client()
    agree(other, again, first_page(other, again, **PROLIFIC))
    assert len(set(Participant.objects.values_list("digest", flat=True))) == 2


@pytest.mark.parametrize(
    ("state", "fields", "code"),
    [
        (SessionState.COMPLETED, {"completed_at": timezone.now()}, "C1DONE"),
        (SessionState.SCREENED_OUT, {}, "C2OUT"),
        (SessionState.EXPIRED, {"started_at": timezone.now()}, "C4LATE"),
    ],
)
def test_every_end_leads_back_to_the_panel_at_once(state: str, fields: dict[str, Any], code: str) -> None:
    study = prolific_study()
    client = Client()
    agree(study, client, first_page(study, client, **PROLIFIC))
    StudySession.objects.update(state=state, **fields)
    page = first_page(study, client, **PROLIFIC)
    address = f"https://app.prolific.com/submissions/complete?cc={code}"
    assert f'<meta http-equiv="refresh" content="0; url={address}">' in page
    assert f'<a href="{address}">' in page


def test_no_thank_you_is_counted_leads_back_and_keeps_nothing() -> None:
    study = prolific_study()
    client = Client()
    page = agree(study, client, first_page(study, client, **PROLIFIC), name="take-decline").content.decode()
    assert "complete?cc=C3NO" in page
    study.refresh_from_db()
    assert study.declined == 1
    assert not any(model.objects.exists() for model in (StudySession, Participant, Rater))
    assert "5f0c1e-prolific" not in page


def test_an_end_without_a_code_says_what_to_do() -> None:
    study = prolific_study(no_consent_code="", screened_out_code="")
    client = Client()
    page = agree(study, client, first_page(study, client, **PROLIFIC), name="take-decline").content.decode()
    assert "Please return your submission at Prolific." in page
    assert "refresh" not in page
    agree(study, client, first_page(study, client, **PROLIFIC))
    StudySession.objects.update(state=SessionState.SCREENED_OUT)
    assert "Please return your submission at Prolific." in first_page(study, client, **PROLIFIC)


def test_nobody_who_came_by_the_open_link_is_sent_to_a_panel() -> None:
    study = prolific_study(open_link=True)
    browser = Browser(study)
    browser.consent()
    StudySession.objects.update(state=SessionState.COMPLETED, completed_at=timezone.now())
    page = browser.client.get(browser.url("take-thanks")).content.decode()
    assert "refresh" not in page
    assert "C1DONE" in page


def test_sona_and_other_panels_get_the_id_back() -> None:
    credit = "https://uni.sona-systems.com/webstudy_credit.aspx?experiment_id=12&credit_token=ab&survey_code=XXXX"
    sona = open_study(panel="sona", panel_return_address=credit)
    assert recruitment.address_back(sona, Outcome.COMPLETED, panel="sona", identity="7 8") == (
        credit.replace("XXXX", "7%208")
    )
    assert recruitment.address_back(sona, Outcome.SCREENED_OUT, panel="sona", identity="7") == ""
    other = open_study(
        panel="address",
        panel_return_address="https://panel.example/back?who={id}&status={code}",
        screened_out_code="OUT",
    )
    out = recruitment.address_back(other, Outcome.SCREENED_OUT, panel="address", identity="a&b")
    assert out == "https://panel.example/back?who=a%26b&status=OUT"
    assert recruitment.address_back(other, Outcome.TIMED_OUT, panel="address", identity="a") == ""


def test_a_raters_own_link_brings_them_back_in_another_browser() -> None:
    browser = Browser(open_study())
    browser.consent()
    config = browser.trial()
    elsewhere = Client()
    reply = elsewhere.get(browser.url("take-back", browser.session.token), follow=True)
    assert config["token"] in reply.content.decode()
    stranger = Client().get(browser.url("take-back", "nonsense"), follow=True)
    assert "I agree to take part" in stranger.content.decode()


def test_a_ticket_cannot_be_made_up_or_used_in_another_study() -> None:
    study, other = prolific_study(), prolific_study()
    client = Client()
    page = first_page(study, client, **PROLIFIC)
    ticket = re.search(r'name="ticket" value="([^"]+)"', page)
    assert ticket
    said, _, signature = ticket[1].rpartition(":")
    other_signature = ("b" if signature.startswith("a") else "a") + signature[1:]
    for forged in (f"{said}:{other_signature}", ""):
        client.post(reverse("take-consent", args=[study.token]), {"ticket": forged})
    client.post(reverse("take-consent", args=[other.token]), {"ticket": ticket[1]})
    assert not StudySession.objects.exists()


def test_a_researcher_makes_invitations_and_gets_their_links_once() -> None:
    researcher = make_researcher(is_superuser=False)
    study = open_study(by=researcher)
    client = Client()
    client.force_login(researcher)
    address = reverse("research-people", args=[study.slug])
    reply = client.post(address, {"notes": "seat 1\n=HYPERLINK(1)\n\n"})
    assert reply["Content-Type"] == "text/csv"
    rows = list(csv.reader(io.StringIO(reply.content.decode())))
    assert [row[0] for row in rows] == ["note", "seat 1", "'=HYPERLINK(1)"]
    assert invitation_page(study, Client(), rows[1][1].rstrip("/").split("/")[-1]).status_code == 200
    page = client.get(address).content.decode()
    assert "0 of 2 used" in page
    assert rows[1][1] not in page
    for wrong in ({}, {"number": 2, "notes": "a"}, {"number": 0}, {"number": 5001}):
        assert client.post(address, wrong)["Content-Type"].startswith("text/html")
    assert Invitation.objects.count() == 2
    client.post(reverse("research-revoke", args=[study.slug, Invitation.objects.first().pk]))  # type: ignore[union-attr]
    assert "taken back" in client.get(address).content.decode()
    assert Client().get(address).status_code == 302


def test_an_invitation_that_was_used_is_named_as_its_note_was_written(client: Client) -> None:
    study = open_study()
    client.force_login(make_researcher())
    used = Invitation.objects.create(study=study, digest="0" * 64, note="Seat A4, DFG", used_at=timezone.now())
    (said,) = client.post(reverse("research-revoke", args=[study.slug, used.pk]), follow=True).context["messages"]
    assert str(said).startswith(f"Invitation {used.pk} (Seat A4, DFG) was used already")


def test_a_researcher_reads_the_panels_set_up_and_purges_its_ids() -> None:
    study = prolific_study()
    rater, client = Client(), Client()
    agree(study, rater, first_page(study, rater, **PROLIFIC))
    client.force_login(make_researcher())
    page = client.get(reverse("research-people", args=[study.slug])).content.decode()
    assert "?PROLIFIC_PID={{%PROLIFIC_PID%}}&amp;STUDY_ID=" in page
    assert "complete?cc=C2OUT" in page
    assert reverse("research-team", args=[study.slug]) in page
    client.post(reverse("research-purge-personal", args=[study.slug]))
    assert Participant.objects.get().panel_id == ""


def test_too_many_invitations_at_a_time_are_refused_by_number() -> None:
    with pytest.raises(DuetError, match="1 to 5000"):
        recruitment.invite(study=open_study(), notes=[""] * 5001, by=None)


@pytest.mark.parametrize("state", ["closed", "archived"])
def test_a_study_that_has_ended_invites_nobody(client: Client, state: str) -> None:
    study = open_study()
    recruitment.invite(study=study, notes=["while it was open"], by=None)
    archived_at = timezone.now() if state == "archived" else None
    Study.objects.filter(pk=study.pk).update(state=state, closed_at=timezone.now(), archived_at=archived_at)
    study.refresh_from_db()
    with pytest.raises(WrongState, match=f"is {state}; an invitation would lead nobody in"):
        recruitment.invite(study=study, notes=[""], by=None)
    client.force_login(make_researcher())
    page = client.post(reverse("research-people", args=[study.slug]), {"number": 2})
    assert page["Content-Type"].startswith("text/html")
    assert Invitation.objects.count() == 1


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("draft", "Nobody can take part yet: the study is a draft."),
        ("pilot", "Anybody who has it can take part in the pilot, once a browser."),
        ("open", "Anybody who has it can take part, once a browser."),
        ("paused", "Nobody new comes in while the study is paused"),
        ("closed", "The study is closed: nobody comes in any more"),
        ("archived", "The study is archived: nobody comes in any more"),
    ],
)
def test_the_page_says_whom_the_open_link_lets_in(client: Client, state: str, said: str) -> None:
    study = open_study()
    times = {
        "opened_at": None if state in ("draft", "pilot") else timezone.now(),
        "closed_at": timezone.now() if state in ("closed", "archived") else None,
        "archived_at": timezone.now() if state == "archived" else None,
        "plan_sha256": "" if state in ("draft", "pilot") else study.plan_sha256,
    }
    Study.objects.filter(pk=study.pk).update(state=state, **times)
    client.force_login(make_researcher())
    text = client.get(reverse("research-people", args=[study.slug])).content.decode()
    assert said in text
    assert ("Anybody who has it" in text) is (state in ("pilot", "open"))
    assert ("No further ones are made" in text) is (state in ("closed", "archived"))


def test_how_raters_came_is_exported() -> None:
    from studyapp.results import covariates

    study = open_study(blocks=3)
    (code,) = recruitment.invite(study=study, notes=[""], by=None)
    came = [Entry(), Entry(invitation=code), Entry(arrival=PANELS["prolific"].arrival(PROLIFIC))]
    for number, entry in enumerate(came):
        sessions.enrol(study=study, now=timezone.now(), consent=Consent(f"ticket{number}", entry))
    rows = [covariates.values(session)["recruited_by"] for session in StudySession.objects.order_by("pk")]
    assert rows == ["open", "invitation", "panel"]
