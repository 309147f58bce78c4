"""The pre-registration bundle: everything in it, checkable by its digests, and the same bytes every time."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import pytest
from django.utils import timezone

from studyapp.actions.amendments import amend_study
from studyapp.actions.designs import build_design
from studyapp.models import Study, StudyText, SystemPair
from studyapp.plan.freezing import PARTS, frozen_parts
from studyapp.plan.preregistration import bundle, file_name, open_parts
from studyapp.states import StudyState
from tests.studyapp.factories import make_clip, make_study, make_system, open_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def frozen() -> Study:
    study = open_study(clips=2, blocks=2, hypotheses="The own music fits better.", min_gold_right=0.5, pay="2.50")
    StudyText.objects.create(study=study, language="de", consent_text="Einverstanden?", instructions="Hören.")
    study.refresh_from_db()
    study.frozen = frozen_parts(study)
    study.opened_at = timezone.now()
    study.save(update_fields=["frozen", "opened_at"])
    return study


@pytest.fixture
def draft() -> Study:
    study = make_study(clips_per_cell=1, ratings_per_comparison=2, trials_per_block=2)
    study.clips.set([make_clip(), make_clip(genre="Reggae")])
    first, second = make_system(), make_system("random-shuffle")
    SystemPair.objects.create(study=study, system_1=first, system_2=second)
    return study


def opened(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_every_file_of_a_frozen_plan_has_the_digest_that_was_frozen(frozen: Study) -> None:
    files = opened(bundle(frozen))
    names = {"design": "design.csv"}
    for part in PARTS:
        assert digest(files[names.get(part, f"{part}.json")]) == frozen.frozen[part]
    assert digest(files["frozen.json"]) == frozen.frozen["all"]
    assert f"`{frozen.frozen['all']}`" in files["plan.md"].decode()
    lines = [line.split("  ") for line in files["SHA256SUMS"].decode().splitlines()]
    sums = {name: found for found, name in lines}
    assert sums == {name: digest(data) for name, data in files.items() if name != "SHA256SUMS"}
    assert json.loads(files["rules.json"])["min_gold_right"] == 0.5


def test_the_same_plan_is_the_same_bytes_whenever_and_however_often_it_was_amended(frozen: Study) -> None:
    before = bundle(frozen)
    amend_study(study=frozen, by=None, reason="a reviewer asked", margin=0.3, consent_text__de="Ja?", pay="9.00")
    frozen.refresh_from_db()
    assert frozen.margin == 0.3
    assert bundle(frozen) == before
    assert bundle(Study.objects.get(pk=frozen.pk)) == before


def test_the_readable_plan_says_what_a_reviewer_asks(frozen: Study) -> None:
    text = opened(bundle(frozen))["plan.md"].decode()
    for said in (
        "The own music fits better.",
        "Which music goes best with the video?",
        "1 “A is much better”",
        "### ground-truth",
        "Licences: code",
        "within ±0.1",
        "Stopping rule",
        "at least 50% of gold pairs right",
        "Holm",
        "### Deutsch",
        "> Einverstanden?",
        "numbered amendments alone",
        "python 3",
    ):
        assert said in text, said


def test_stimuli_are_listed_with_digest_loudness_and_seed(frozen: Study) -> None:
    header, *rows = opened(bundle(frozen))["stimuli.csv"].decode().splitlines()
    assert header.startswith("dataset,clip_id,genre,system,seed,sha256,lufs,gain_db")
    assert len(rows) == 4
    stimulus = frozen.comparisons.earliest("pk").stimulus_1
    assert any(f",1,{stimulus.file_sha256},-23.0,1.5," in row for row in rows)


def test_a_draft_says_so_and_what_is_still_open(draft: Study) -> None:
    files = opened(bundle(draft))
    assert "DRAFT" in file_name(draft)
    assert "**DRAFT: nothing is frozen yet.**" in files["plan.md"].decode()
    assert "- The design is not built yet." in files["plan.md"].decode()
    assert not {"design.csv", "stimuli.csv", "frozen.json"} & set(files)
    build_design(study=draft, by=None)
    draft.refresh_from_db()
    assert open_parts(draft)[0] == "4 soundtracks are not ready yet, so they have no digest."
    assert {"design.csv", "stimuli.csv", "draft.json"} <= set(opened(bundle(draft)))
    Study.objects.filter(pk=draft.pk).update(seed=2, primary_pairs=[["a", "b"]], responsible="Dr Example")
    draft.refresh_from_db()
    lines = open_parts(draft)
    assert "changed after its design was built" in lines[0]
    assert any("not among the pairs" in line for line in lines)
    assert not any("responsible" in line for line in lines)


def test_a_frozen_plan_is_no_draft(frozen: Study) -> None:
    assert file_name(frozen) == f"{frozen.slug}-preregistration.zip"
    assert StudyState(frozen.state) == StudyState.OPEN
    assert b"DRAFT" not in bundle(frozen)
