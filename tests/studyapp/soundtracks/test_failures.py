"""One cause is one group, and two causes are two."""

from __future__ import annotations

from studyapp.soundtracks.failures import cause, key_of


def test_a_clips_name_and_numbers_do_not_part_one_cause() -> None:
    one = cause("forest-1 has 3.25 s of sound and needs 10 s.", "forest-1")
    other = cause("harbour has 4 s of sound and needs 9.5 s.", "harbour")
    assert one == other == "… has … s of sound and needs … s."


def test_the_name_of_another_clip_does_not_either() -> None:
    names = {"forest", "harbour", "lake.v2"}
    sentences = [f"shuffle needs the original audio of {name}, which has none." for name in ("harbour", "lake.v2")]
    assert len({cause(sentence, "forest", names) for sentence in sentences}) == 1
    assert cause("It borrows from harbour.", "forest", names) == "It borrows from …."


def test_a_name_inside_a_longer_word_stands() -> None:
    assert cause("the category of a", "cat") == "the category of a"


def test_two_causes_are_told_apart() -> None:
    assert cause("clip1: no weights", "clip1") != cause("clip1: no sound font", "clip1")


def test_a_key_is_a_studys_own_and_does_not_say_the_cause() -> None:
    assert key_of("salt", "no weights") == key_of("salt", "no weights")
    assert key_of("salt", "no weights") != key_of("pepper", "no weights")
    assert "weights" not in key_of("salt", "no weights")
