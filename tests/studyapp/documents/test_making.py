"""Studies out of files, templates and studies: equal to what they come from, or refused as a whole."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.db import connection

from studyapp.actions.designs import build_design, design_csv
from studyapp.actions.study_documents import duplicate_study, free_slug, import_study, preview, study_from_template
from studyapp.actions.systems import ensure_system
from studyapp.actions.texts import write_text
from studyapp.documents.fitting import Wanted
from studyapp.documents.of_study import document_of
from studyapp.documents.problems import StudyFileError
from studyapp.documents.reading import read
from studyapp.documents.schema import settings
from studyapp.documents.writing import write
from studyapp.errors import DuetError
from studyapp.models import AuditLine, Clip, Stimulus, Study, StudyMember, System
from studyapp.states import StudyState
from tests.studyapp.factories import make_clip, make_researcher, make_study, make_system, open_study, sha

pytestmark = pytest.mark.django_db

AWKWARD = "Ja: «nein» # kein Kommentar\r\n\r\n  eingerückt, 音楽 🎵 \n- null\n"
CHANGED: dict[str, Any] = {
    "clips_per_cell": 2,
    "trials_per_block": 4,
    "training_per_block": 1,
    "gold_per_block": 1,
    "min_gold_right": 0.75,
    "hypotheses": AWKWARD,
    "margin": 0.07,
    "stop_most_raters": 40,
    "registration_url": "https://osf.io/abcde",
    "consent_text": AWKWARD,
    "responsible": "no",
    "kept_for": "12:30",
    "pay": "3.10",
    "understanding_text": "? Which?\n* This\n- That\n",
    "break_after": None,
    "keep_ids_until": date(2127, 1, 31),
    "headphone_test": Study.HeadphoneTest.BOTH,
    "panel": "sona",
    "panel_return_address": "https://example.org/?credit_token=secret&id={id}",
    "screened_out_code": "SCREENED-7",
    "completion_code": "0042",
}


@pytest.fixture
def study() -> Study:
    """A draft in which nothing is as Duet makes it by itself."""
    systems = [
        ensure_system(key="cmt", preset="tiny", settings={"genre": "rock"}, slug="cmt-tiny-rock", by=None),
        ensure_system(key="silence", by=None),
        ensure_system(key="ground-truth", by=None),
        ensure_system(key="foil-other-clip", by=None),
    ]
    study = make_study(gold_truth=systems[2], gold_foil=systems[3], **CHANGED)
    study.clips.set(make_clip(genre=genre) for genre in ("Rock", "Rock", "Reggae", "Reggae", "Reggae"))
    study.pairs.create(system_1=systems[0], system_2=systems[1])
    study.pairs.create(system_1=systems[1], system_2=systems[2])
    study.primary_pairs = [["cmt-tiny-rock", "silence"]]
    study.save()
    write_text(study=study, language="de", consent_text=AWKWARD, instructions="Hören.", by=None)
    study.refresh_from_db()
    return study


def elsewhere(study: Study) -> None:
    """What another Duet has: the clips, in another order, and none of the rest."""
    clips = list(study.clips.order_by("-pk"))
    study.texts.all().delete()
    study.delete()
    Stimulus.objects.all().delete()
    System.objects.all().delete()
    Clip.objects.all().delete()
    for clip in clips:
        clip.pk = None
        clip.save()


def test_every_setting_a_researcher_can_set_is_in_the_file() -> None:
    inside = {setting.field for _, setting in settings()}
    names = {"id", "title", "slug", "language", "template", "clips"}
    own = {
        field.name
        for field in Study._meta.get_fields()
        if field.concrete and field.editable and field.name not in names  # type: ignore[union-attr]
    }
    assert inside == own


@pytest.mark.parametrize("codes", [False, True])
def test_a_file_that_is_read_is_written_the_same(study: Study, codes: bool) -> None:
    text = write(document_of(study, codes=codes))
    assert write(read(text)) == text


def test_a_study_is_the_same_in_another_duet(study: Study) -> None:
    text = write(document_of(study, codes=True))
    build_design(study=study, by=None)
    design = design_csv(study)
    elsewhere(study)
    made = import_study(document=read(text), by=None)
    assert write(document_of(made.study, codes=True)) == text
    assert made.notes == ()
    assert set(made.new_systems) == {"cmt-tiny-rock", "silence", "ground-truth", "foil-other-clip"}
    again = Study.objects.get(slug=study.slug)
    assert (again.state, again.pay, again.completion_code) == (StudyState.DRAFT, study.pay, "0042")
    assert again.consent_text == AWKWARD.replace("\r\n", "\n")
    build_design(study=again, by=None)
    assert design_csv(again) == design


def test_no_secret_leaves_with_a_file_unless_asked_for(study: Study) -> None:
    study.completion_code = "PAID-0042"  # which no digest in the file can hold
    text = write(document_of(study))
    for secret in (study.completion_code, "SCREENED-7", "credit_token", study.token, study.salt):
        assert secret not in text
    elsewhere(study)
    made = import_study(document=read(text), by=None).study
    assert made.panel_return_address == ""
    assert len(made.completion_code) > 10


def test_systems_made_in_another_order_are_told(study: Study) -> None:
    text = write(document_of(study))
    elsewhere(study)
    ensure_system(key="silence", by=None)
    (note,) = import_study(document=read(text), by=None).notes
    assert "the same seed draws another design" in note


def test_everything_that_is_not_here_is_named_and_nothing_is_made(study: Study) -> None:
    text = write(document_of(study)).replace("preset: tiny", "preset: huge")
    lost, other = study.clips.all()[:2]
    elsewhere(study)
    Clip.objects.filter(clip_id=lost.clip_id).delete()
    Clip.objects.filter(clip_id=other.clip_id).update(master_sha256=sha("another picture"))
    ensure_system(key="cmt", preset="tiny", slug="silence-tiny", by=None)
    System.objects.filter(slug="silence-tiny").update(slug="silence")
    make_study(slug=study.slug)
    before = Study.objects.count(), System.objects.count(), AuditLine.objects.count()
    with pytest.raises(StudyFileError) as caught:
        import_study(document=read(text), by=None)
    said = "\n".join(map(str, caught.value.problems))
    assert f"there is a study “{study.slug}” already" in said
    assert "cmt has no preset 'huge'" in said
    assert "“silence” exists here with other settings (system: here 'cmt', in the file 'silence'" in said
    assert f"1 of 5 clips is not here: {lost.clip_id}; import them as “test”" in said
    assert f"1 of 5 clips is here with another picture (SHA-256): {other.clip_id}" in said
    assert len(caught.value.problems) == 5
    assert all(problem.line for problem in caught.value.problems)
    assert (Study.objects.count(), System.objects.count(), AuditLine.objects.count()) == before


def test_files_of_an_outside_model_are_never_made_up() -> None:
    system = "{slug: x, system: imported, settings: {folder: ../..}}"
    text = f"duet_study: 1\nstudy: {{title: A, short_name: a}}\nsystems: [{system}]\n"
    with pytest.raises(StudyFileError, match="import the same files as a system first"):
        import_study(document=read(text), by=None)


def test_what_the_database_refuses_leaves_nothing_behind(study: Study) -> None:
    document = document_of(study)
    wrong = replace(document, slug="wrong", settings={**document.settings, "gold_foil": "ground-truth"})
    with pytest.raises(DuetError, match="two different systems"):
        import_study(document=wrong, by=None)
    assert not Study.objects.filter(slug="wrong").exists()


def test_a_preview_counts_and_makes_nothing(study: Study) -> None:
    document = replace(document_of(study), slug="another")
    elsewhere(study)
    lines = AuditLine.objects.count()
    seen = preview(document=document)
    assert seen.summary is not None
    assert (seen.summary.comparisons, seen.clips, dict(seen.genres)) == (8, 5, {"Reggae": 3, "Rock": 2})
    assert ("silence", "Silence", True) in seen.systems
    assert seen.languages == ("English", "Deutsch")
    assert (Study.objects.count(), System.objects.count(), AuditLine.objects.count()) == (0, 0, lines)


def test_a_copy_has_the_plan_and_none_of_the_evidence(study: Study) -> None:
    owner, copier = make_researcher(), make_researcher(is_superuser=False)
    StudyMember.objects.create(study=study, user=owner, role=StudyMember.Role.OWNER)
    build_design(study=study, by=owner)
    copy = duplicate_study(study=study, title="A copy", slug="a-copy", by=copier).study
    first, second = document_of(study), document_of(copy)
    own = {"registration_url": "", "keep_ids_until": None}
    assert second == replace(first, title="A copy", slug="a-copy", settings={**first.settings, **own})
    assert copy.consent_text == study.consent_text
    assert not copy.blocks.exists()
    assert not copy.comparisons.exists()
    assert copy.design_summary == {}
    assert copy.completion_code != study.completion_code
    assert copy.token != study.token
    assert [(member.user, member.role) for member in copy.members.all()] == [(copier, StudyMember.Role.OWNER)]


def test_an_open_study_is_copied_as_a_draft() -> None:
    study = open_study()
    copy = duplicate_study(study=study, title="A copy", slug="a-copy", by=None).study
    assert (copy.state, copy.opened_at, copy.plan_sha256) == (StudyState.DRAFT, None, "")


def test_a_short_name_that_is_taken_gets_a_number() -> None:
    assert free_slug("a") == "a"
    make_study(slug="a")
    make_study(slug="a-2")
    assert free_slug("a") == "a-3"
    assert free_slug("") == "study"


def test_a_template_made_here_says_which_stand_ins_it_has() -> None:
    for _ in range(2):
        make_clip(genre="hip-hop", dataset="mine")
    wanted = Wanted(title="Mine", slug="mine", datasets=("mine",), per_genre=1)
    made = study_from_template(name="paper-mv100k", wanted=wanted, by=None)
    study = made.study
    assert study.title == "Mine (with stand-ins)"
    assert "CMT (tiny) (cmt-tiny) in place of cmt-published" in study.hypotheses
    assert study.template == "paper-mv100k"
    assert (study.clips.count(), study.pairs.count(), study.clips_per_cell) == (1, 5, 1)
    assert {pair.system_1.preset for pair in study.pairs.all()} == {"tiny"}
    assert any("Punk rock: 0 of 1 clips" in note for note in made.notes)
    assert study.trials_per_block == 5
    assert any("Trials of one rater are 5, not 18" in note for note in made.notes)
    assert build_design(study=study, by=None).comparisons == 5


def test_a_template_without_any_clip_is_a_draft_all_the_same() -> None:
    made = study_from_template(name="paper-ablation", wanted=Wanted("A", "a"), by=None)
    assert made.study.pairs.count() == 10
    assert made.notes == ("No clips are chosen yet.",)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_one_short_name_at_once_one_is_told() -> None:
    document = read("duet_study: 1\nstudy: {title: A, short_name: a}\n")
    start = threading.Barrier(2)

    def work() -> str:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            return import_study(document=document, by=None).study.slug
        except DuetError as error:
            return str(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        results = [future.result() for future in [pool.submit(work), pool.submit(work)]]
    assert "a" in results
    assert any("there is a study “a” already" in result for result in results)
    assert Study.objects.count() == 1


def test_a_system_with_the_same_settings_written_out_is_the_same_system() -> None:
    make_system("silence", slug="silence")
    text = "duet_study: 1\nstudy: {title: A, short_name: a}\nsystems: [{slug: silence, system: silence}]\n"
    assert import_study(document=read(text), by=None).new_systems == ()
