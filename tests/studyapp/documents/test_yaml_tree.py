"""YAML as text, numbers, lists and mappings, and nothing that a study file has no use for."""

from __future__ import annotations

import pytest

from studyapp.documents.problems import StudyFileError
from studyapp.documents.yaml_tree import MAX_BYTES, MAX_DEPTH, Mapped, parse, plain


def tree_of(content: bytes | str) -> Mapped:
    return parse(content)[0]


def problems(content: bytes | str) -> list[str]:
    with pytest.raises(StudyFileError) as caught:
        parse(content)
    return [str(problem) for problem in caught.value.problems]


def test_values_are_what_they_look_like_and_know_their_lines() -> None:
    tree = tree_of("a: 1\nb:\n  c: [2.5, yes, x, ]\nd: 2027-01-31\ne:\n")
    assert str(plain(tree)) == str({"a": 1, "b": {"c": [2.5, True, "x"]}, "d": plain(tree)["d"], "e": None})
    assert plain(tree)["d"].isoformat() == "2027-01-31"
    assert tree.items["b"].items["c"].line == 3  # type: ignore[union-attr, call-overload, index]


def test_keys_stay_as_they_are_written() -> None:
    assert list(tree_of("007: a\nno: b\n1.50: c\n").items) == ["007", "no", "1.50"]


def test_every_key_given_twice_is_named_with_both_lines() -> None:
    _, twice = parse("a: 1\nb:\n  c: {d: 1}\n  c: 2\na: 2\n")
    assert [str(problem) for problem in twice] == [
        "line 4, b: “c” is given a second time; the first is in line 3",
        "line 5: “a” is given a second time; the first is in line 1",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &x [1]\nb: *x", "line 1: “&x”: no anchors"),
        ("b: *x", "line 1: “*x”: no aliases"),
        ("\na: !!python/object/apply:os.system [x]", "line 2: “tag:yaml.org,2002:python/object/apply:os"),
        ("a: !!set {b}", "no tags"),
        ("a: " + "[" * MAX_DEPTH, f"nested more than {MAX_DEPTH} deep"),
        ("[" * 100_000, "nesting"),
        ("a: 1\n---\nb: 2", "line 2: the file holds two documents"),
        ("a: [1", "this is not YAML"),
        ("a: 'x", "this is not YAML"),
        ("\ta: 1", "this is not YAML"),
        ("a: 2027-02-31", "line 1: “2027-02-31” is no number or date; put text in quotes"),
        ("a: " + "9" * 5000, "is no number or date"),
        ('a: "\\0"', "line 1: the text holds the control character"),
        ("x\na: \x07", "line 2: the line holds a control character"),
        ("? [a]\n: 1", "a key is a word"),
        ("- a", "begin it with “duet_study: 1”"),
        ("", "the file is empty"),
        ("# only a comment", "the file is empty but for comments"),
        (b"\xff\xfea", "not text in UTF-8"),
        ("a" * (MAX_BYTES + 1), "a study file has 2 MB at most"),
    ],
)
def test_what_a_study_file_has_no_use_for_is_refused(text: bytes | str, says: str) -> None:
    assert says in problems(text)[0]


def test_a_file_with_a_byte_order_mark_is_read() -> None:
    assert plain(tree_of(b"\xef\xbb\xbfa: 1")) == {"a": 1}
