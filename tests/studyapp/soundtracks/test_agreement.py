"""What lets versions of a clip be told apart by anything but their music is found, and named once."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from studyapp.models import Comparison, Stimulus, Study
from studyapp.soundtracks.agreement import Kind, disagreements
from studyapp.states import StimulusState
from tests.studyapp.factories import make_stimulus, make_study, make_system, open_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return open_study(clips=2, blocks=1)


def first(study: Study) -> Comparison:
    found: Comparison = study.comparisons.select_related("clip", "stimulus_1__system").earliest("id")
    return found


def changed(stimulus: Stimulus, **fields: object) -> None:
    Stimulus.objects.filter(pk=stimulus.pk).update(**fields)


def test_versions_that_agree_give_nothing_in_one_query(study: Study) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert disagreements(study.comparisons.designed()) == []
    assert len(queries) == 1


@pytest.mark.parametrize(("lufs", "found"), [(-22.81, 0), (-22.79, 1)])
def test_loudness_may_differ_by_a_fifth_of_a_unit(study: Study, lufs: float, found: int) -> None:
    changed(first(study).stimulus_1, lufs=lufs)
    findings = disagreements(study.comparisons.designed())
    assert [one.kind for one in findings] == [Kind.LOUDNESS] * found
    if found:
        assert "differ by 0.21 LU" in findings[0].text
        assert findings[0].blocks


def test_two_systems_with_one_file_are_pointed_out_and_do_not_block(study: Study) -> None:
    pair = first(study)
    changed(pair.stimulus_1, file_sha256=pair.stimulus_2.file_sha256)
    (finding,) = disagreements(study.comparisons.designed())
    assert (finding.kind, finding.clip, finding.blocks) == (Kind.SAME, pair.clip_id, False)


def test_a_pair_of_one_version_with_itself_is_meant_to_be_the_same_file(study: Study) -> None:
    pair = first(study)
    Comparison.objects.create(
        study=study, clip=pair.clip, stimulus_1=pair.stimulus_1, stimulus_2=pair.stimulus_1, kind="identical"
    )
    assert disagreements(study.comparisons.designed()) == []


def test_of_three_versions_the_one_that_stands_out_is_named(study: Study) -> None:
    pair = first(study)
    third = make_stimulus(pair.clip, make_system(slug="third"), duration_s=pair.clip.duration_s + 0.002)
    Comparison.objects.create(study=study, clip=pair.clip, stimulus_1=pair.stimulus_1, stimulus_2=third)
    (finding,) = disagreements(study.comparisons.designed())
    assert (finding.kind, finding.systems) == (Kind.DURATION, ("third",))
    assert "durations of 1.000 to 1.002 s" in finding.text


def test_of_two_versions_both_are_named(study: Study) -> None:
    changed(first(study).stimulus_1, file_bytes=4097)
    (finding,) = disagreements(study.comparisons.designed())
    assert finding.kind == Kind.SIZE
    assert len(finding.systems) == 2


def test_what_is_not_ready_or_not_of_the_design_is_left_out(study: Study) -> None:
    changed(first(study).stimulus_1, lufs=-10.0, state=StimulusState.FAILED, error="no")
    assert disagreements(study.comparisons.designed()) == []
    changed(first(study).stimulus_1, state=StimulusState.READY)
    study.comparisons.update(in_design=False)
    assert disagreements(study.comparisons.designed()) == []


def test_an_empty_study_has_nothing_to_disagree_in() -> None:
    assert disagreements(make_study().comparisons.designed()) == []
