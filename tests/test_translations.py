"""The raters' texts in every language: complete, compiled, and as symmetric between A and B as in English."""

from __future__ import annotations

import gettext
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from studyapp.languages import LANGUAGES
from studyapp.questions import SCALE, WORDINGS
from tests.studyapp.factories import open_study

ROOT = Path(__file__).parent.parent
LOCALES = ROOT / "studyapp" / "locale"
TRANSLATED = [translation.to_locale(code) for code, _ in LANGUAGES if code != "en"]
_HOLES = re.compile(r"%\(\w+\)s|\{\w+\}")


def catalogue(locale: str) -> polib.POFile:
    return polib.pofile(str(LOCALES / locale / "LC_MESSAGES" / "django.po"))


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_text_is_translated_with_its_holes(locale: str) -> None:
    entries = catalogue(locale)
    assert [entry.msgid for entry in entries if not entry.translated() or entry.fuzzy] == []
    for entry in entries:
        wanted = set(_HOLES.findall(entry.msgid_plural or entry.msgid))
        forms = entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]
        for words in forms:
            assert set(_HOLES.findall(words)) <= wanted, (entry.msgid, words)
        if not entry.msgid_plural:
            assert set(_HOLES.findall(entry.msgstr)) == wanted, entry.msgid


@pytest.mark.parametrize("locale", TRANSLATED)
def test_what_is_compiled_is_what_is_written(locale: str) -> None:
    compiled = LOCALES / locale / "LC_MESSAGES" / "django.mo"
    with compiled.open("rb") as file:
        known = gettext.GNUTranslations(file)
    for entry in catalogue(locale):
        if not entry.msgid_plural:
            read = known.pgettext(entry.msgctxt, entry.msgid) if entry.msgctxt else known.gettext(entry.msgid)
            assert read == entry.msgstr, f"run msgfmt for {locale}"
    assert len(polib.mofile(str(compiled))) == len(catalogue(locale))


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_and_b_are_worded_alike(locale: str) -> None:
    with translation.override(translation.to_language(locale)):
        labels = [str(translation.gettext(label)) for _, label in SCALE]
    assert len(set(labels)) == 5
    for left, right in ((labels[0], labels[4]), (labels[1], labels[3])):
        assert left.replace("A", "B", 1) == right
    assert not {"A", "B"} & set(labels[2].split())


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="no xgettext: apt-get install gettext")
def test_no_text_of_the_raters_pages_is_missing_in_the_catalogues(tmp_path: Path) -> None:
    for name in ("studyapp", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("locale", "__pycache__"))
    (tmp_path / "studyapp" / "locale").mkdir()
    command = [sys.executable, "-m", "django", "makemessages", "--locale=de", "--no-location", "--verbosity=0"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = polib.pofile(str(tmp_path / "studyapp" / "locale" / "de" / "LC_MESSAGES" / "django.po"))
    wanted = {(entry.msgctxt, entry.msgid, entry.msgid_plural) for entry in found}
    for locale in TRANSLATED:
        have = {(entry.msgctxt, entry.msgid, entry.msgid_plural) for entry in catalogue(locale)}
        assert have == wanted, f"run makemessages and translate what is new for {locale}"


@pytest.mark.django_db
@pytest.mark.parametrize(("code", "name"), LANGUAGES)
def test_a_study_in_each_language_speaks_it_from_the_first_page(code: str, name: str) -> None:
    study = open_study(language=code)
    page = Client(headers={"Accept-Language": "xx"}).get(reverse("take", args=[study.token])).content.decode()
    with translation.override(code):
        agree = translation.gettext("I agree to take part")
    assert f'<html lang="{code}"' in page
    assert agree in page
    assert ('dir="rtl"' in page) == (code == "ar")
    assert (agree == "I agree to take part") == (code == "en")
    assert name


def test_the_questions_are_asked_in_every_language() -> None:
    for locale in TRANSLATED:
        with translation.override(translation.to_language(locale)):
            for wording in WORDINGS:
                assert translation.gettext(wording.text) != wording.text
