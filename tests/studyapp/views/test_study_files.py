"""New studies from templates, files and copies, and two studies side by side: who may, and what is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from studyapp.actions.study_documents import duplicate_study
from studyapp.documents.of_study import document_of
from studyapp.documents.writing import write
from studyapp.documents.yaml_tree import MAX_BYTES
from studyapp.models import Study, StudyMember, System, User
from tests.studyapp.factories import make_clip, make_member, make_researcher, make_study, make_system, open_study

pytestmark = pytest.mark.django_db

NEW, IMPORT = "/research/new/", "/research/import/"


@pytest.fixture
def owner() -> User:
    return make_researcher(is_superuser=False)


@pytest.fixture
def staff(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def study(owner: User) -> Study:
    study = make_study(by=owner, title="Mine", slug="mine", completion_code="PAY-ME")
    study.pairs.create(system_1=make_system(slug="one"), system_2=make_system("silence", slug="two"))
    study.clips.add(make_clip(genre="Rock"), make_clip(genre="Reggae"))
    return study


def pages(study: Study) -> Iterator[str]:
    for name in ("research-export-study", "research-duplicate", "research-compare"):
        yield reverse(name, args=[study.slug])


def said(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def names(**more: Any) -> dict[str, Any]:
    return {"title": "New", "slug": "new", **more}


def test_strangers_are_asked_to_sign_in_and_nothing_is_made(client: Client, study: Study) -> None:
    for page in (*pages(study), NEW, f"{NEW}?template=blank", IMPORT):
        assert client.get(page)["Location"].startswith("/admin/login/"), page
        if page != reverse("research-export-study", args=[study.slug]):
            client.post(page, names(content=write(document_of(study))))
    assert Study.objects.count() == 1


def test_an_account_that_is_not_staff_is_refused(client: Client, study: Study) -> None:
    client.force_login(make_researcher(is_staff=False, is_superuser=False))
    for page in (*pages(study), NEW, IMPORT):
        assert client.get(page).status_code == 403, page


def test_a_study_is_its_members_who_may_see_names(client: Client, study: Study) -> None:
    other = make_researcher(is_superuser=False)
    client.force_login(other)
    for page in pages(study):
        assert client.get(page).status_code == 404, page
    member = make_member(study, other, role=StudyMember.Role.VIEWER)
    for page in pages(study):
        assert client.get(page).status_code == 403, page
    StudyMember.objects.filter(pk=member.pk).update(sees_names=True)
    for page in pages(study):
        assert client.get(page).status_code == 200, page


def test_both_studies_of_a_comparison_must_be_ones_own(staff: Client, study: Study) -> None:
    hidden, blind = make_study(slug="hidden"), make_study(slug="blind")
    make_member(blind, study.members.get().user, role=StudyMember.Role.OWNER)
    page = reverse("research-compare", args=[study.slug])
    assert staff.get(page, {"with": hidden.slug}).status_code == 404
    assert staff.get(page, {"with": blind.slug}).status_code == 403
    shown = staff.get(page).content.decode()
    assert hidden.title not in shown
    assert blind.title not in shown


def test_the_templates_say_what_they_make_and_what_stands_in(staff: Client) -> None:
    shown = staff.get(NEW).content.decode()
    for words in ("1335", "2250", "2700", "V2Meow on MV100K", "Blank", "6 stand-ins on this server"):
        assert words in shown
    form = staff.get(NEW, {"template": "paper-musiccaps"}).content.decode()
    assert "Loop retrieval, not Mubert" in form
    assert "There are no clips yet" in form
    assert staff.get(NEW, {"template": "none-such"}).status_code == 404


def test_a_template_becomes_a_draft_of_who_asked(staff: Client, owner: User) -> None:
    for genre in ("Rock", "Reggae"):
        make_clip(genre=genre, dataset="mv100k")
    page = f"{NEW}?template=paper-mv100k"
    assert 'value="mv100k" id="id_datasets_0" checked' in staff.get(page).content.decode()
    response = staff.post(page, names(datasets=["mv100k"], per_genre=1), follow=True)
    made = Study.objects.get(slug="new")
    assert response.redirect_chain[0][0] == reverse("research-study", args=["new"])
    assert (made.template, made.title, made.clips.count()) == ("paper-mv100k", "New (with stand-ins)", 2)
    assert made.members.get().user == owner
    assert made.members.get().sees_names
    assert any("Punk rock: 0 of 1 clips" in message for message in said(response))


def test_every_genre_of_a_dataset_can_be_taken(staff: Client) -> None:
    make_clip(genre="Polka", dataset="mine")
    data = names(datasets=["mine"], per_genre=2, every_genre="on")
    staff.post(f"{NEW}?template=paper-ablation", data)
    assert Study.objects.get(slug="new").clips.get().genre == "Polka"


def test_a_form_with_mistakes_says_so_and_makes_nothing(staff: Client, study: Study) -> None:
    wrong = {"title": "", "slug": "mine", "datasets": ["gone"], "per_genre": "0"}
    shown = staff.post(f"{NEW}?template=blank", wrong).content.decode()
    for words in (
        "This field is required",
        "There is a study “mine” already",
        "dataset gone is gone",
        "than or equal to 1",
    ):
        assert words in shown
    assert Study.objects.count() == 1


def test_a_file_is_looked_at_first_and_made_on_a_second_press(staff: Client, study: Study, owner: User) -> None:
    file = SimpleUploadedFile("mine.yaml", staff.get(reverse("research-export-study", args=["mine"])).content)
    shown = staff.post(IMPORT, {"file": file})
    assert shown.templates[0].name == "research/import_preview.html"
    assert Study.objects.count() == 1
    form = shown.context["form"]
    assert (form["title"].value(), form["slug"].value()) == ("Mine", "mine-2")
    response = staff.post(
        IMPORT, {"title": "Again", "slug": "mine-2", "content": form["content"].value()}, follow=True
    )
    again = Study.objects.get(slug="mine-2")
    assert (again.title, again.clips.count(), str(again.pairs.get())) == ("Again", 2, "one vs two")
    assert again.members.get().user == owner
    assert said(response)[0] == "Again is a draft now."


def test_pasted_text_does_as_well_as_a_file(staff: Client, study: Study) -> None:
    # As a browser sends it.
    text = write(document_of(study)).replace("\n", "\r\n")
    assert staff.post(IMPORT, {"text": text}).context["found"].clips == 2


def test_all_that_is_wrong_with_a_file_is_shown_and_nothing_is_made(staff: Client, study: Study) -> None:
    text = (
        write(document_of(study)).replace("seed: 1", "sead: 1\n  seed: none", 1).replace("    test:", "    gone:")
    )
    shown = staff.post(IMPORT, {"text": text})
    (first, second) = shown.context["problems"]
    assert "there is no “sead” here" in str(first)
    assert "a whole number is expected, not “none”" in str(second)
    assert f"Line {first.line}" in shown.content.decode()
    text = write(document_of(study)).replace("    test:", "    gone:").replace("slug: two", "slug: <two>")
    shown = staff.post(IMPORT, {"text": text})
    assert "&lt;two&gt;" in shown.content.decode()
    assert Study.objects.count() == 1
    assert System.objects.count() == 2


def test_what_went_missing_between_the_two_presses_is_told(staff: Client, study: Study) -> None:
    text = write(document_of(study))
    study.clips.first().delete()  # type: ignore[union-attr]
    shown = staff.post(IMPORT, {"title": "A", "slug": "a", "content": text})
    assert "1 of 2 clips is not here" in str(shown.context["problems"][0])
    assert shown.context["form"]["text"].value() == text
    assert Study.objects.count() == 1


def test_a_name_that_is_taken_meanwhile_is_asked_for_again_with_the_file_kept(staff: Client, study: Study) -> None:
    text = write(document_of(study))
    shown = staff.post(IMPORT, {"title": "A", "slug": "mine", "content": text})
    assert shown.context["form"].errors["slug"] == [
        "There is a study “mine” already; give this one another short name."
    ]
    assert shown.context["form"]["content"].value() == text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "Send a file or paste its text"),
        ({"text": "a", "file": b"a"}, "one of the two"),
        ({"file": b"\xff\xfe"}, "not text in UTF-8"),
        ({"file": b"PK\x03\x04"}, "control character"),
        ({"file": b" " * (MAX_BYTES + 1)}, "a study file has 2 MB at most"),
    ],
)
def test_what_is_no_study_file_is_refused(staff: Client, data: dict[str, Any], says: str) -> None:
    if "file" in data:
        data = {**data, "file": SimpleUploadedFile("x.yaml", data["file"])}
    response = staff.post(IMPORT, data)
    assert response.status_code == 200
    assert says in response.content.decode()


def test_a_template_can_be_brought_as_a_file_too(staff: Client) -> None:
    from studyapp.documents.templates import FOLDER

    make_clip(dataset="MV100K", genre="Rock")
    shown = staff.post(IMPORT, {"text": (FOLDER / "paper-ablation.yaml").read_text()})
    assert shown.context["found"].clips == 1
    assert all(made for _, _, made in shown.context["found"].systems)
    content = shown.context["form"]["content"].value()
    staff.post(IMPORT, names(content=content))
    assert Study.objects.get(slug="new").title == "New (with stand-ins)"


def test_codes_leave_only_for_who_runs_the_study(staff: Client, study: Study, client: Client) -> None:
    page = reverse("research-export-study", args=[study.slug])
    response = staff.get(page)
    assert response["Content-Disposition"] == 'attachment; filename="mine.study.yaml"'
    assert "PAY-ME" not in response.content.decode()
    assert "PAY-ME" in staff.get(page, {"codes": "1"}).content.decode()
    viewer = make_researcher(is_superuser=False)
    make_member(study, viewer, role=StudyMember.Role.VIEWER, sees_names=True)
    client.force_login(viewer)
    assert client.get(page).status_code == 200
    assert client.get(page, {"codes": "1"}).status_code == 403


def test_an_open_study_is_exported_and_copied_by_a_viewer_as_their_own(client: Client) -> None:
    study = open_study(slug="running")
    viewer = make_researcher(is_superuser=False)
    make_member(study, viewer, role=StudyMember.Role.VIEWER, sees_names=True)
    client.force_login(viewer)
    page = reverse("research-duplicate", args=[study.slug])
    assert client.get(page).context["form"]["slug"].value() == "running-copy"
    assert client.post(page, names()).status_code == 302
    copy = Study.objects.get(slug="new")
    assert (copy.state, copy.members.get().role) == ("draft", StudyMember.Role.OWNER)
    assert "already" in client.post(page, names()).content.decode()


def test_a_comparison_shows_what_differs_and_on_demand_all(staff: Client, study: Study, owner: User) -> None:
    other = duplicate_study(study=study, title="Other", slug="other", by=owner).study
    page = reverse("research-compare", args=[study.slug])
    assert "No difference" in staff.get(page, {"with": "other"}).content.decode()
    text = other.consent_text.replace("voluntary", "<b>free</b>")
    Study.objects.filter(pk=other.pk).update(consent_text=text, seed=77)
    shown = staff.get(page, {"with": "other"}).content.decode()
    assert "<del>voluntary; </del><ins>&lt;b&gt;free&lt;/b&gt;; </ins>" in shown
    assert "77" in shown
    assert "Generation seed" not in shown
    assert "Generation seed" in staff.get(page, {"with": "other", "all": "1"}).content.decode()
    assert staff.get(page, {"with": "none-such"}).status_code == 404


def test_pages_ask_as_much_of_many_studies_and_clips_as_of_few(staff: Client, study: Study, owner: User) -> None:
    other = duplicate_study(study=study, title="Other", slug="other", by=owner).study

    def queries() -> list[int]:
        counts = []
        for page in (*pages(study), NEW, f"{NEW}?template=paper-mv100k"):
            with_other = {"with": "other"} if page.endswith("compare/") else {}
            # The first look at names is noted, those of the next hour are not.
            staff.get(page, with_other)
            with CaptureQueriesContext(connection) as asked:
                assert staff.get(page, with_other).status_code == 200
            counts.append(len(asked))
        return counts

    few = queries()
    for number in range(6):
        make_study(by=owner, slug=f"more-{number}")
        for one in (study, other):
            one.clips.add(make_clip(genre=f"Genre {number}", dataset=f"more-{number}"))
    assert queries() == few
    assert max(few) < 30


def test_a_shell_writes_and_reads_the_same_file(study: Study, owner: User, tmp_path: Any, capsys: Any) -> None:
    path = tmp_path / "study.yaml"
    call_command("study_file", "export", "mine", "-o", str(path))
    assert path.read_text() == write(document_of(study))
    with pytest.raises(CommandError, match="give this one another short name"):
        call_command("study_file", "import", str(path))
    call_command("study_file", "import", str(path), "--short-name", "again", "--owner", owner.username)
    assert Study.objects.get(slug="again").members.get().user == owner
    call_command("study_file", "export", "again")
    assert capsys.readouterr().out.endswith(write(document_of(Study.objects.get(slug="again"))))
    for arguments, says in (
        (("export", "none-such"), "there are: "),
        (("import", str(tmp_path)), "give the path of a study file"),
        (("import", str(path), "--short-name", "x", "--owner", "nobody"), "no researcher 'nobody'"),
    ):
        with pytest.raises(CommandError, match=says):
            call_command("study_file", *arguments)
