"""Two studies side by side: what differs, word by word where it is long."""

from __future__ import annotations

import pytest

from studyapp.actions.study_documents import duplicate_study
from studyapp.documents.comparing import Piece, compare, words_apart
from studyapp.documents.of_study import document_of
from studyapp.models import Study
from tests.studyapp.factories import make_clip, make_study, make_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    study = make_study()
    first, second = make_system(slug="a"), make_system("silence", slug="b")
    study.pairs.create(system_1=first, system_2=second)
    study.clips.add(make_clip(clip_id="only"), make_clip(clip_id="both"))
    return study


def differing(one: Study, other: Study) -> dict[str, tuple[str, str]]:
    sections = compare(document_of(one), document_of(other))
    return {
        f"{section.label}/{row.label}": (row.one, row.other) for section in sections for row in section.differing
    }


def test_a_copy_differs_in_nothing(study: Study) -> None:
    copy = duplicate_study(study=study, title="B", slug="b", by=None).study
    assert differing(study, copy) == {}


def test_every_kind_of_difference_is_found(study: Study) -> None:
    copy = duplicate_study(study=study, title="B", slug="b", by=None).study
    copy.pairs.all().delete()
    copy.pairs.create(system_1=make_system(slug="c"), system_2=make_system(slug="d"))
    copy.clips.remove(copy.clips.get(clip_id="only"))
    copy.texts.create(language="de", consent_text="Ja", instructions="Hören")
    Study.objects.filter(pk=copy.pk).update(clips_per_cell=4, break_after=7, checks_sound=True)
    copy.refresh_from_db()
    found = differing(study, copy)
    assert found["Pairs/a vs b"] == ("compared", "")
    assert found["Pairs/c vs d"] == ("", "compared")
    assert found["Systems/c"] == ("", "c")
    assert found["Clips/Only here"] == ("test/only", "")
    assert found["Design/Clips per cell"] == ("10", "4")
    assert found["Before the trials, and breaks/Break after"] == ("", "7")
    assert found["Before the trials, and breaks/Checks sound"] == ("no", "yes")
    assert found["Languages and their texts/Deutsch: instructions"] == ("", "Hören")


def test_words_that_changed_are_told_from_those_that_stayed() -> None:
    assert words_apart("you may stop now", "you can stop now") == (
        Piece("both", "you "),
        Piece("one", "may "),
        Piece("other", "can "),
        Piece("both", "stop now"),
    )


def test_texts_too_long_for_words_stand_whole() -> None:
    long = "word " * 4000
    assert words_apart(long, f"{long}!") == (Piece("one", long), Piece("other", f"{long}!"))


def test_line_ends_of_a_browser_are_no_difference(study: Study) -> None:
    copy = duplicate_study(study=study, title="B", slug="b", by=None).study
    Study.objects.filter(pk=study.pk).update(instructions="one\r\ntwo")
    Study.objects.filter(pk=copy.pk).update(instructions="one\ntwo")
    study.refresh_from_db()
    copy.refresh_from_db()
    assert differing(study, copy) == {}
