"""Each problem of a clip is found, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from studyapp.clips.problems import Problem, problems
from studyapp.models import Clip, Study
from tests.studyapp.factories import make_clip, make_stimulus, make_study, make_system

pytestmark = pytest.mark.django_db


def sound_clip(**fields: object) -> Clip:
    """A clip that nothing is wrong with, its files there, but for what the fields say."""
    clip = make_clip(**{"licence": "CC0", **fields})
    for name in (clip.master_file, clip.audio_file):
        if name:
            path = Path(settings.MEDIA_ROOT) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
    return clip


def only(found: list[Problem], key: str) -> Problem:
    (problem,) = found
    assert problem.kind.key == key
    return problem


def found_of(dataset: str = "") -> list[Problem]:
    return problems(dataset, visible=Study.objects.all())


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    sound_clip()
    sound_clip(genre="Reggae", duration_s=5.0)
    assert found_of() == []


@pytest.mark.parametrize(
    ("fields", "key", "note"),
    [
        ({"genre": "unlabelled"}, "genre", "no labels"),
        ({"genre": "unlabelled", "labels": ["/m/04rlf", "/m/02sgy"]}, "genre", "labels: /m/04rlf, /m/02sgy"),
        ({"licence": ""}, "licence", ""),
        ({"duration_s": 4.9}, "short", "4.9 s"),
        ({"with_audio": False}, "silent", ""),
    ],
)
def test_each_problem_is_found_alone(fields: dict[str, object], key: str, note: str) -> None:
    clip = sound_clip(**fields)
    (found,) = only(found_of(), key).clips
    assert (found.pk, found.note, found.choices, found.studies) == (clip.pk, note, (), 0)


def test_labels_that_name_two_genres_alike_are_to_be_chosen_among_until_the_clip_is_in_use() -> None:
    clip = sound_clip(genre="unlabelled", labels=["/m/06by7", "/m/064t9"])
    (found,) = only(found_of(), "tied").clips
    assert (found.note, found.choices) == ("Pop music or Rock", ("Pop music", "Rock"))
    make_stimulus(clip, make_system())
    (found,) = only(found_of(), "tied").clips
    assert (found.note, found.choices) == ("Pop music or Rock", ())


def test_one_picture_in_two_datasets_is_found_from_either() -> None:
    one = sound_clip(dataset="d")
    other = sound_clip(dataset="e", master_sha256=one.master_sha256)
    (first,) = only(found_of("d"), "twice").clips
    assert (first.pk, first.note) == (one.pk, f"like e/{other.clip_id}")
    assert [clip.pk for clip in only(found_of(), "twice").clips] == [one.pk, other.pk]


def test_lost_files_are_found() -> None:
    clip = sound_clip()
    clip.master_path.unlink()
    (found,) = only(found_of(), "lost").clips
    assert found.note == clip.master_file


def test_the_studies_of_a_clip_are_counted_and_queries_do_not_grow() -> None:
    clip = sound_clip(licence="")
    for _ in range(2):
        make_study().clips.add(clip)
    assert only(found_of(), "licence").clips[0].studies == 2
    hidden = Study.objects.exclude(pk=Study.objects.latest("pk").pk)
    assert only(problems(visible=hidden), "licence").clips[0].studies == 1
    counts = []
    for _ in range(2):
        sound_clip(licence="")
        with CaptureQueriesContext(connection) as queries:
            found_of()
        counts.append(len(queries))
    assert counts == [1, 1]
