"""What raters are told, how long it takes, and what it pays."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.actions import sessions
from studyapp.actions.amendments import amend_study
from studyapp.actions.studies import open_study as open_the_study
from studyapp.actions.texts import check_texts, remove_text, write_text
from studyapp.briefings import (
    FEWEST_MEASURED,
    Duration,
    briefing,
    consent_record,
    expected_duration,
    languages_of,
    own_texts,
    pay_an_hour,
)
from studyapp.errors import DuetError, NotReady, WrongState
from studyapp.languages import preferred
from studyapp.models import Study, StudySession, StudyText
from studyapp.states import SessionState
from tests.studyapp.factories import make_researcher, make_study, open_study

pytestmark = pytest.mark.django_db

GERMAN = {"consent_text": "Ja?", "instructions": "Hören."}


@pytest.mark.parametrize(
    "field",
    [
        "consent_text",
        "instructions",
        "responsible",
        "contact",
        "ethics_number",
        "data_kept",
        "kept_for",
        "consent_version",
        "pay",
    ],
)
def test_the_digest_covers_everything_that_is_told(field: str) -> None:
    study = make_study(pay=Decimal("1.00"))
    before = briefing(study, "en").sha256
    setattr(study, field, Decimal("2.50") if field == "pay" else "other")
    assert briefing(study, "en").sha256 != before


def test_a_session_carries_what_it_was_told_and_the_record_has_it_in_words() -> None:
    study = open_study(responsible="Dr. Ada Example")
    StudyText.objects.create(study=study, language="fr", consent_text="Oui ?", instructions="Écoutez.")
    session = sessions.enrol(study=study, now=timezone.now(), consent=sessions.Consent("t", language="fr"))
    told = {record["sha256"]: record for record in consent_record(study)}
    assert told[session.consent_sha256]["consent_text"] == "Oui ?"
    assert {record["language"] for record in told.values()} == {"en", "fr"}


def test_a_language_that_the_study_is_not_written_in_falls_back_to_its_own() -> None:
    study = make_study(language="de", **GERMAN)
    assert briefing(study, "ja").language == "de"
    assert languages_of(study) == [("de", "Deutsch")]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.5,ja;q=0.9", "ja"),
        ("zh-TW", "zh-hans"),
        ("pt-BR,pt;q=0.9", "en"),
        ("", "en"),
        ("de;q=lots,;;,*;q=0.1", "en"),
    ],
)
def test_a_browsers_wish_chooses_among_what_is_offered(accepted: str, language: str) -> None:
    assert preferred(["en", "de", "ja", "zh-hans"], accepted, otherwise="en") == language


def finished(study: Study, minutes: float, *, simulated: bool = False) -> None:
    session = sessions.enrol(study=study, now=timezone.now())
    now = timezone.now()
    StudySession.objects.filter(pk=session.pk).update(
        state=SessionState.COMPLETED,
        consented_at=now - timedelta(minutes=minutes),
        completed_at=now,
        simulated=simulated,
    )


def test_time_is_reckoned_until_enough_people_were_timed_and_then_it_is_their_median() -> None:
    study = open_study(clips=2, blocks=12, seconds=10.0)
    estimate = expected_duration(study, 18)
    assert estimate == Duration(minutes=14, measured=0)
    for _ in range(5):
        finished(study, 90, simulated=True)
    for minutes in (10, 11, 30, 12)[: FEWEST_MEASURED - 1]:
        finished(study, minutes)
    assert expected_duration(study, 18) == estimate
    finished(study, 200)
    assert expected_duration(study, 18) == Duration(minutes=12, measured=5)


def test_the_steps_before_the_trials_take_time_too() -> None:
    plain, asking = open_study(), open_study(checks_sound=True, headphone_test=Study.HeadphoneTest.BOTH)
    assert expected_duration(asking, 3).minutes - expected_duration(plain, 3).minutes == 3


def test_pay_is_told_for_an_hour_at_the_pace_that_is_told() -> None:
    study = open_study(pay="3.00", seconds=10.0, trials_per_block=18)
    assert pay_an_hour(study, Duration(12, 0)) == Decimal("15.00")
    page = Client().get(reverse("take", args=[study.token])).content.decode()
    assert "3.00 GBP" in page
    assert "12.86 GBP an hour" in page
    assert pay_an_hour(make_study(), Duration(12, 0)) is None


def test_texts_in_another_language_are_written_while_the_study_is_a_draft() -> None:
    draft = make_study()
    text = write_text(study=draft, language="de", by=None, **GERMAN)
    write_text(study=draft, language="de", by=None, consent_text="Ja, gern?")
    assert StudyText.objects.get().consent_text == "Ja, gern?"
    with pytest.raises(DuetError, match="own texts are in English"):
        write_text(study=draft, language="en", by=None, **GERMAN)
    with pytest.raises(DuetError, match="line 1"):
        write_text(study=draft, language="fr", by=None, **GERMAN, understanding_text="* what?")
    remove_text(text=text, by=None)
    assert not StudyText.objects.exists()
    with pytest.raises(WrongState):
        write_text(study=open_study(), language="de", by=None, **GERMAN)


@pytest.mark.parametrize(
    ("own", "other", "lacks"),
    [
        ({"data_kept": "Answers."}, {}, "what is kept"),
        ({"understanding_text": "? A?\n* b\n- c"}, {}, "questions about the instructions"),
        (
            {"understanding_text": "? A?\n* b\n- c"},
            {"understanding_text": "? A?\n* b\n- c\n- d"},
            "as many answers",
        ),
    ],
)
def test_a_study_opens_only_when_every_language_tells_the_same(
    own: dict[str, str], other: dict[str, str], lacks: str
) -> None:
    study = make_study(**own)
    StudyText.objects.create(study=study, language="de", **GERMAN, **other)
    with pytest.raises(NotReady, match=f"Deutsch lack.*{lacks}"):
        check_texts(study)
    StudyText.objects.update(**own)
    check_texts(study)
    with pytest.raises(NotReady, match="no design yet"):
        open_the_study(study=study, by=None)


def test_the_form_for_a_language_begins_with_duets_own_texts_in_it() -> None:
    client = Client()
    client.force_login(make_researcher())
    study = make_study()
    page = client.get(
        reverse("admin:studyapp_studytext_add"), {"study": study.pk, "language": "de"}
    ).content.decode()
    assert own_texts("de")["consent_text"][:30] in page
    values = {"study": study.pk, "language": "de", **GERMAN, "data_kept": "", "kept_for": ""}
    reply = client.post(reverse("admin:studyapp_studytext_add"), {**values, "understanding_text": ""})
    assert reply.url == reverse("research-study", args=[study.slug])
    assert "Deutsch" in client.get(reply.url).content.decode()
    text = StudyText.objects.get()
    assert client.get(reverse("admin:studyapp_studytext_change", args=[text.pk])).status_code == 200


def test_nobody_agrees_to_what_was_changed_while_they_read() -> None:
    study = open_study()
    client = Client()
    page = client.get(reverse("take", args=[study.token])).content.decode()
    ticket = re.search(r'name="ticket" value="([^"]+)"', page)
    assert ticket
    amend_study(study=study, by=None, reason="the committee asked for it", consent_text="Something else.")
    reply = client.post(reverse("take-consent", args=[study.token]), {"ticket": ticket[1]})
    told = reply.content.decode()
    assert "has changed meanwhile" in told
    assert "Something else." in told
    assert not study.sessions.exists()
    again = re.search(r'name="ticket" value="([^"]+)"', told)
    assert again
    client.post(reverse("take-consent", args=[study.token]), {"ticket": again[1]})
    session = study.sessions.get()
    study.refresh_from_db()
    assert (session.consent_version, session.consent_sha256) == (
        study.consent_version,
        briefing(study, "en").sha256,
    )


def test_a_translation_that_is_refused_stays_as_it_was_typed(client: Client) -> None:
    owner = make_researcher(is_superuser=False)
    client.force_login(owner)
    study = make_study(by=owner)
    add = reverse("admin:studyapp_studytext_add")
    typed = {
        "study": study.pk,
        "consent_text": "Typed for an hour.",
        "instructions": "x",
        "understanding_text": "",
    }
    typed |= {"data_kept": "", "kept_for": ""}
    refused = (("en", "draft", "own texts are in English"), ("de", "pilot", "is being piloted; only a draft"))
    for language, state, said in refused:
        Study.objects.filter(pk=study.pk).update(state=state)
        page = client.post(add, {**typed, "language": language})
        assert page.status_code == 200
        assert "Typed for an hour." in page.content.decode()
        (error,) = page.context["adminform"].form.non_field_errors()
        assert said in error
        assert error.endswith("Nothing was saved.")
    text = StudyText.objects.create(study=study, language="fr", consent_text="b", instructions="i")
    page = client.post(reverse("admin:studyapp_studytext_change", args=[text.pk]), typed)
    assert "Typed for an hour." in page.content.decode()
    assert "Nothing was saved." in page.content.decode()
    text.refresh_from_db()
    assert text.consent_text == "b"
