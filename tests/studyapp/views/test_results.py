"""Datasets and reports: to researchers only, under a policy that lets nothing foreign run."""

from __future__ import annotations

import base64
import hashlib
import io
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.actions import preferences
from studyapp.actions.amendments import amend_study
from studyapp.actions.datasets import build_dataset
from studyapp.actions.studies import close_study
from studyapp.models import Clip, Dataset, Rater, Response, Study, StudyMember, StudySession
from studyapp.questions import Question
from studyapp.results import build_progress
from studyapp.results.build_progress import BuildProgress
from studyapp.states import BlockState, DatasetState, SessionState
from studyapp.views.results import DOWNLOADS
from tests.studyapp.factories import make_member, make_researcher, make_system, open_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_researcher())
    return client


def answered_study(*, simulated: bool = False) -> Study:
    """Every trial of two blocks answered, always for the first system."""
    study = open_study(clips=4, blocks=2)
    now = timezone.now()
    for block in study.blocks.all():
        block.state = BlockState.CLAIMED
        block.save(update_fields=["state"])
        session = StudySession.objects.create(
            study=study,
            rater=Rater.objects.create(),
            block=block,
            state=SessionState.COMPLETED,
            simulated=simulated,
            consent_version="1",
            consented_at=now,
            last_seen_at=now,
            expires_at=now,
            completed_at=now,
        )
        Response.objects.bulk_create(
            Response(
                session=session,
                trial=trial,
                question=question,
                choice=1 if trial.left_is_1 else 5,
                coverage_left=1,
                coverage_right=1,
                response_time_ms=1000,
                answered_at=now,
            )
            for trial in block.trials.all()
            for question in Question
        )
    return study


def frozen(study: Study, *, simulated: bool = False) -> Dataset:
    dataset = Dataset.objects.create(study=study, includes_simulated=simulated)
    dataset = build_dataset(dataset_id=dataset.pk)
    assert dataset.state == DatasetState.READY, dataset.error
    return dataset


def test_a_study_without_a_dataset_says_what_is_missing(staff: Client) -> None:
    study = open_study()
    page = staff.get(reverse("research-report", args=[study.slug]))
    assert "No report yet" in page.content.decode()


def test_the_report_shows_its_figures_as_data_and_its_tables_as_html(staff: Client) -> None:
    study = answered_study()
    dataset = frozen(study)
    page = staff.get(reverse("research-report", args=[study.slug]))
    text = page.content.decode()
    assert page.context["dataset"] == dataset
    figures = [figure["key"] for section in page.context["report"]["sections"] for figure in section["figures"]]
    assert figures[1 : len(Question) + 1] == [f"bars-{question}" for question in Question.values]
    assert text.count("data-figure=") == text.count('type="application/json"') == len(figures)
    # The policy of the site holds: no script without an address, no style in an attribute.
    assert re.findall(r"<script(?![^>]*(?:src=|application/json))", text) == []
    assert not re.search(r"\sstyle=", text)
    assert "are simulated" not in text


def test_simulated_answers_are_labelled(staff: Client) -> None:
    study = answered_study(simulated=True)
    frozen(study, simulated=True)
    text = staff.get(reverse("research-report", args=[study.slug])).content.decode()
    assert "16 of 16 answers analysed here are simulated" in text
    assert "with simulated answers" in text


def test_an_older_dataset_can_be_read_again(staff: Client) -> None:
    study = answered_study()
    older, newer = frozen(study), frozen(study)
    address = reverse("research-report", args=[study.slug])
    assert staff.get(address).context["dataset"] == newer
    assert staff.get(address, {"dataset": older.pk}).context["dataset"] == older
    assert staff.get(address, {"dataset": "999999"}).status_code == 404
    assert staff.get(address, {"dataset": "x"}).status_code == 404


def test_the_self_contained_report_is_sandboxed_with_its_own_hashes(staff: Client) -> None:
    dataset = frozen(answered_study())
    page = staff.get(reverse("research-report-file", args=[dataset.pk]))
    policy = page["Content-Security-Policy"]
    directives = {words.split()[0]: words.split()[1:] for words in policy.split("; ")}
    assert directives["sandbox"] == ["allow-scripts"]
    assert directives["default-src"] == ["'none'"]
    assert "'unsafe-inline'" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", page.content.decode(), flags=re.DOTALL)
    assert len(scripts) == 2
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in directives["script-src"]


def test_every_file_of_a_dataset_can_be_downloaded(staff: Client) -> None:
    dataset = frozen(answered_study())
    for name, _ in DOWNLOADS:
        response = staff.get(reverse("research-download", args=[dataset.pk, name]))
        content = b"".join(response.streaming_content)
        assert content == (dataset.path / name).read_bytes()
        assert response["Content-Disposition"].startswith("attachment")
        if name == "ratings.csv":
            assert hashlib.sha256(content).hexdigest() == dataset.sha256
            assert len(io.StringIO(content.decode()).readlines()) == 1 + 16


@pytest.mark.parametrize(
    "name", ["figures.json", "primary_pairs.json", "secret-key", "..%2Fsecret-key", "report.csp"]
)
def test_nothing_else_can_be_downloaded(staff: Client, name: str) -> None:
    dataset = frozen(answered_study())
    assert staff.get(f"/research/datasets/{dataset.pk}/{name}").status_code == 404


def test_an_unfinished_dataset_gives_nothing(staff: Client) -> None:
    dataset = Dataset.objects.create(study=open_study())
    assert staff.get(reverse("research-download", args=[dataset.pk, "ratings.csv"])).status_code == 404
    assert staff.get(reverse("research-report-file", args=[dataset.pk])).status_code == 404


def test_datasets_are_for_researchers(client: Client) -> None:
    dataset = frozen(answered_study())
    addresses = [
        reverse("research-report-file", args=[dataset.pk]),
        reverse("research-download", args=[dataset.pk, "ratings.csv"]),
    ]
    for address in addresses:
        assert client.get(address)["Location"].startswith("/admin/login/")
    client.force_login(make_researcher(is_staff=False, is_superuser=False))
    for address in addresses:
        assert client.get(address).status_code == 403


def page_of(client: Client, study: Study) -> str:
    return client.get(reverse("research-results", args=[study.slug])).content.decode()


def member(study: Study, role: str, *, sees_names: bool = False) -> Client:
    user = make_researcher(is_superuser=False)
    make_member(study, user, role=role, sees_names=sees_names)
    client = Client()
    client.force_login(user)
    return client


def test_results_begin_with_what_to_do_next(staff: Client) -> None:
    study = open_study()
    assert "Nobody has answered yet" in page_of(staff, study)
    answered = answered_study()
    StudySession.objects.filter(study=answered).update(answer_count=8)
    text = page_of(staff, answered)
    assert "2 raters answered so far" in text
    assert "once the study is closed" in text
    address = reverse("research-freeze", args=[answered.slug])
    page = staff.post(address, follow=True)
    assert [str(message) for message in page.context["messages"]] == [
        "A dataset of the study's answers is being built, with its report."
    ]
    assert "It waits for a worker" in page.content.decode()
    assert page.context["poll_s"] == 2
    assert Dataset.objects.get().of_pilot is False


def test_what_would_hold_nothing_is_not_frozen_and_the_page_says_what_to_do(staff: Client) -> None:
    study = answered_study(simulated=True)
    StudySession.objects.filter(study=study).update(answer_count=8)
    assert "without simulated raters the dataset would be empty" in page_of(staff, study)
    page = staff.post(reverse("research-freeze", args=[study.slug]), follow=True)
    (message,) = map(str, page.context["messages"])
    assert message.startswith(f"Only simulated raters have answered in {study} so far")
    assert not Dataset.objects.exists()


def test_the_latest_report_is_offered_where_there_is_one(staff: Client) -> None:
    study = answered_study()
    offered = "Open the latest report"
    Dataset.objects.create(study=study, state=DatasetState.FAILED, error="the disk was full")
    frozen(study)
    Dataset.objects.update(of_pilot=True)
    assert offered not in page_of(staff, study)
    Dataset.objects.update(of_pilot=False)
    assert offered in page_of(staff, study)
    Dataset.objects.filter(state=DatasetState.READY).delete()
    assert offered not in page_of(staff, study)


def test_a_build_shows_how_far_it_is_and_why_it_failed(staff: Client) -> None:
    study = answered_study()
    building = Dataset.objects.create(study=study, state=DatasetState.BUILDING)
    build_progress.note(building.pk, BuildProgress(3, 9, "win rates"))
    Dataset.objects.create(study=study, state=DatasetState.FAILED, error="the <disk> is full")
    fragment = staff.get(reverse("research-results-live", args=[study.slug]))
    assert "Win rates (step 3 of 9)" in fragment.content.decode()
    assert "the &lt;disk&gt; is full" in fragment.content.decode()
    assert fragment["Cache-Control"] == "no-store"
    build_progress.forget(building.pk)
    assert build_progress.of(building.pk) is None


def test_a_build_tells_of_every_step_and_forgets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[BuildProgress] = []
    monkeypatch.setattr(build_progress, "note", lambda pk, progress: told.append(progress))
    dataset = frozen(answered_study())
    assert [one.step for one in told] == list(range(1, len(told) + 1))
    assert {"reading the answers", "win rates", "raters"} <= {one.doing for one in told}
    assert told[-1].step <= told[-1].steps
    assert build_progress.of(dataset.pk) is None


def test_the_pilots_datasets_stand_apart_and_are_never_the_report(staff: Client) -> None:
    study = answered_study()
    own = frozen(study)
    session = study.sessions.latest("pk")
    session.block.origin = "pilot"
    session.block.save(update_fields=["origin"])
    pilot = build_dataset(dataset_id=Dataset.objects.create(study=study, of_pilot=True).pk)
    assert (pilot.state, pilot.rows, own.rows) == (DatasetState.READY, 8, 16)
    page = staff.get(reverse("research-results", args=[study.slug]))
    assert [line.dataset for line in page.context["lines"]] == [own]
    assert [line.dataset for line in page.context["pilot_lines"]] == [pilot]
    assert staff.get(reverse("research-report", args=[study.slug])).context["dataset"] == own
    text = staff.get(reverse("research-report", args=[study.slug]), {"dataset": pilot.pk}).content.decode()
    assert "These are the answers of the pilot" in text
    assert "(pilot): preference report" in text


def test_a_dataset_of_a_closed_study_holds_the_whole_study(staff: Client) -> None:
    study = answered_study()
    StudySession.objects.filter(study=study).update(answer_count=8)
    before = frozen(study)
    assert staff.get(reverse("research-download", args=[before.pk, "archive.zip"])).status_code == 404
    close_study(study=study, by=None)
    after = frozen(Study.objects.get(pk=study.pk))
    response = staff.get(reverse("research-download", args=[after.pk, "archive.zip"]))
    assert b"".join(response.streaming_content)[:2] == b"PK"
    assert "The whole study (zip)" in page_of(staff, study)


@pytest.mark.parametrize("role", StudyMember.Role.values)
def test_files_are_for_who_sees_names_and_freezing_for_who_may_change(role: str) -> None:
    study = answered_study()
    StudySession.objects.filter(study=study).update(answer_count=8)
    dataset = frozen(study)
    blind, seeing = member(study, role), member(study, role, sees_names=True)
    for name in ("research-download", "research-preferences", "research-report-file"):
        address = reverse(name, args=[dataset.pk, *(["ratings.csv"] if name.endswith("download") else [])])
        assert blind.get(address).status_code == 403, name
        opened = seeing.get(address)
        b"".join(opened)  # a file is closed once it is read
        assert opened.status_code == 200, name
    assert "do not see the names of systems" in page_of(blind, study)
    assert reverse("research-download", args=[dataset.pk, "ratings.csv"]) not in page_of(blind, study)
    slug = study.comparisons.earliest("pk").stimulus_1.system.slug
    assert slug not in page_of(blind, study)
    assert reverse("research-download", args=[dataset.pk, "ratings.csv"]) in page_of(seeing, study)
    allowed = role != StudyMember.Role.VIEWER
    assert blind.post(reverse("research-freeze", args=[study.slug])).status_code == (302 if allowed else 403)


def test_results_are_the_members(client: Client) -> None:
    study = answered_study()
    dataset = frozen(study)
    addresses = [
        reverse("research-results", args=[study.slug]),
        reverse("research-results-live", args=[study.slug]),
        reverse("research-preferences", args=[dataset.pk]),
    ]
    for address in addresses:
        assert client.get(address)["Location"].startswith("/admin/login/")
    client.force_login(make_researcher(is_superuser=False))
    for address in addresses:
        assert client.get(address).status_code == 404
    assert client.post(reverse("research-freeze", args=[study.slug])).status_code == 404
    assert client.get(reverse("research-freeze", args=[study.slug])).status_code == 405


def preferences_of(client: Client, dataset: Dataset, **asked: str) -> str:
    response = client.get(reverse("research-preferences", args=[dataset.pk]), asked)
    assert response.status_code == 200, response["Location"]
    return b"".join(response.streaming_content).decode()


def test_preferences_come_by_genre_as_csv_markdown_and_latex(staff: Client) -> None:
    dataset = frozen(answered_study())
    table = preferences_of(staff, dataset)
    assert table == (dataset.path / "win_rates.csv").read_text()
    assert table.startswith("question,genre,system_1,system_2,raters,clips,n,win_1,tie,win_2,net,low,high,method,")
    assert "ties left out" in preferences_of(staff, dataset, ties="left out", clips="fixed")
    markdown = preferences_of(staff, dataset, format="md")
    assert markdown.count("| Visual relevance |") == 3
    assert "Ties: ties in the denominator." in markdown
    assert preferences_of(staff, dataset, format="tex").startswith("\\begin{table}")


def test_preferences_can_be_split_by_a_tag(staff: Client) -> None:
    study = answered_study()
    for clip in list(study.clips.all())[:2]:
        Clip.objects.filter(pk=clip.pk).update(tags=["music-scene"])
    dataset = frozen(study)
    table = preferences_of(staff, dataset, by="tag_music_scene")
    assert table.startswith("question,tag_music_scene,")
    assert {line.split(",")[1] for line in table.splitlines()[1:]} == {"True", "False", "(average over genres)"}
    assert "tag “music scene”" in page_of(staff, study)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"ties": "lost"}, "choose denominator, split, left out"),
        ({"clips": "some"}, "choose random, fixed"),
        ({"by": "rater_id"}, "choose genre"),
        ({"format": "doc"}, "choose csv, md, tex"),
    ],
)
def test_a_table_that_is_not_offered_is_refused_in_words(staff: Client, asked: dict[str, str], said: str) -> None:
    dataset = frozen(answered_study())
    page = staff.get(reverse("research-preferences", args=[dataset.pk]), asked, follow=True)
    assert said in page.content.decode()


@pytest.mark.parametrize("frozen_by", ["this Duet", "an older one"])
def test_a_datasets_tables_follow_the_family_that_was_declared_when_it_was_frozen(
    staff: Client, frozen_by: str
) -> None:
    study = answered_study()
    gone, first, second = make_system(), *study.pairs.values_list("system_1__slug", "system_2__slug")[0]
    Study.objects.filter(pk=study.pk).update(primary_pairs=[[first, gone.slug]])
    study.refresh_from_db()
    dataset = frozen(study)
    if frozen_by == "an older one":
        (dataset.path / "primary_pairs.json").unlink()
    # The heading of a primary pair's table.
    declared = "p (average)"
    assert declared not in preferences_of(staff, dataset, format="md")
    # The first amendment since tells what there was before, the second one not.
    amend_study(study=study, by=None, reason="after looking", primary_pairs=[[first, second]])
    study.refresh_from_db()
    amend_study(study=study, by=None, reason="after looking again", primary_pairs=[])
    asked = {"format": "md", "clips": "fixed"}
    assert declared not in preferences_of(staff, Dataset.objects.get(pk=dataset.pk), **asked)
    assert declared in preferences_of(staff, frozen(study), **asked)


def test_preferences_of_a_large_dataset_come_from_its_build(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = frozen(answered_study())
    monkeypatch.setattr(preferences, "SMALL", 4)
    monkeypatch.setattr("studyapp.actions.dataset_files.SMALL", 4)
    page = staff.get(reverse("research-preferences", args=[old.pk]), follow=True)
    assert "its build did not make this table" in page.content.decode()
    large = frozen(answered_study())
    assert len(list((large.path / "preferences").iterdir())) == 3 * 2 * 3
    assert preferences_of(staff, large) == (large.path / "win_rates.csv").read_text()
