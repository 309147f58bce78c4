"""Amendments: what may be changed after opening, by whom it is noticed, and what exports say of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from studyapp.actions.amendments import amend_study, next_version, write_amendment
from studyapp.actions.particulars import amendments_csv
from studyapp.actions.sessions import enrol
from studyapp.errors import DuetError, Overtaken, WrongState
from studyapp.models import Amendment, AuditLine, Study, StudyText
from studyapp.plan import amendable, freezing
from studyapp.plan.amendable import KEPT_BACK, SECRET
from studyapp.plan.amendments import COLUMNS, amendment_rows, deviation_sentences, without_authors
from studyapp.plan.fingerprints import fingerprint
from studyapp.states import StudyState
from tests.studyapp.factories import make_researcher, make_study, open_study

pytestmark = pytest.mark.django_db


def in_state(state: StudyState, **fields: Any) -> Study:
    """An opened study, put into a state."""
    study = open_study(clips=1, blocks=1, **fields)
    now = timezone.now()
    marks: dict[StudyState, dict[str, Any]] = {
        StudyState.CLOSED: {"closed_at": now},
        StudyState.ARCHIVED: {"closed_at": now, "archived_at": now},
    }
    Study.objects.filter(pk=study.pk).update(state=state, **marks.get(state, {}))
    study.refresh_from_db()
    return study


@pytest.mark.parametrize("state", [StudyState.OPEN, StudyState.PAUSED, StudyState.CLOSED])
def test_each_changed_field_is_one_numbered_amendment_with_its_audit_line(state: StudyState) -> None:
    ann = make_researcher()
    study = in_state(state)
    amend_study(study=study, by=ann, reason="a reviewer asked", margin=0.2, stop_most_raters=40)
    study.refresh_from_db()
    assert (study.margin, study.stop_most_raters) == (0.2, 40)
    rows = [(one.number, one.what, one.before, one.after, one.by, one.reason) for one in study.amendments.all()]
    assert rows == [
        (1, "margin", 0.1, 0.2, ann, "a reviewer asked"),
        (2, "stop_most_raters", None, 40, ann, "a reviewer asked"),
    ]
    lines = AuditLine.objects.filter(verb="study amended", study=study, by=ann)
    assert {line.details["what"]: line.details["after"] for line in lines} == {
        "margin": 0.2,
        "stop_most_raters": 40,
    }


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (StudyState.DRAFT, "change it in its form"),
        (StudyState.PILOT, "end the pilot"),
        (StudyState.ARCHIVED, "nothing in it changes"),
    ],
)
def test_what_is_not_open_yet_or_put_away_is_not_amended(state: StudyState, said: str) -> None:
    early = state in (StudyState.DRAFT, StudyState.PILOT)
    study = make_study(state=state) if early else in_state(state)
    with pytest.raises(WrongState, match=said):
        amend_study(study=study, by=None, reason="why not", margin=0.2)
    assert not Amendment.objects.exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"seed": 2}, "decides the design"),
        ({"clips": []}, "decides the design"),
        ({"headphone_gate": True}, "duplicate the study"),
        ({"understanding_text__de": "Was?"}, "drawn from it"),
        ({"state": "draft"}, "choose among registration_url"),
        ({"no_such_thing": 1}, "choose among registration_url"),
        ({"consent_text__": "Yes?"}, "choose among registration_url"),
        ({"consent_text__fr": "Oui ?"}, "it has no further language"),
        ({"margin": 5}, "less than or equal to 0.99"),
        ({"margin": "much"}, "must be a float"),
        ({"consent_text": ""}, "cannot be blank"),
        ({"stop_least_raters": 30, "stop_most_raters": 20}, "fewer than the 30"),
        ({"primary_pairs": [["cmt", "mubert"]]}, "not among the pairs"),
        ({"primary_pairs": [{}]}, "no list of pairs of two slugs"),
        ({"primary_pairs": None}, "may not be null"),
        ({"margin": float("nan")}, "give a finite one"),
        ({"stop_most_raters": float("inf")}, "give a finite one"),
        ({"keep_ids_until": "2020-01-01"}, "owners set it on the study's page Team"),
        ({"hypotheses": {"a": [1]}}, "is not a text"),
        ({"consent_text": "\ud800"}, "half a character"),
        ({"panel_return_address": "javascript:1"}, "is no web address"),
        ({"panel_return_address": "javascript://panel.example/%0aalert(1)"}, "is no web address"),
    ],
)
def test_what_cannot_be_amended_is_refused_with_why_and_nothing_is_changed(
    fields: dict[str, Any], said: str
) -> None:
    study = in_state(StudyState.OPEN)
    with pytest.raises(DuetError, match=said):
        amend_study(study=study, by=None, reason="why not", session_timeout_min=30, **fields)
    assert not Amendment.objects.exists()
    study.refresh_from_db()
    assert (study.session_timeout_min, study.seed, study.margin) == (60, 1, 0.1)


@pytest.mark.parametrize("fields", [{}, {"margin": 0.1}])
def test_what_changes_nothing_is_no_amendment(fields: dict[str, Any]) -> None:
    with pytest.raises(DuetError, match="nothing differs"):
        amend_study(study=in_state(StudyState.OPEN), by=None, reason="why not", **fields)
    assert not Amendment.objects.exists()


def test_texts_are_not_amended_once_nobody_reads_them() -> None:
    study = in_state(StudyState.CLOSED)
    with pytest.raises(WrongState, match="while a study is open or paused"):
        amend_study(study=study, by=None, reason="typo", consent_text="Yes?")


def test_an_amendment_says_why() -> None:
    with pytest.raises(DuetError, match="say why"):
        amend_study(study=in_state(StudyState.OPEN), by=None, reason="  ", margin=0.2)


def test_every_field_of_a_study_is_amendable_or_refused_with_a_reason_or_set_by_actions_alone() -> None:
    mentioned = {name for part in amendable.PARTS for name in part.fields} | set(amendable.REFUSED)
    names = {field.name for field in Study._meta.get_fields() if getattr(field, "editable", False)}
    assert names - mentioned - {"id"} == set()
    assert not {name for part in amendable.PARTS for name in part.fields} & set(amendable.REFUSED)


def test_a_new_consent_counts_up_its_version_and_new_instructions_do_not() -> None:
    study = in_state(StudyState.OPEN)
    amend_study(study=study, by=None, reason="typo", instructions="Listen well.")
    study.refresh_from_db()
    assert study.consent_version == "1"
    amend_study(study=study, by=None, reason="more pay", pay=Decimal("3.50"))
    study.refresh_from_db()
    assert (study.pay, study.consent_version) == (Decimal("3.50"), "2")
    assert [one.what for one in study.amendments.all()] == ["instructions", "pay", "consent_version"]
    amend_study(study=study, by=None, reason="ours", contact="x@example.org", consent_version="2026-b")
    study.refresh_from_db()
    assert study.consent_version == "2026-b"


@pytest.mark.parametrize(
    ("version", "following"),
    [("1", "2"), ("9", "10"), ("1.9", "1.10"), ("2026-06-01", "2026-06-01.2"), ("b", "b.2")],
)
def test_versions_count_up(version: str, following: str) -> None:
    assert next_version(version) == following


def test_texts_in_another_language_are_amended_too() -> None:
    study = in_state(StudyState.OPEN)
    StudyText.objects.create(study=study, language="de", consent_text="Ja?", instructions="Hören.")
    amend_study(study=study, by=None, reason="typo", consent_text__de="Einverstanden?")
    assert study.texts.get().consent_text == "Einverstanden?"
    assert [one.what for one in study.amendments.all()] == ["consent_text__de", "consent_version"]
    # Raters of every language are told the same.
    study.refresh_from_db()
    with pytest.raises(DuetError, match="Deutsch lack what is kept"):
        amend_study(study=study, by=None, reason="asked by the committee", data_kept="Age")
    study.refresh_from_db()
    assert study.data_kept == ""
    amend_study(study=study, by=None, reason="asked", data_kept="Age", data_kept__de="Alter")


def test_a_change_thought_out_from_an_older_value_is_told_who_was_first() -> None:
    ann, bob = make_researcher(username="ann"), make_researcher(username="bob")
    study = in_state(StudyState.OPEN)
    stale = Study.objects.get(pk=study.pk)
    amend_study(study=study, by=ann, reason="a reviewer asked", margin=0.2)
    with pytest.raises(Overtaken, match=r"ann changed smallest net preference.*a reviewer asked.*“0.1” to “0.2”"):
        amend_study(study=stale, by=bob, reason="my own", margin=0.3)
    # Something else may be amended from the same page, and the one who has looked again may go on.
    amend_study(study=stale, by=bob, reason="my own", stop_least_raters=10)
    amend_study(study=stale, by=bob, reason="my own", margin=0.3, based_on={"margin": fingerprint(0.2)})
    study.refresh_from_db()
    assert (study.margin, study.stop_least_raters) == (0.3, 10)
    assert [one.number for one in study.amendments.all()] == [1, 2, 3]


def test_each_amendment_rests_on_the_one_before_and_a_change_to_one_shows() -> None:
    study = in_state(StudyState.OPEN)
    for margin in (0.2, 0.3, 0.4):
        amend_study(study=study, by=make_researcher(), reason="a reason", margin=margin)
        study.refresh_from_db()
    write_amendment(study=study, what="extension", before=None, after={"ratings": 2}, reason="few", by=None)
    assert freezing.broken_amendment(study) is None
    Amendment.objects.filter(study=study, number=2).update(reason="a better one")
    assert freezing.broken_amendment(study) == 2
    Amendment.objects.filter(study=study, number=1).delete()
    assert freezing.broken_amendment(study) == 1


def test_a_table_without_authors_is_else_as_it_was_however_long_its_texts_are() -> None:
    ada = make_researcher(username="ada@example.org")
    study = in_state(StudyState.OPEN)
    assert without_authors(amendments_csv(study)) == amendments_csv(study)
    amend_study(study=study, by=ada, reason='so "they", said,\nof ada@example.com', hypotheses="long " * 50_000)
    amend_study(study=study, by=None, reason="x", margin=0.2)
    table = amendments_csv(study)
    assert "ada@example.org" in table
    assert without_authors(table) == table.replace("ada@example.org", "")


def test_renaming_an_account_leaves_the_amendments_whole() -> None:
    ann = make_researcher()
    study = in_state(StudyState.OPEN)
    amend_study(study=study, by=ann, reason="a reason", margin=0.2)
    ann.username = "anna"
    ann.save()
    assert freezing.broken_amendment(study) is None
    assert amendment_rows(study)[0]["by"] == "anna"


@pytest.mark.parametrize("name", sorted(SECRET))
def test_what_is_worth_money_is_amended_and_told_to_nobody(name: str) -> None:
    first, second = ("https://a.example/1", "https://a.example/2") if "address" in name else ("PAY-1", "PAY-2")
    study = in_state(StudyState.OPEN, **{name: first})
    (amendment,) = amend_study(study=study, by=None, reason="A new panel.", **{name: second})
    study.refresh_from_db()
    assert getattr(study, name) == second
    assert (amendment.before, amendment.after) == (KEPT_BACK, KEPT_BACK)
    told = [
        str(amendment_rows(study)),
        str(deviation_sentences(study)),
        str(list(AuditLine.objects.values_list("details", flat=True))),
    ]
    assert not any(code in text for code in (first, second) for text in told)
    assert "changed, and kept out of the record. Reason: A new panel." in told[1]
    assert freezing.broken_amendment(study) is None
    assert getattr(freezing.as_frozen(study).study, name) == second
    if name == "completion_code":  # there is always one
        return
    # That there is none any more may be known.
    (amendment,) = amend_study(study=study, by=None, reason="None.", **{name: ""})
    assert (amendment.before, amendment.after) == (KEPT_BACK, "")


def test_exports_and_reports_say_what_was_changed_when_and_why() -> None:
    study = in_state(StudyState.OPEN)
    enrol(study=study, now=timezone.now() - timedelta(minutes=5))
    amend_study(study=study, by=None, reason="a reviewer asked.", margin=0.2)
    amend_study(study=study, by=None, reason="unclear", instructions="Listen.\n" * 30)
    write_amendment(study=study, what="extension", before=None, after={"ratings": 2}, reason="few", by=None)
    rows = amendment_rows(study)
    assert tuple(rows[0]) == COLUMNS
    assert (rows[0]["what"], rows[0]["before"], rows[0]["after"]) == ("margin", "0.1", "0.2")
    first, second, third = deviation_sentences(study)
    assert "when 1 rater had begun" in first
    assert first.endswith("smallest net preference that matters: from 0.1 to 0.2. Reason: a reviewer asked.")
    assert "instructions: rewritten" in second
    assert "the study was extended, ratings 2" in third
    wave = {"further_ratings": 2, "pairs": [["own", "cmt"]], "block_numbers": [7, 9], "seed": "x"}
    write_amendment(study=study, what="extension", before=None, after=wave, reason="few", by=None)
    said = "extended by 2 further ratings of each comparison for own vs cmt, blocks 7 to 9. Reason: few."
    assert deviation_sentences(study)[-1].endswith(said)
