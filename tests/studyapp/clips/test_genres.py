"""From many labels to one genre, as the rule states it."""

from __future__ import annotations

import pytest

from studyapp.clips.genres import DANCES, IN_PAPERS_HUMAN_STUDY, PAPERS, Verdict, label_id, name_of, one_genre


@pytest.mark.parametrize(
    ("labels", "genre"),
    [
        (["/m/064t9"], "Pop music"),
        (["Pop music", "House music"], "Electronic music"),
        (["Oldschool jungle", "Punk rock"], "Electronic music"),
        (["/m/06by7", "/m/05r6t"], "Punk rock"),
        (["Heavy metal", "Rock music"], "Heavy metal"),
        (["Grunge"], "Rock"),
        (["Progressive rock", "Psychedelic rock"], "Rock"),
        (["Grunge", "Punk rock"], "Punk rock"),
        (["Rock"], "Rock"),
        (["Dub"], "Reggae"),
        (["Music of Bollywood", "/m/04rlf"], "Music of Asia"),
        (["Jazz", "/m/02sgy"], "Jazz"),
    ],
)
def test_labels_that_agree_give_one_genre(labels: list[str], genre: str) -> None:
    assert one_genre(labels) == Verdict(genre)


@pytest.mark.parametrize(
    ("labels", "candidates"),
    [
        (["Punk rock", "Heavy metal", "Grunge"], ("Heavy metal", "Punk rock")),
        (["Pop music", "Rock"], ("Pop music", "Rock")),
        (["Beatboxing"], ("Hip hop music", "Vocal music")),
        (["/m/04rlf", "Guitar"], ()),
        ([], ()),
    ],
)
def test_labels_that_do_not_agree_give_none(labels: list[str], candidates: tuple[str, ...]) -> None:
    assert one_genre(labels) == Verdict("", candidates)


def test_the_order_of_labels_says_nothing() -> None:
    labels = ["Pop music", "Techno", "Grunge", "Dub"]
    assert one_genre(labels) == one_genre(reversed(labels)) == one_genre(labels * 2)


def test_every_genre_of_the_paper_is_what_its_own_label_gives() -> None:
    assert len(PAPERS) == 13
    for label, name in PAPERS:
        assert one_genre([label]) == Verdict(name)
        assert one_genre([name]) == Verdict(name)
    assert len(IN_PAPERS_HUMAN_STUDY) == 9


def test_labels_go_by_name_or_id() -> None:
    assert label_id("hip HOP music") == "/m/0glt670"
    assert label_id("Guitar") == "Guitar"
    assert name_of("/m/06by7") == "Rock music"
    assert name_of("/m/02sgy") == "/m/02sgy"


def test_no_dance_is_called_like_a_music_genre() -> None:
    assert len(set(DANCES.values())) == 10
    assert all(one_genre([name]) == Verdict("") for name in DANCES.values())
