"""The admin: what researchers may change, and what stands."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from generation import registry
from studyapp.actions.marks import hold_stimulus
from studyapp.actions.sessions import enrol
from studyapp.actions.systems import import_soundtracks
from studyapp.admin.base import EvidenceAdmin, ResearchAdmin
from studyapp.admin.uploads import unpack
from studyapp.errors import DuetError
from studyapp.models import (
    AuditLine,
    Block,
    Clip,
    Comparison,
    Dataset,
    PlayEvent,
    Presentation,
    Rater,
    Response,
    Stimulus,
    StimulusHold,
    Study,
    StudySession,
    System,
    Trial,
    User,
)
from studyapp.states import StudyState
from tests.studyapp.factories import (
    make_clip,
    make_researcher,
    make_stimulus,
    make_study,
    make_system,
    open_study,
)

pytestmark = pytest.mark.django_db
LISTS = ["clip", "system", "study", "stimulus", "comparison", "block", "trial", "studysession", "presentation"]
LISTS += ["stimulushold", "trialmark", "voidedtrial", "sessionflag"]
LISTS += ["playevent", "response", "dataset", "auditline", "user"]


@pytest.fixture
def researcher() -> User:
    return make_researcher(is_superuser=False)


@pytest.fixture
def staff(client: Client, researcher: User) -> Client:
    client.force_login(researcher)
    return client


def words(client: Client, address: str, data: dict[str, object]) -> list[str]:
    response = client.post(address, data, follow=True)
    assert response.status_code == 200
    return [str(message) for message in response.context["messages"]]


def study_form(**changes: object) -> dict[str, object]:
    values: dict[str, object] = {
        "title": "Study",
        "slug": "study",
        "clips_per_cell": 2,
        "ratings_per_comparison": 3,
    }
    values |= {"trials_per_block": 2, "repeats_per_block": 0, "seed": 1, "generation_seed": 1, "target_lufs": -23}
    values |= {"training_per_block": 0, "gold_per_block": 0, "identical_per_block": 0}
    values |= {"min_coverage": 0.95, "session_timeout_min": 60, "consent_text": "Yes?", "consent_version": "1"}
    values |= {"language": "en", "pay_currency": "GBP", "small_screen_px": 600, "headphone_test": "none"}
    values |= {"headphone_needed": 5}
    return values | {"instructions": "Listen.", "completion_code": "DONE"} | changes


@pytest.mark.parametrize("name", LISTS)
def test_every_list_opens_for_staff_and_takes_a_constant_number_of_queries(client: Client, name: str) -> None:
    client.force_login(make_researcher())
    address = reverse(f"admin:studyapp_{name}_changelist")
    counts = []
    for size in (2, 6):
        open_study(clips=size, blocks=size)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        counts.append(len(queries))
    assert counts[1] <= counts[0] <= 15


def test_home_leads_to_the_next_step(staff: Client, researcher: User) -> None:
    home = reverse("admin:index")
    assert 'class="now"' in staff.get(home).content.decode()
    study = open_study(by=researcher)
    text = staff.get(home).content.decode()
    assert reverse("research-study", args=[study.slug]) in text


def test_strangers_and_people_without_staff_rights_are_kept_out(client: Client) -> None:
    addresses = [
        reverse("admin:index"),
        reverse("admin:studyapp_clip_import"),
        reverse("admin:studyapp_study_add"),
    ]
    client.force_login(make_researcher(is_staff=False, is_superuser=False))
    for address in addresses:
        assert client.get(address)["Location"].startswith("/admin/login/")
    client.logout()
    for address in [*addresses, reverse("admin:studyapp_study_follows")]:
        assert client.post(address)["Location"].startswith("/admin/login/")


@pytest.mark.parametrize(
    "model",
    [AuditLine, Block, Comparison, Dataset, PlayEvent, Presentation, Response, Stimulus, StudySession, Trial],
)
def test_evidence_is_only_read(model: type) -> None:
    assert isinstance(admin.site._registry[model], EvidenceAdmin)


def test_evidence_is_not_changed_even_by_a_superuser(client: Client) -> None:
    client.force_login(make_researcher())
    stimulus = open_study().comparisons.all()[0].stimulus_1
    change = reverse("admin:studyapp_stimulus_change", args=[stimulus.pk])
    assert client.get(change).status_code == 200
    assert client.post(change, {"state": "failed", "error": "x"}).status_code == 403
    assert (
        client.post(reverse("admin:studyapp_stimulus_delete", args=[stimulus.pk]), {"post": "yes"}).status_code
        == 403
    )
    stimulus.refresh_from_db()
    assert stimulus.state == "ready"


def test_raters_have_no_page_and_their_tokens_are_shown_nowhere(client: Client) -> None:
    client.force_login(make_researcher())
    assert Rater not in admin.site._registry
    study = open_study()
    session = enrol(study=study, now=timezone.now())
    trial = Trial.objects.filter(block=session.block_id)[0]
    for address in (
        reverse("admin:studyapp_trial_change", args=[trial.pk]),
        reverse("admin:studyapp_trial_changelist"),
        reverse("admin:studyapp_studysession_change", args=[session.pk]),
        reverse("admin:studyapp_studysession_changelist"),
        reverse("research-study", args=[study.slug]),
    ):
        text = client.get(address).content.decode()
        for secret in (trial.token, session.token, session.rater.code):
            assert secret not in text, address


def test_nothing_offers_deleting_by_the_handful() -> None:
    for model, model_admin in admin.site._registry.items():
        if model is not User:
            assert isinstance(model_admin, ResearchAdmin)
            assert model_admin.actions is None


def test_only_what_nothing_rests_on_can_be_deleted(staff: Client, researcher: User) -> None:
    study = open_study(by=researcher)
    used_clip, used_system = study.clips.all()[0], study.pairs.all()[0].system_1
    for kind, pk in (("clip", used_clip.pk), ("system", used_system.pk), ("study", study.pk)):
        address = reverse(f"admin:studyapp_{kind}_delete", args=[pk])
        assert staff.post(address, {"post": "yes"}).status_code == 403
    clip, system, draft = make_clip(), make_system(), make_study(by=researcher)
    for kind, pk in (("clip", clip.pk), ("system", system.pk), ("study", draft.pk)):
        address = reverse(f"admin:studyapp_{kind}_delete", args=[pk])
        assert staff.post(address, {"post": "yes"}).status_code == 302
    assert not Clip.objects.filter(pk=clip.pk).exists()
    assert not System.objects.filter(pk=system.pk).exists()
    assert not Study.objects.filter(pk=draft.pk).exists()
    assert sorted(AuditLine.objects.values_list("verb", flat=True)) == [
        "clip deleted",
        "study deleted",
        "system deleted",
    ]


def test_a_draft_can_be_deleted_with_its_design(staff: Client, researcher: User) -> None:
    draft = open_study(by=researcher)
    Study.objects.filter(pk=draft.pk).update(state=StudyState.DRAFT, opened_at=None)
    address = reverse("admin:studyapp_study_delete", args=[draft.pk])
    assert "Yes, I’m sure" in staff.get(address).content.decode()
    assert staff.post(address, {"post": "yes"}).status_code == 302
    assert not Study.objects.exists()
    assert not Trial.objects.exists()
    assert Stimulus.objects.exists()  # made for whoever asks for the same again


def test_a_clip_is_described_anew_until_something_rests_on_it(staff: Client) -> None:
    clip = make_clip(genre="Rock")
    address = reverse("admin:studyapp_clip_change", args=[clip.pk])
    staff.post(address, {"genre": "Reggae", "caption": "A band", "licence": "CC0"})
    clip.refresh_from_db()
    assert (clip.genre, clip.caption) == ("Reggae", "A band")
    assert AuditLine.objects.get().verb == "clip described anew"
    make_stimulus(clip, make_system())
    staff.post(address, {"genre": "Rock", "caption": "", "licence": ""})
    clip.refresh_from_db()
    assert clip.genre == "Reggae"


def zipped(names: dict[str, bytes]) -> SimpleUploadedFile:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in names.items():
            archive.writestr(name, data)
    return SimpleUploadedFile("clips.zip", content.getvalue())


def test_an_archive_is_unpacked_with_its_folders(tmp_path: Path) -> None:
    upload = zipped(
        {"set/manifest.csv": b"file\nvideos/a.mp4\n", "set/videos/a.mp4": b"a", "__MACOSX/set/._a": b""}
    )
    home = unpack([upload], tmp_path)
    assert home == tmp_path / "set"
    assert (home / "videos" / "a.mp4").read_bytes() == b"a"


def test_an_archive_cannot_write_outside_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    unpack([zipped({"../../escaped.mp4": b"x", "/absolute.mp4": b"x"})], folder)
    assert sorted(path.name for path in tmp_path.rglob("*.mp4")) == ["absolute.mp4", "escaped.mp4"]
    assert list(tmp_path.glob("*.mp4")) == []


def test_an_upload_cannot_choose_where_it_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    upload = SimpleUploadedFile("clip.mp4", b"x")
    upload._name = "..\\..\\clip.mp4"  # Django's own setter would clean it
    unpack([upload], folder)
    assert [path.name for path in folder.iterdir()] == ["clip.mp4"]


def test_a_manifest_beside_the_files_is_what_is_imported(tmp_path: Path) -> None:
    manifest = SimpleUploadedFile("Genres.CSV", b"file\na.mp4\n")
    assert unpack([manifest, SimpleUploadedFile("a.mp4", b"x")], tmp_path) == tmp_path / "manifest.csv"
    with pytest.raises(DuetError, match="2 manifests were sent"):
        unpack([manifest, SimpleUploadedFile("b.jsonl", b"{}")], tmp_path)


def test_a_mistake_in_the_form_is_said_on_the_page(staff: Client) -> None:
    address = reverse("admin:studyapp_clip_import")
    for data, said in (
        ({"folder-folder": "", "folder-dataset": "mine", "folder-length_s": "10"}, "This field is required"),
        ({"upload-dataset": "mine", "upload-length_s": "10"}, "This field is required"),
        ({"folder-folder": "x", "folder-dataset": "no spaces", "folder-length_s": "10"}, "valid “slug”"),
        (
            {"upload-uploads": SimpleUploadedFile("c.zip", b"PK"), "upload-dataset": "a", "upload-length_s": "10"},
            "c.zip cannot be unpacked",
        ),
    ):
        page = staff.post(address, data)
        assert page.status_code == 200
        assert said in page.content.decode()
    assert not Clip.objects.exists()


def test_a_broken_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DuetError, match=r"clips\.zip cannot be unpacked"):
        unpack([SimpleUploadedFile("clips.zip", b"PK no")], tmp_path)


def test_an_archive_that_breaks_off_or_does_not_fit_the_disk_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.mp4", bytes(range(256)) * 8)
    damaged = bytearray(content.getvalue())
    damaged[40:80] = b"\xff" * 40  # inside the packed bytes, behind the name
    with pytest.raises(DuetError, match=r"clips\.zip cannot be unpacked"):
        unpack([SimpleUploadedFile("clips.zip", bytes(damaged))], tmp_path)
    with pytest.raises(DuetError, match="File name too long"):
        unpack([zipped({f"{'x' * 300}.mp4": b"x"})], tmp_path)


def test_two_uploads_of_one_name_do_not_replace_each_other(tmp_path: Path) -> None:
    twice = [SimpleUploadedFile("a.mp4", b"one"), SimpleUploadedFile("a.mp4", b"other")]
    with pytest.raises(DuetError, match=r"called a\.mp4"):
        unpack(twice, tmp_path)
    assert (tmp_path / "a.mp4").read_bytes() == b"one"


def test_nothing_is_left_of_an_upload_that_is_refused(staff: Client, settings: Any) -> None:
    data = {"upload-uploads": zipped({f"{'x' * 300}.mp4": b"x"}), "upload-dataset": "a", "upload-length_s": "10"}
    assert "File name too long" in staff.post(reverse("admin:studyapp_clip_import"), data).content.decode()
    assert not list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())


def test_a_system_is_added_from_the_registry_once(staff: Client) -> None:
    address = reverse("admin:studyapp_system_add_key", args=["ground-truth"])
    for _ in range(2):
        said = words(staff, address, {"ground-truth-preset": "default"})
        assert said == ["The system ground-truth can be used in studies."]
    assert System.objects.get().slug == "ground-truth"


def test_other_settings_need_a_slug_of_their_own(staff: Client) -> None:
    address = reverse("admin:studyapp_system_add_key", args=["v2meow-clip"])
    defaults = {"preset": "tiny", **registry.spec("v2meow-clip").settings}
    form = {f"v2meow-clip-{name}": value for name, value in defaults.items()}
    words(staff, address, form)
    cooler = form | {"v2meow-clip-temperature_coarse": "0.55"}
    (said,) = words(staff, address, cooler)
    assert "slug of their own" in said
    words(staff, address, cooler | {"v2meow-clip-slug": "v2meow-clip-tiny-cool"})
    assert System.objects.get(slug="v2meow-clip-tiny-cool").settings == {"temperature_coarse": 0.55}
    assert System.objects.get(slug="v2meow-clip-tiny").settings == {}


@pytest.mark.parametrize("key", ["imported", "no-such-system"])
def test_what_the_registry_does_not_offer_cannot_be_added(staff: Client, key: str) -> None:
    (said,) = words(staff, reverse("admin:studyapp_system_add_key", args=[key]), {})
    assert "no system" in said
    assert not System.objects.exists()


def test_soundtracks_that_match_no_clip_are_named(staff: Client) -> None:
    make_clip(clip_id="sunrise")
    uploads = [SimpleUploadedFile("sunrise.wav", b"RIFF1"), SimpleUploadedFile("sunset.wav", b"RIFF2")]
    data = {"soundtracks-model": "Outside", "soundtracks-uploads": uploads}
    page = staff.post(reverse("admin:studyapp_system_bring"), data, follow=True)
    assert page.context["match"].matched == ("sunrise",)
    assert page.context["match"].unmatched == ("sunset.wav",)
    assert "sunset.wav" in page.content.decode()


def test_a_system_whose_files_are_gone_says_so_on_its_page(staff: Client, settings: Any) -> None:
    system = import_soundtracks(model="MuVi", files=[("a.wav", io.BytesIO(b"one"))], by=None)
    shutil.rmtree(settings.MEDIA_ROOT)
    page = staff.get(reverse("admin:studyapp_system_change", args=[system.pk]))
    assert "are gone from" in page.content.decode()


def test_a_file_that_is_no_soundtrack_is_refused(staff: Client) -> None:
    data = {"soundtracks-model": "Outside", "soundtracks-uploads": [SimpleUploadedFile("a.txt", b"x")]}
    (said,) = words(staff, reverse("admin:studyapp_system_bring"), data)
    assert "not an audio or video file" in said
    assert not System.objects.exists()


def test_a_study_is_made_with_its_clips_and_pairs(staff: Client) -> None:
    clips = [make_clip(), make_clip(genre="Reggae")]
    first, second = make_system(), make_system("random-shuffle")
    form = study_form(clips=[clip.pk for clip in clips], pairs=[f"{first.pk}-{second.pk}"])
    response = staff.post(reverse("admin:studyapp_study_add"), form)
    assert response["Location"] == reverse("research-study", args=["study"])
    study = Study.objects.get()
    assert set(study.clips.all()) == set(clips)
    pair = study.pairs.get()
    assert (pair.system_1, pair.system_2) == (first, second)
    assert study.created_by is not None
    assert AuditLine.objects.filter(verb="study made", study=study, by=study.created_by).exists()


def test_checks_of_raters_are_declared_in_the_form_and_a_half_of_them_is_refused(staff: Client) -> None:
    clips = [make_clip() for _ in range(3)]
    truth, foil = make_system(), make_system("random-shuffle")
    other = make_system("imported")
    chosen = {"clips": [clip.pk for clip in clips], "pairs": [f"{foil.pk}-{other.pk}"], "gold_per_block": 1}
    page = staff.post(reverse("admin:studyapp_study_add"), study_form(**chosen, gold_truth=truth.pk))
    assert "Gold pairs need two different systems" in page.content.decode()
    assert not Study.objects.exists()
    rules = {"gold_truth": truth.pk, "gold_foil": foil.pk, "min_gold_right": 0.5}
    staff.post(reverse("admin:studyapp_study_add"), study_form(**chosen, **rules))
    study = Study.objects.get()
    assert (study.gold_truth, study.gold_foil, study.min_gold_right) == (truth, foil, 0.5)
    assert study.max_same_choice is None


def test_a_draft_is_changed_through_the_form(staff: Client) -> None:
    clips = [make_clip(), make_clip()]
    first, second, third = make_system(), make_system("random-shuffle"), make_system("imported")
    staff.post(
        reverse("admin:studyapp_study_add"), study_form(clips=[clips[0].pk], pairs=[f"{first.pk}-{second.pk}"])
    )
    study = Study.objects.get()
    form = study_form(title="Other", clips=[clips[1].pk], pairs=[f"{first.pk}-{third.pk}"])
    address = reverse("admin:studyapp_study_change", args=[study.pk])
    form["loaded"] = staff.get(address).context["adminform"].form.initial["loaded"]
    staff.post(address, form)
    study.refresh_from_db()
    assert study.title == "Other"
    assert [clip.pk for clip in study.clips.all()] == [clips[1].pk]
    assert study.pairs.get().system_2 == third


def test_an_open_study_is_not_changed_by_a_form_that_was_open_before(staff: Client, researcher: User) -> None:
    study = open_study(by=researcher)
    address = reverse("admin:studyapp_study_change", args=[study.pk])
    response = staff.get(address, follow=True)
    assert response.redirect_chain == [(reverse("research-study", args=[study.slug]), 302)]
    assert "its design stands" in str(next(iter(response.context["messages"])))
    response = staff.post(address, study_form(title="Other"))
    assert "its design stands as it is. Nothing was saved." in response.content.decode()
    assert 'value="Other"' in response.content.decode()
    before = study.title
    study.refresh_from_db()
    assert (study.title, study.state) == (before, StudyState.OPEN)


def test_what_follows_is_counted_without_keeping_anything(staff: Client) -> None:
    clips = [make_clip(genre=genre) for genre in ("Rock", "Rock", "Reggae")]
    silent = make_clip(genre="Rock", with_audio=False)
    first, second = make_system(), make_system("random-shuffle")
    form = study_form(
        title="", slug="", clips=[clip.pk for clip in [*clips, silent]], pairs=[f"{first.pk}-{second.pk}"]
    )
    page = staff.post(reverse("admin:studyapp_study_follows"), form)
    follows = page.context["follows"]
    # Two Rock clips and one Reggae clip can be scored by both; each is rated three times, two trials a rater.
    assert (follows.summary.comparisons, follows.summary.trials, follows.summary.blocks) == (3, 9, 5)
    assert [line for line in follows.summary.shortfalls if "Reggae" in line]
    assert {group.clip_ids for group in follows.refusals} == {(silent.clip_id,)}
    assert not Study.objects.exists()
    assert not AuditLine.objects.exists()


def test_what_follows_of_a_draft_leaves_the_draft_alone(staff: Client) -> None:
    study = make_study()
    clip, first, second = make_clip(), make_system(), make_system("random-shuffle")
    form = study_form(clips=[clip.pk], pairs=[f"{first.pk}-{second.pk}"], ratings_per_comparison=7)
    staff.post(reverse("admin:studyapp_study_follows_of", args=[study.pk]), form)
    before = study.title
    study.refresh_from_db()
    assert (study.title, study.ratings_per_comparison, study.clips.count()) == (before, 3, 0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({}, "pair"), ({"clips_per_cell": "0"}, "greater than or equal to 1"), ({"seed": "x"}, "number")],
)
def test_what_stands_in_the_way_is_said_while_the_form_is_filled(
    staff: Client, changes: dict[str, object], said: str
) -> None:
    page = staff.post(reverse("admin:studyapp_study_follows"), study_form(**changes))
    assert page.context["follows"] is None
    assert said in page.content.decode()


def test_presets_without_weights_are_named_and_not_offered(staff: Client) -> None:
    page = staff.get(reverse("admin:studyapp_system_add"))
    offers = {offer.spec.key: offer for offer in page.context["offers"]}
    assert offers["v2meow-clip"].missing == ("base",)
    assert offers["v2meow-clip"].form.fields["preset"].choices == [("tiny", "tiny")]
    assert offers["ground-truth"].missing == ()
    assert "Preset base: weights not installed." in page.content.decode()


def test_a_researcher_looks_at_a_held_stimulus_and_lets_it_back_in(staff: Client, researcher: User) -> None:
    study = open_study(clips=1, real_media=False, by=researcher)
    session = enrol(study=study, now=timezone.now())
    stimulus = study.comparisons.get().stimulus_1
    hold = hold_stimulus(
        session=session, stimulus=stimulus, reason=StimulusHold.Reason.OFFENSIVE, now=timezone.now()
    )
    told = staff.get(reverse("research-study", args=[study.slug])).content.decode()
    assert "1 stimulus is shown to nobody until somebody has looked" in told
    assert (
        str(stimulus.clip)
        in staff.get(f"{reverse('admin:studyapp_stimulushold_changelist')}?lifted_at__isempty=1").content.decode()
    )
    page = reverse("admin:studyapp_stimulushold_change", args=[hold.pk])
    assert "Let it back in" in staff.get(page).content.decode()
    lift = reverse("admin:stimulushold-lift", args=[hold.pk])
    assert staff.get(lift).status_code == 405
    assert Client().post(lift).status_code == 302
    assert "is shown to raters again" in staff.post(lift, follow=True).content.decode()
    hold.refresh_from_db()
    assert hold.lifted_at
    page_now = staff.get(page).content.decode()
    assert "Let it back in" not in page_now
    assert "let back in already" in staff.post(lift, follow=True).content.decode()
