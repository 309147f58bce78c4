"""What a member who may not see names reads of a study: no slug on any page, and nothing to join letters with."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from studyapp.actions.designs import build_design, summary_of
from studyapp.actions.waves import top_up
from studyapp.blinding import GOLD, KEPT_BACK
from studyapp.models import Dataset, Stimulus, Study, StudyMember, User
from studyapp.plan.sampling import Refusal
from studyapp.states import DatasetState
from studyapp.watching.session_trials import trial_rows
from tests.studyapp.api.caller import caller_for
from tests.studyapp.factories import make_clip, make_member, make_researcher, make_study, make_system, open_study
from tests.studyapp.test_waves import designed_study
from tests.studyapp.watching.test_monitoring import taking_part

pytestmark = pytest.mark.django_db


def member(study: Study, role: str = StudyMember.Role.EDITOR, *, sees_names: bool = False) -> tuple[User, Client]:
    user = make_researcher(is_superuser=False)
    make_member(study, user, role=role, sees_names=sees_names)
    client = Client()
    client.force_login(user)
    return user, client


def slugs_of(study: Study) -> set[str]:
    return {slug for pair in study.pairs.values_list("system_1__slug", "system_2__slug") for slug in pair}


def named_in(study: Study, text: str) -> set[str]:
    return {slug for slug in slugs_of(study) if slug in text}


def read(client: Client, name: str, *args: Any) -> str:
    response = client.get(reverse(name, args=args))
    assert response.status_code == 200
    return response.content.decode()


def test_amendments_of_a_wave_are_read_by_letter_wherever_they_stand() -> None:
    study = designed_study()
    pair = study.pairs.values_list("system_1__slug", "system_2__slug")[0]
    top_up(study=study, by=None, reason="wide", ratings=1, pairs=[pair])
    line = study.audit_lines.get(verb="study amended")
    for sees_names, expected in ((False, set()), (True, set(pair))):
        user, client = member(study, sees_names=sees_names)
        call = caller_for(user)
        for address in ("amendments", "audit-lines"):
            said = json.dumps(call("GET", f"studies/{study.slug}/{address}").said)
            assert named_in(study, said) == expected, address
        page = read(client, "research-plan", study.slug)
        assert named_in(study, page[page.index("amendments-title") :]) == expected
        listed = client.get(reverse("admin:studyapp_auditline_changelist")).content.decode()
        assert named_in(study, listed) == expected
        opened = client.get(reverse("admin:studyapp_auditline_change", args=[line.pk]))
        assert (opened.status_code == 200) == sees_names


@pytest.fixture
def short() -> Study:
    """A draft with a built design that lacks clips, has a refusal, and declares a pair and what is expected."""
    study = make_study(clips_per_cell=3, ratings_per_comparison=2, trials_per_block=2, salt="b")
    study.clips.set([make_clip(genre=genre) for genre in ("Rock", "Rock", "Reggae")])
    first, second = make_system(slug="own-one"), make_system("random-shuffle", slug="other-one")
    study.pairs.create(system_1=first, system_2=second)
    study.primary_pairs, study.hypotheses = [["own-one", "other-one"]], "own-one beats other-one."
    study.save()
    build_design(study=study, by=None)
    study.refresh_from_db()
    stored = study.design_summary
    stored["refusals"] = [{"clip_id": "c", "system": "own-one", "reason": "own-one cannot read it"}]
    study.save(update_fields=["design_summary"])
    return study


def test_plan_and_overview_name_no_system_to_who_may_not_see_names(short: Study) -> None:
    summary = summary_of(short)
    assert summary is not None
    assert (len(summary.shortfalls), summary.refusals[0]) == (2, Refusal("c", "own-one", "own-one cannot read it"))
    _, client = member(short)
    for name in ("research-plan", "research-study", "research-live"):
        assert named_in(short, read(client, name, short.slug)) == set(), name
    page = read(client, "research-plan", short.slug)
    assert "System A vs System B, Reggae: 1 of 3 clips" in page
    assert "System A is on the left in" in page or "System B is on the left in" in page
    assert "own-one" not in json.dumps(caller_for(member(short)[0])("GET", f"studies/{short.slug}").said)
    _, client = member(short, sees_names=True)
    assert named_in(short, read(client, "research-plan", short.slug)) == slugs_of(short)
    assert "own-one cannot read it" in read(client, "research-study", short.slug)


def test_balance_by_letter_has_the_counts_of_the_balance_by_name(short: Study) -> None:
    _, blind = member(short)
    _, named = member(short, sees_names=True)
    address = reverse("research-plan", args=[short.slug])
    lettered, known = blind.get(address).context["balance"], named.get(address).context["balance"]
    assert [line.system for line in lettered.systems] == ["System A", "System B"]
    assert sorted(line.left for line in lettered.systems) == sorted(line.left for line in known.systems)
    assert [replace(line, pair=("", "")) for line in lettered.pairs] == [
        replace(line, pair=("", "")) for line in known.pairs
    ]
    assert {one.kind: one.share for one in lettered.imbalances} == {
        one.kind: one.share for one in known.imbalances
    }


def test_a_refusal_names_systems_by_letter(short: Study) -> None:
    Stimulus.objects.filter(system__slug="own-one").update(state="failed", error="no font")
    Study.objects.filter(pk=short.pk).update(primary_pairs=[["own-one", "gone"]])
    make_system(slug="gone")
    for sees_names, expected in ((False, set()), (True, {"own-one"})):
        user, client = member(short, sees_names=sees_names)
        response = client.post(reverse("research-do", args=[short.slug, "open"]), follow=True)
        (said,) = [str(message) for message in response.context["messages"]]
        assert "not among the pairs" in said
        answer = caller_for(user)("POST", f"studies/{short.slug}/moves/open")
        assert answer.status == 409
        assert (named_in(short, said), named_in(short, answer.said["error"])) == (expected, expected)


def test_who_may_not_see_names_amends_everything_but_what_names_systems() -> None:
    study = designed_study()
    for sees_names in (False, True):
        _, client = member(study, sees_names=sees_names)
        response = client.get(reverse("research-amend", args=[study.slug]))
        assert ("primary_pairs" in response.context["form"].fields) == sees_names
        assert ("hypotheses" in response.context["form"].fields) == sees_names
        assert bool(named_in(study, response.content.decode())) == sees_names
    _, client = member(study)
    page = client.get(reverse("research-amend", args=[study.slug]))
    based_on = page.context["form"].initial["based_on"]
    values = {**page.context["form"].initial, "margin": "0.2", "reason": "wider", "based_on": based_on}
    sent = {name: value for name, value in values.items() if value is not None and value is not False}
    assert client.post(reverse("research-amend", args=[study.slug]), sent).status_code == 302
    assert [one.what for one in study.amendments.all()] == ["margin"]


def test_a_gold_trial_calls_its_sides_by_what_they_are_in_it_and_never_by_letter() -> None:
    study = designed_study(gold_per_block=1)
    session = taking_part(study, (1, 4))
    rows = trial_rows(study, session, names=False)
    gold = [row for row in rows if row.trial.kind == "gold"]
    assert gold
    for row in gold:
        assert {row.left, row.right} == set(GOLD)
        better = row.trial.comparison.expected
        assert (row.left == GOLD[0]) == (row.trial.sides.left.system == better)
        assert row.expected == GOLD[0]
    tested = [(row.left, row.right) for row in rows if row.trial.kind == "test"]
    assert all(left == right and left.startswith("Pair ") for left, right in tested)
    named = trial_rows(study, session, names=True)
    assert {row.expected for row in named if row.trial.kind == "gold"} == {study.gold_truth.slug}
    _, client = member(study, StudyMember.Role.VIEWER)
    address = reverse("research-replay", args=[study.slug, session.pk])
    page = client.get(address, {"trial": gold[0].trial.position}).content.decode()
    assert "Known to fit better: System" not in page
    assert GOLD[0] in page


def test_why_a_dataset_failed_is_told_to_who_sees_names_alone() -> None:
    study = designed_study()
    taking_part(study, (1, 4))
    slug = sorted(slugs_of(study))[0]
    dataset = Dataset.objects.create(study=study, state=DatasetState.FAILED, error=f"{slug} has no answers")
    for sees_names in (False, True):
        user, client = member(study, StudyMember.Role.VIEWER, sees_names=sees_names)
        call = caller_for(user, scope="read")
        said = [
            read(client, "research-results", study.slug),
            read(client, "research-study", study.slug),
            json.dumps(call("GET", f"studies/{study.slug}/datasets").said, ensure_ascii=False),
            json.dumps(call("GET", f"datasets/{dataset.pk}").said, ensure_ascii=False),
        ]
        assert [f"{slug} has no answers" in text for text in said] == [sees_names] * 4
        assert [KEPT_BACK in text for text in said] == [not sees_names] * 4
        listed = client.get(reverse("admin:studyapp_dataset_change", args=[dataset.pk]))
        assert (listed.status_code == 200) == sees_names


def test_a_stimulus_is_shown_beside_its_system_to_none_whose_study_keeps_it() -> None:
    study = designed_study()
    stimulus = study.comparisons.order_by("pk")[0].stimulus_1
    change = reverse("admin:studyapp_stimulus_change", args=[stimulus.pk])
    again = reverse("admin:studyapp_stimulus_again", args=[stimulus.pk])
    listed = reverse("admin:studyapp_stimulus_changelist")
    tried = reverse("admin:studyapp_system_tried", args=[stimulus.system_id])
    _, blind = member(study, StudyMember.Role.VIEWER)
    _, named = member(study, StudyMember.Role.VIEWER, sees_names=True)
    outsider = Client()
    outsider.force_login(make_researcher(is_superuser=False))
    # One with names here, and another study that shows the same and keeps it.
    both_user, both = member(study, sees_names=True)
    other = make_study(by=None)
    make_member(other, both_user)
    shown = study.comparisons.order_by("pk")[0]
    other.comparisons.create(clip=shown.clip, stimulus_1=shown.stimulus_1, stimulus_2=shown.stimulus_2)
    for client, knows in ((blind, False), (both, False), (named, True), (outsider, True)):
        assert (client.get(change).status_code == 200) is knows
        assert (stimulus in client.get(listed).context["cl"].queryset) is knows
        assert (stimulus in client.get(tried).context_data["stimuli"]) is knows
    assert blind.post(again).status_code == 404
    superuser = Client()
    superuser.force_login(make_researcher())
    assert superuser.get(change).status_code == 200


def test_no_amendment_by_who_may_not_see_names_tells_whose_letter_is_whose() -> None:
    study = designed_study()
    pair = study.pairs.values_list("system_1__slug", "system_2__slug")[0]
    call = caller_for(member(study)[0])
    for changes in ({"hypotheses": pair[0]}, {"primary_pairs": [list(pair)]}):
        answer = call("POST", f"studies/{study.slug}/amendments", {"reason": "r", "changes": changes})
        assert answer.status == 422
        assert "ask a member who may see their names" in answer.said["error"]
    sent = {"reason": "r", "changes": {"contact": pair[0]}}
    assert call("POST", f"studies/{study.slug}/amendments", sent).said[0]["after"] == pair[0]
    for address in ("amendments", "audit-lines"):
        assert "System " not in json.dumps(call("GET", f"studies/{study.slug}/{address}").said)
    named = caller_for(member(study, sees_names=True)[0])
    sent = {"reason": "r", "changes": {"hypotheses": f"{pair[0]} wins"}}
    assert named("POST", f"studies/{study.slug}/amendments", sent).status == 201
    said = json.dumps(call("GET", f"studies/{study.slug}").said)
    assert named_in(study, said.replace(f'"contact": "{pair[0]}"', "")) == set()


def test_a_second_study_of_the_same_soundtracks_tells_nothing_of_the_first_ones() -> None:
    study = open_study()
    user, client = member(study)
    shared = study.comparisons.all()[0]
    Stimulus.objects.filter(pk=shared.stimulus_1_id).update(lufs=-31.5, file_bytes=777, duration_s=9.5)
    own = make_study(by=user)
    own.comparisons.create(clip=shared.clip, stimulus_1=shared.stimulus_1, stimulus_2=shared.stimulus_2)
    call = caller_for(user)
    for item in call("GET", f"studies/{own.slug}/stimuli?names=1").said["items"]:
        assert item["system"] in {shared.stimulus_1.system.slug, shared.stimulus_2.system.slug}
        assert {item[name] for name in ("id", "sha256", "lufs", "duration_s", "ready_at")} == {None}
    page = read(client, "research-listen", own.slug)
    assert page.count("kept back: another study shows it") == 2
    assert "data-play" not in page
    # In what they differ would tell it as well.
    differences = ("differ by 8.50 LU", "777 to 4096 bytes", "9.500 s", "loudness <strong>")
    assert not any(words in page for words in differences)
    assert "3 disagreements are kept back" in page
    assert "Every finished version agrees" not in page
    assert client.get(reverse("research-listen", args=[own.slug]), {"differing": "1"}).context["grid"].rows == ()
    study.members.filter(user=user).update(sees_names=True)
    assert all(one["sha256"] for one in call("GET", f"studies/{own.slug}/stimuli?names=1").said["items"])
    page = read(client, "research-listen", own.slug)
    assert page.count("kept back") == 0
    assert "differ by 8.50 LU" in page
