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

from studyapp.actions.datasets import build_dataset
from studyapp.models import Dataset, Rater, Response, Study, StudySession
from studyapp.questions import Question
from studyapp.states import BlockState, DatasetState, SessionState
from studyapp.views.results import DOWNLOADS
from tests.studyapp.factories import make_researcher, open_study

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
    assert len(page.context["bars"]) == len(Question)
    assert len(page.context["forests"]) == 1
    assert text.count("data-figure=") == text.count('type="application/json"') == 3
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


@pytest.mark.parametrize("name", ["figures.json", "secret-key", "..%2Fsecret-key", "report.csp"])
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
