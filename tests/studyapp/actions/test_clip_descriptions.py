"""What is said of a clip, and from when on it stands."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from studyapp.actions import clip_descriptions
from studyapp.actions.clip_descriptions import describe_clip, license_clips, tag_clips
from studyapp.errors import DuetError, WrongState
from studyapp.models import AuditLine, Clip, Study
from studyapp.states import StudyState
from tests.studyapp.factories import (
    make_clip,
    make_researcher,
    make_stimulus,
    make_study,
    make_system,
    open_study,
)


def rows(*clips: Clip) -> QuerySet[Clip]:
    return Clip.objects.filter(pk__in=[clip.pk for clip in clips])


@pytest.mark.django_db
def test_a_clip_is_described_by_an_action_until_something_rests_on_it() -> None:
    clip, researcher = make_clip(genre="Rok", caption="x"), make_researcher()
    assert describe_clip(clip=clip, by=researcher, genre="Rock", caption="").genre == "Rock"
    line = AuditLine.objects.get(verb="clip described anew")
    assert (line.by, line.details["changes"]) == (researcher, {"genre": "Rock", "caption": ""})
    make_stimulus(clip, make_system())
    with pytest.raises(WrongState, match="in use with another genre"):
        describe_clip(clip=clip, by=researcher, genre="Reggae")
    clip.refresh_from_db()
    assert clip.genre == "Rock"


@pytest.mark.django_db
def test_what_nobody_meets_can_be_said_at_any_time() -> None:
    study = open_study()
    clip = study.clips.all()[0]
    said = {
        "licence": "CC0",
        "source_url": "https://example.org/x",
        "labels": ["/m/06by7"],
    }
    described = describe_clip(clip=clip, by=None, genre=clip.genre, **said)
    assert described.licence == "CC0"


@pytest.mark.django_db
def test_tags_stand_once_a_study_has_opened_for_results_are_split_by_them() -> None:
    study = open_study()
    clip, free = study.clips.all()[0], make_clip()
    draft = make_study()
    draft.clips.add(free)
    assert describe_clip(clip=free, by=None, tags=["Live", "dance"]).tags == ["dance", "live"]
    for state in (StudyState.OPEN, StudyState.CLOSED):
        closed_at = timezone.now() if state == StudyState.CLOSED else None
        Study.objects.filter(pk=study.pk).update(state=state, closed_at=closed_at)
        with pytest.raises(WrongState, match="a study that has opened"):
            describe_clip(clip=clip, by=None, tags=["live"])
        with pytest.raises(WrongState, match=f"test/{clip.clip_id}: in the design .* no clip was tagged"):
            tag_clips(clips=rows(free, clip), tag="new", by=None)
    assert not Clip.objects.filter(tags__icontains="new").exists()
    # What it has already is no change.
    assert describe_clip(clip=clip, by=None, tags=clip.tags).tags == []


@pytest.mark.django_db
def test_what_is_said_of_a_clip_is_told_in_every_study_that_has_it() -> None:
    first, second = make_study(), make_study()
    shared, own, free = make_clip(), make_clip(), make_clip()
    first.clips.add(shared, own)
    second.clips.add(shared)
    describe_clip(clip=shared, by=None, caption="a beach")
    assert {line.study for line in AuditLine.objects.all()} == {first, second}
    AuditLine.objects.all().delete()
    tag_clips(clips=rows(shared, own, free), tag="live", by=None)
    told = {line.study: line.details["clips"] for line in AuditLine.objects.all()}
    names = [f"test/{clip.clip_id}" for clip in (shared, own, free)]
    assert told == {first: names[:2], second: names[:1], None: names[2:]}
    AuditLine.objects.all().delete()
    license_clips(dataset="test", licence="CC0", by=None)
    assert {line.study: line.details["clips"] for line in AuditLine.objects.all()} == {
        first: 2,
        second: 1,
        None: 1,
    }


@pytest.mark.django_db
def test_a_genre_that_a_person_gives_is_no_rules_any_more() -> None:
    clip = make_clip(genre="Rock", genre_rule="audioset-1")
    assert describe_clip(clip=clip, by=None, genre="Punk rock").genre_rule == ""
    again = make_clip(genre="unlabelled")
    assert describe_clip(clip=again, by=None, genre="Rock", genre_rule="audioset-1").genre_rule == "audioset-1"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"genre": "=Rock"}, "the genre “=Rock”"),
        ({"genre": ""}, "genre"),
        ({"genre": "g" * 81}, "at most 80"),
        ({"source_url": "javascript:alert(1)"}, "valid URL"),
        ({"tags": ["???"]}, "the tag “[?]{3}”"),
    ],
)
def test_words_that_cannot_be_used_change_nothing(said: dict[str, object], wrong: str) -> None:
    clip = make_clip(genre="Rock")
    with pytest.raises(DuetError, match=wrong):
        describe_clip(clip=clip, by=None, caption="new", **said)
    clip.refresh_from_db()
    assert (clip.genre, clip.caption) == ("Rock", "")
    assert not AuditLine.objects.exists()


@pytest.mark.django_db
def test_clips_are_tagged_together_and_once() -> None:
    clips = [make_clip(tags=["live"]), make_clip()]
    assert tag_clips(clips=rows(*clips), tag="Live", by=None) == 1
    assert tag_clips(clips=rows(*clips), tag="live", by=None) == 0
    assert [clip.tags for clip in Clip.objects.all()] == [["live"], ["live"]]
    assert AuditLine.objects.get().details == {"tag": "live", "clips": [f"test/{clips[1].clip_id}"]}
    for tag, wrong in (("", "No tag was given"), ("one, two", "Several tags"), ("!", "cannot be used")):
        with pytest.raises(DuetError, match=wrong):
            tag_clips(clips=rows(*clips), tag=tag, by=None)


@pytest.mark.django_db
def test_a_licence_is_said_for_those_that_have_none() -> None:
    own, without, elsewhere = make_clip(licence="CC0"), make_clip(), make_clip(dataset="other")
    assert license_clips(dataset="test", licence=" CC-BY-4.0 ", by=None) == 1
    said = dict(Clip.objects.values_list("pk", "licence"))
    assert (said[own.pk], said[without.pk], said[elsewhere.pk]) == ("CC0", "CC-BY-4.0", "")
    for licence, wrong in ((" ", "No licence was given"), ("x" * 201, "at most 200")):
        with pytest.raises(DuetError, match=wrong):
            license_clips(dataset="other", licence=licence, by=None)


@pytest.mark.django_db
def test_more_clips_than_one_statement_takes_are_tagged_and_licensed() -> None:
    study, clips = make_study(), [make_clip() for _ in range(12)]
    study.clips.add(*clips[:4])
    with most_values(10), patch.object(clip_descriptions, "_AT_ONCE", 3):
        assert license_clips(dataset="test", licence="CC0", by=None) == 12
        assert tag_clips(clips=Clip.objects.filter(dataset="test"), tag="live", by=None) == 12
    told = {(line.verb, line.study): line.details["clips"] for line in AuditLine.objects.all()}
    names = [f"test/{clip.clip_id}" for clip in clips]
    assert told == {
        ("clips' licence said", study): 4,
        ("clips' licence said", None): 8,
        ("clips tagged", study): names[:4],
        ("clips tagged", None): names[4:],
    }


@contextmanager
def most_values(most: int) -> Iterator[None]:
    """Refuse reading statements of more values than that, as SQLite does at a number of its own."""

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        assert len(params or ()) <= most or not sql.startswith("SELECT"), f"{len(params)} values: {sql}"
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield


@pytest.mark.django_db(transaction=True)
def test_two_who_tag_one_clip_at_once_both_do() -> None:
    clip = make_clip()
    start = threading.Barrier(2)

    def work(tag: str) -> int:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            return tag_clips(clips=rows(clip), tag=tag, by=None)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, ["live", "dance"])) == [1, 1]
    clip.refresh_from_db()
    assert clip.tags == ["dance", "live"]
