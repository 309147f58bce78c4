"""A study file by itself: what is unknown, of another kind or out of bounds is named, all of it at once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from studyapp.documents.problems import StudyFileError
from studyapp.documents.reading import read
from studyapp.documents.schema import ClipEntry, ClipRule, StudyDocument

# Fields ask their database for bounds of numbers.
pytestmark = pytest.mark.django_db

HEAD = "duet_study: 1\nstudy: {title: A study, short_name: a-study}\n"
SYSTEMS = "systems:\n" + "".join(
    f"  - {{slug: {slug}, system: silence}}\n" for slug in ("one", "two", "three", "truth", "foil")
)


def problems(text: str) -> list[str]:
    with pytest.raises(StudyFileError) as caught:
        read(text)
    return [str(problem) for problem in caught.value.problems]


def pairs(text: str) -> tuple[tuple[str, str], ...]:
    return read(HEAD + SYSTEMS + text).compared()


def test_the_shortest_file_has_duets_defaults() -> None:
    document = read(HEAD)
    assert document == StudyDocument(title="A study", slug="a-study")
    assert document.value("ratings_per_comparison") == 3


def test_pairs_are_listed_or_follow_from_a_word() -> None:
    gold = "checks: {gold_truth: truth, gold_foil: foil}\n"
    assert pairs("pairs: [[one, two]]\n") == (("one", "two"),)
    assert pairs(f"pairs: {{each_with: three}}\n{gold}") == (("one", "three"), ("two", "three"))
    assert pairs(f"pairs: all\n{gold}") == (("one", "two"), ("one", "three"), ("two", "three"))
    assert pairs("pairs: []\n") == ()


def test_clips_are_listed_with_or_without_digest_or_follow_from_a_rule() -> None:
    digest = "a" * 64
    listed = read(f"{HEAD}clips: {{list: {{demo: {{7: {digest}, no: }}}}}}\n").clips
    assert listed == (ClipEntry("demo", "7", digest), ClipEntry("demo", "no"))
    rule = read(f"{HEAD}clips: {{rule: {{datasets: [demo], genres: [Rock], per_genre: 3, seed: 0}}}}\n").clips
    assert rule == ClipRule(datasets=("demo",), genres=("Rock",), per_genre=3, seed=0)


def test_amounts_are_what_is_written() -> None:
    assert read(f"{HEAD}consent: {{pay: 0.10}}\n").settings["pay"] == Decimal("0.10")


def test_everything_that_is_wrong_is_listed_with_its_line() -> None:
    text = """\
duet_study: 1
studie: {}
study: {title: 7, short_name: not a slug, language: xx}
systems:
  - {slug: one, system: silence, colour: red}
  - {slug: one, system: silence}
  - {system: silence}
pairs:
  - [one, zero]
  - [one]
clips:
  list:
    demo: {a: abc}
design:
  clips_per_cell: 0
  trials_per_block: "20"
  seed: yes
  seed: 2
checks: {gold_truth: zero}
rules: {min_gold_right: 1.5, max_same_choice: .nan}
analysis_plan: {primary_pairs: [[one, one]], registration_url: nowhere}
consent: {pay: a lot, text: ""}
running: {keep_ids_until: soon}
before_trials: {checks_sound: 1, headphone_test: ears}
texts:
  en: {}
  de: {consent: Ja}
"""
    found = problems(text)
    for says in (
        "line 2, studie: there is no “studie” here; there are duet_study,",
        'line 3, study.title: text is expected; put it in quotes: "7"',
        "line 3, study.short_name: Enter a valid “slug”",
        "line 3, study.language: Value 'xx' is not a valid choice",
        "line 5, systems[1].colour: there is no “colour” here; there are slug, system,",
        "line 6, systems[2].slug: the slug “one” is given twice",
        "line 7, systems[3]: “slug” is missing",
        "line 9, pairs[1]: “zero” is none of the systems; there are one",
        "line 10, pairs[2]: a pair is two different systems",
        "line 13, clips.list.demo.a: a SHA-256 has 64",
        "line 15, design.clips_per_cell: Ensure this value is greater than or equal to 1",
        "line 16, design.trials_per_block: a whole number is expected, not “20”",
        "line 18, design: “seed” is given a second time; the first is in line 17",
        "line 19, checks.gold_truth: “zero” is none of the systems",
        "line 20, rules.min_gold_right: Ensure this value is less than or equal to 1",
        "line 20, rules.max_same_choice: a number is expected, not “.nan”",
        "line 21, analysis_plan.primary_pairs[1]: a pair is two different systems",
        "line 21, analysis_plan.registration_url: Enter a valid URL",
        "line 22, consent.pay: an amount such as 3.50 is expected",
        "line 22, consent.text: This field cannot be blank",
        "line 23, running.keep_ids_until: a day such as 2027-01-31 is expected",
        "line 24, before_trials.checks_sound: yes or no is expected",
        "line 24, before_trials.headphone_test: Value 'ears' is not a valid choice",
        "line 26, texts.en: there is no “en” here; there are de,",
        "line 27, texts.de: “instructions” is missing",
    ):
        assert any(line.startswith(says) for line in found), (says, found)
    assert len(found) == 25
    assert found == sorted(found, key=lambda line: int(line.split(",")[0].removeprefix("line ")))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("study: {}", "it must say “duet_study: 1”"),
        ("duet_study: yes", "it must say “duet_study: 1”"),
        ("duet_study: 2\nsomething_new: 1", "of version 2; this Duet reads up to 1. Update Duet"),
    ],
)
def test_a_file_of_no_or_a_newer_version_is_refused_before_its_keys(text: str, says: str) -> None:
    (found,) = problems(text)
    assert says in found


def test_a_study_file_needs_a_title_and_a_short_name_and_a_template_does_not() -> None:
    assert problems("duet_study: 1\nstudy: {title: A}") == ["line 2, study: “short_name” is missing"]
    head = "template: {name: A, describes: B, source: C}"
    assert read(f"duet_study: 1\n{head}\n").head is not None
