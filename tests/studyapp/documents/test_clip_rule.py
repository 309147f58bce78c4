"""Drawing clips by a rule: level, repeatable, and open about what is short."""

from __future__ import annotations

import pytest

from studyapp.documents.clip_rule import draw, same_genre, sizes
from studyapp.documents.schema import ClipRule
from studyapp.models import Clip
from tests.studyapp.factories import make_clip

pytestmark = pytest.mark.django_db


def genres(rule: ClipRule) -> list[str]:
    return sorted(Clip.objects.filter(pk__in=draw(rule).clip_pks).values_list("genre", flat=True))


def test_a_seed_draws_the_same_clips_whatever_is_added_of_other_genres() -> None:
    for _ in range(8):
        make_clip(genre="Rock")
    rule = ClipRule(genres=("Rock",), per_genre=3, seed=4)
    first = draw(rule).clip_pks
    make_clip(genre="Reggae")
    assert draw(rule).clip_pks == first
    assert len(first) == 3
    assert any(draw(ClipRule(genres=("Rock",), per_genre=3, seed=seed)).clip_pks != first for seed in range(5))


def test_datasets_genres_and_tags_choose() -> None:
    make_clip(genre="Rock", dataset="one", tags=["stage"])
    make_clip(genre="Rock", dataset="two")
    make_clip(genre="Reggae", dataset="one")
    assert genres(ClipRule(datasets=("one",))) == ["Reggae", "Rock"]
    assert genres(ClipRule(genres=("Rock",))) == ["Rock", "Rock"]
    assert genres(ClipRule(tags=("stage", "street"))) == ["Rock"]


def test_what_is_short_is_named_and_the_rest_is_drawn() -> None:
    make_clip(genre="Rock")
    drawn = draw(ClipRule(genres=("Rock", "Punk rock"), per_genre=2))
    assert len(drawn.clip_pks) == 1
    assert [str(share) for share in drawn.shortfalls] == ["Punk rock: 0 of 2 clips", "Rock: 1 of 2 clips"]


def test_a_total_takes_from_as_many_genres_as_it_can() -> None:
    there = dict.fromkeys("abcdefghi", 12)
    assert sorted(sizes(ClipRule(per_genre=10, in_all=89), there).values()) == [9, *[10] * 8]
    assert sorted(sizes(ClipRule(per_genre=8, in_all=66), there).values()) == [*[7] * 6, *[8] * 3]


def test_a_total_takes_nothing_from_a_genre_that_is_short() -> None:
    there = {**dict.fromkeys("abcdefgh", 12), "i": 4}
    assert set(sizes(ClipRule(per_genre=10, in_all=89), there).values()) == {10, 4}
    assert sizes(ClipRule(per_genre=10, in_all=80), there)["i"] == 4


def test_clips_without_a_genre_are_drawn_where_none_is_asked_for() -> None:
    make_clip(genre="unlabelled")
    make_clip(genre="Rock")
    assert genres(ClipRule()) == ["Rock", "unlabelled"]
    assert genres(ClipRule(genres=("Rock",))) == ["Rock"]


def test_of_two_clips_with_one_id_one_is_drawn() -> None:
    make_clip(dataset="one", clip_id="same")
    make_clip(dataset="two", clip_id="same")
    assert len(draw(ClipRule()).clip_pks) == 1


@pytest.mark.parametrize("name", ["Hip hop music", "hip-hop", "Hip Hop", "HIP HOP MUSIC"])
def test_one_genre_has_many_spellings(name: str) -> None:
    assert same_genre(name) == "hip hop"
    assert same_genre("Music of Asia") == same_genre("Asia") == "asia"
    assert same_genre("Rock") != same_genre("Punk rock")
