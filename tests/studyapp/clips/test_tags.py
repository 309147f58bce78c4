"""Tags of clips as columns: one a tag, the same for every clip of a study."""

from __future__ import annotations

import pytest

from analysis.ratings import Ratings
from studyapp.clips import tags as clip_tags
from studyapp.models import Clip
from studyapp.results.exports import codebook, ratings_frame
from tests.studyapp.factories import open_study
from tests.studyapp.results.test_exports import answer_everything

pytestmark = pytest.mark.django_db


def test_every_tag_of_a_compared_clip_is_a_column_of_true_and_false() -> None:
    study = open_study(clips=3, blocks=2)
    first, second, _ = study.clips.order_by("pk")
    Clip.objects.filter(pk=first.pk).update(tags=["music-scene", "夜"])
    Clip.objects.filter(pk=second.pk).update(tags=["Music scene"])
    for _ in range(2):
        answer_everything(study)
    frame = ratings_frame(study)
    # A name that no column can have is told by its digest.
    assert [name for name in frame.columns if name.startswith("tag_")] == ["tag_a519542a", "tag_music_scene"]
    by_clip = dict(zip(frame["clip_id"], frame["tag_music_scene"], strict=True))
    assert [by_clip[clip.clip_id] for clip in study.clips.order_by("pk")] == [True, True, False]
    meanings = dict(zip(codebook(study)["column"], codebook(study)["meaning"], strict=True))
    assert meanings["tag_music_scene"] == "Whether the clip is tagged 'Music scene' or 'music-scene'."
    assert list(meanings) == list(frame.columns)
    rates = Ratings(frame).win_rates(by="tag_music_scene")
    assert {rate.genre for rate in rates.cells} == {"True", "False"}


def test_a_study_without_tags_has_no_such_column() -> None:
    study = open_study(clips=1, blocks=1)
    assert clip_tags.tags_of(study) == {}
    Clip.objects.update(tags=["x"])
    assert list(clip_tags.tags_of(study)) == ["tag_x"]
