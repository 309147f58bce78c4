"""Share links and archives on pages: who may make them, what they open, and what they never do."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pandas as pd
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.actions.amendments import amend_study
from studyapp.actions.archives import write_archive
from studyapp.actions.sharing import find_shared, revoke_share, share_dataset
from studyapp.errors import DuetError, NotReady
from studyapp.models import AuditLine, Dataset, ShareLink, Study, StudyMember, User
from studyapp.states import DatasetState
from studyapp.views import sharing
from tests.studyapp.archive.test_checking import closed, remove_everything
from tests.studyapp.factories import make_member, make_researcher, open_study
from tests.studyapp.results.test_exports import answer_everything
from tests.studyapp.views.test_results import answered_study, frozen

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return frozen(answered_study())


def member(study: Study, role: str, *, sees_names: bool = False) -> Client:
    user = make_researcher(is_superuser=False)
    make_member(study, user, role=role, sees_names=sees_names)
    client = Client()
    client.force_login(user)
    return client


def owner(study: Study, *, sees_names: bool = True) -> Client:
    return member(study, StudyMember.Role.OWNER, sees_names=sees_names)


def test_a_link_shows_the_report_and_tables_to_somebody_without_an_account(dataset: Dataset) -> None:
    _, code = share_dataset(dataset=dataset, by=None, note="a reviewer", days=7)
    stranger = Client()
    page = stranger.get(reverse("shared", args=[code]))
    text = page.content.decode()
    assert page.status_code == 200
    assert dataset.study.title in text
    assert "a reviewer" not in text
    assert [one.name for one in page.context["tables"]] == [
        *("win_rates.csv", "system_win_rates.csv", "systems.csv", "amendments.csv")
    ]
    report = stranger.get(reverse("shared-report", args=[code]))
    assert report["Content-Security-Policy"].startswith("sandbox allow-scripts; default-src 'none'")
    table = stranger.get(reverse("shared-table", args=[code, "win_rates.csv"]))
    assert b"".join(table.streaming_content) == (dataset.path / "win_rates.csv").read_bytes()
    for response in (page, report, table):
        assert response["X-Robots-Tag"].startswith("noindex")
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["Cache-Control"] == "private, no-store"


def test_single_answers_are_shown_only_by_a_link_that_was_made_to(dataset: Dataset) -> None:
    _, results = share_dataset(dataset=dataset, by=None)
    _, everything = share_dataset(dataset=dataset, by=None, with_ratings=True)
    for name in ("ratings.csv", "ratings.parquet", "raters.csv", "dataset.zip", "archive.zip", "figures.json"):
        assert Client().get(reverse("shared-table", args=[results, name])).status_code == 404, name
    another = ("b" if results.startswith("a") else "a") + results[1:]  # a code is digested whole
    assert Client().get(reverse("shared", args=[another])).status_code == 404
    table = Client().get(reverse("shared-table", args=[everything, "ratings.csv"]))
    assert b"".join(table.streaming_content) == (dataset.path / "ratings.csv").read_bytes()
    assert Client().get(reverse("shared-table", args=[everything, "raters.csv"])).status_code == 404


def test_no_pseudonym_of_a_rater_leaves_with_the_results(dataset: Dataset) -> None:
    _, code = share_dataset(dataset=dataset, by=None)
    pseudonyms = set(pd.read_csv(dataset.path / "ratings.csv")["rater_id"])
    assert len(pseudonyms) > 1
    page = Client().get(reverse("shared", args=[code])).content.decode()
    names = set(re.findall(rf"/shared/{code}/([^/\"]+\.\w+)", page))
    assert len(names) > 3
    addresses = [reverse("shared-table", args=[code, name]) for name in names]
    addresses.append(reverse("shared-report", args=[code]))
    for address in addresses:
        response = Client().get(address)
        text = b"".join(response).decode("utf-8", "replace")
        assert response.status_code == 200, address
        assert not [one for one in pseudonyms if one in text], address


@pytest.mark.parametrize("name", ["shared", "shared-report", "shared-table"])
def test_expired_and_revoked_links_say_so_and_unknown_ones_are_not_found(dataset: Dataset, name: str) -> None:
    more = ["win_rates.csv"] if name == "shared-table" else []
    link, code = share_dataset(dataset=dataset, by=None)
    assert Client().get(reverse(name, args=[code[1:], *more])).status_code == 404
    ShareLink.objects.filter(pk=link.pk).update(expires_at=timezone.now())
    expired = Client().get(reverse(name, args=[code, *more]))
    assert (expired.status_code, "expired then" in expired.content.decode()) == (410, True)
    ShareLink.objects.filter(pk=link.pk).update(expires_at=timezone.now() + timedelta(days=1))
    opened = Client().get(reverse(name, args=[code, *more]))
    b"".join(opened)  # a file is closed once it is read
    assert opened.status_code == 200
    revoke_share(link=link, by=None)
    revoked = Client().get(reverse(name, args=[code, *more]))
    assert (revoked.status_code, "taken back" in revoked.content.decode()) == (410, True)
    assert dataset.study.title not in revoked.content.decode()
    assert revoked["X-Robots-Tag"].startswith("noindex")


def test_a_superseded_dataset_says_so(dataset: Dataset) -> None:
    _, code = share_dataset(dataset=dataset, by=None)
    Dataset.objects.filter(pk=dataset.pk).update(superseded_at=timezone.now(), erasures=2)
    assert "superseded: 2 raters had their answers erased" in Client().get(
        reverse("shared", args=[code])
    ).content.decode().replace("\n", " ")


def test_ratings_with_erased_answers_in_them_are_not_shown_any_more_but_the_report_is(dataset: Dataset) -> None:
    _, code = share_dataset(dataset=dataset, by=None, with_ratings=True)
    Dataset.objects.filter(pk=dataset.pk).update(superseded_at=timezone.now(), erasures=1)
    for name in ("ratings.csv", "ratings.parquet", "codebook.csv"):
        gone = Client().get(reverse("shared-table", args=[code, name]))
        assert gone.status_code == 410
        assert "had their answers erased" in gone.content.decode()
        assert gone["Cache-Control"] == "private, no-store"
    page = Client().get(reverse("shared", args=[code]))
    assert "ratings.csv" not in page.content.decode()
    assert Client().get(reverse("shared-report", args=[code])).status_code == 200
    table = Client().get(reverse("shared-table", args=[code, "win_rates.csv"]))
    assert b"".join(table.streaming_content) == (dataset.path / "win_rates.csv").read_bytes()


def test_a_share_link_and_the_dataset_to_publish_name_no_account() -> None:
    study = answered_study()
    ada = make_researcher(username="ada@example.org")
    amend_study(study=study, by=ada, reason="a reviewer asked,\nand was right", contact="lab@example.org")
    dataset = frozen(study)
    _, code = share_dataset(dataset=dataset, by=None)
    table = Client().get(reverse("shared-table", args=[code, "amendments.csv"]))
    shown = b"".join(table.streaming_content).decode()
    with ZipFile(dataset.path / "dataset.zip") as package:
        published = package.read("amendments.csv").decode()
    kept = (dataset.path / "amendments.csv").read_text()
    assert shown == published == kept.replace("ada@example.org", "")
    assert "ada@example.org" in kept
    assert "a reviewer asked,\nand was right" in shown


def test_its_use_is_noted_once_a_minute_at_most(dataset: Dataset) -> None:
    link, code = share_dataset(dataset=dataset, by=None)
    now = timezone.now()
    for seconds, noted in ((0, 0), (59, 0), (61, 61), (100, 61)):
        assert find_shared(code, now=now + timedelta(seconds=seconds)) is not None
        link.refresh_from_db()
        assert link.last_used_at == now + timedelta(seconds=noted)
    ShareLink.objects.filter(pk=link.pk).update(revoked_at=now)
    find_shared(code, now=now + timedelta(days=1))
    link.refresh_from_db()
    assert link.last_used_at == now + timedelta(seconds=61)


def test_only_the_digest_of_a_code_is_kept_and_the_audit_log_knows_who_shared_what(dataset: Dataset) -> None:
    by = make_researcher()
    link, code = share_dataset(dataset=dataset, by=by, with_ratings=True)
    assert code not in str([*ShareLink.objects.values(), *AuditLine.objects.values()])
    line = AuditLine.objects.get(verb="dataset shared")
    assert (line.by, line.study, line.details["with_ratings"]) == (by, dataset.study, True)
    revoke_share(link=link, by=by)
    revoke_share(link=link, by=by)
    assert AuditLine.objects.filter(verb="share link revoked").count() == 1


def test_what_cannot_be_shared_is_refused(dataset: Dataset) -> None:
    for days in (0, 367):
        with pytest.raises(DuetError, match="choose 1 to 366"):
            share_dataset(dataset=dataset, by=None, days=days)
    Dataset.objects.filter(pk=dataset.pk).update(state=DatasetState.BUILDING)
    dataset.refresh_from_db()
    with pytest.raises(NotReady, match="not built yet"):
        share_dataset(dataset=dataset, by=None)


def test_what_a_link_was_noted_with_is_said_as_it_was_written(dataset: Dataset) -> None:
    link, _ = share_dataset(dataset=dataset, by=None, note="Seat A4, DFG")
    address = reverse("research-revoke-share", args=[dataset.study.slug, link.pk])
    (said,) = owner(dataset.study).post(address, follow=True).context["messages"]
    assert str(said) == f"Share link {link.pk} (Seat A4, DFG) opens nothing any more."


def test_an_owner_makes_a_link_sees_its_address_once_and_takes_it_back(dataset: Dataset) -> None:
    client = owner(dataset.study)
    address = reverse("research-shares", args=[dataset.study.slug])
    assert "None yet" in client.get(address).content.decode()
    page = client.post(address, {"dataset": dataset.pk, "note": "Ada", "days": 3, "ratings": "on"})
    link = page.context["address"]
    assert Client().get(link).status_code == 200
    again = client.get(address).content.decode()
    assert link not in again
    assert "with the ratings table" in again.split("Links so far")[1]
    client.post(reverse("research-revoke-share", args=[dataset.study.slug, ShareLink.objects.get().pk]))
    assert Client().get(link).status_code == 410


@pytest.mark.parametrize(
    ("form", "said"),
    [({"days": 0}, "greater than or equal to 1"), ({"days": 999}, "366"), ({"dataset": 0}, "valid choice")],
)
def test_a_wrong_form_comes_back_with_the_reason(dataset: Dataset, form: dict[str, Any], said: str) -> None:
    page = owner(dataset.study).post(
        reverse("research-shares", args=[dataset.study.slug]), {"dataset": dataset.pk, "days": 3, **form}
    )
    assert said in page.content.decode()
    assert not ShareLink.objects.exists()


def test_share_links_are_their_owners(dataset: Dataset) -> None:
    study = dataset.study
    link, _ = share_dataset(dataset=dataset, by=None)
    pages = [
        ("get", reverse("research-shares", args=[study.slug])),
        ("post", reverse("research-shares", args=[study.slug])),
        ("post", reverse("research-revoke-share", args=[study.slug, link.pk])),
    ]
    no_staff, outsider = Client(), Client()
    no_staff.force_login(make_researcher(is_staff=False, is_superuser=False))
    outsider.force_login(make_researcher(is_superuser=False))
    for method, address in pages:
        assert getattr(Client(), method)(address)["Location"].startswith("/admin/login/")
        assert getattr(no_staff, method)(address).status_code == 403
        assert getattr(outsider, method)(address).status_code == 404
        for role in (StudyMember.Role.VIEWER, StudyMember.Role.EDITOR):
            assert getattr(member(study, role, sees_names=True), method)(address).status_code == 403
    # An owner who does not see names can list and take back, and lets nobody else see them.
    blind = owner(study, sees_names=False)
    assert blind.get(pages[0][1]).status_code == 200
    assert blind.post(pages[1][1], {"dataset": dataset.pk, "days": 3}).status_code == 403
    other = frozen(answered_study())
    wrong = reverse("research-revoke-share", args=[other.study.slug, link.pk])
    assert owner(other.study).post(wrong).status_code == 404
    assert ShareLink.objects.get().revoked_at is None


def test_a_dataset_of_another_study_cannot_be_shared_from_here(dataset: Dataset) -> None:
    other = frozen(answered_study())
    address = reverse("research-shares", args=[dataset.study.slug])
    page = owner(dataset.study).post(address, {"dataset": other.pk, "days": 3})
    assert "valid choice" in page.content.decode()
    assert not ShareLink.objects.exists()


def archive_of(tmp_path: Path, by: User) -> bytes:
    study = open_study(clips=2, blocks=1, title="Read me back")
    answer_everything(study)
    write_archive(study=closed(study, by), target=tmp_path / "a.zip")
    remove_everything()
    return (tmp_path / "a.zip").read_bytes()


def test_an_archive_is_read_on_a_page_and_the_study_is_its_readers(tmp_path: Path) -> None:
    by = make_researcher(is_superuser=False)
    content = archive_of(tmp_path, by)
    client = Client()
    client.force_login(by)
    address = reverse("research-read-archive")
    page = client.post(address, {"file": SimpleUploadedFile("a.zip", content)})
    study = Study.objects.get()
    assert page["Location"] == reverse("research-results", args=[study.slug])
    assert client.get(page["Location"]).status_code == 200
    again = client.post(address, {"file": SimpleUploadedFile("a.zip", content)})
    assert again.status_code == 400
    assert "give the archive&#x27;s another short name" in again.content.decode()
    client.post(address, {"file": SimpleUploadedFile("a.zip", content), "slug": "another"})
    assert Study.objects.filter(slug="another", created_by=by).exists()


def test_what_is_no_archive_or_too_large_comes_back_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    client.force_login(make_researcher(is_superuser=False))
    address = reverse("research-read-archive")
    page = client.post(address, {"file": SimpleUploadedFile("a.zip", b"not a zip file")})
    assert (page.status_code, "This is no whole zip file" in page.content.decode()) == (400, True)
    monkeypatch.setattr(sharing, "MOST_ARCHIVE_BYTES", 10)
    page = client.post(address, {"file": SimpleUploadedFile("a.zip", b"not a zip file")})
    assert "archive_study read" in page.content.decode()
    assert not Study.objects.exists()


def test_archives_are_read_by_staff_alone() -> None:
    address = reverse("research-read-archive")
    assert Client().get(address)["Location"].startswith("/admin/login/")
    client = Client()
    client.force_login(make_researcher(is_staff=False, is_superuser=False))
    assert client.get(address).status_code == 403
    assert client.post(address).status_code == 403
