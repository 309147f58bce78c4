"""The documents promise only what is there: links, make targets, commands, files and words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import get_commands

from studyapp.state_diagrams import markdown

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
IDS = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_relative_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text())
    missing = [name for name in targets if "://" not in name and not (document.parent / name).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_make_targets_exist(document: Path) -> None:
    promised = set(re.findall(r"(?:^ {4}|`)make ([a-z][a-z-]*)", document.read_text(), flags=re.MULTILINE))
    known = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert promised <= known


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_management_commands_exist(document: Path) -> None:
    promised = set(re.findall(r"manage\.py ([a-z_]+)", document.read_text()))
    assert promised <= set(get_commands()) | {"help"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_files_named_in_code_type_exist(document: Path) -> None:
    rooms = r"(?:studyapp|generation|analysis|tests|docs|\.ci|templates)"
    named = set(re.findall(rf"`({rooms}/[\w./-]+)`", document.read_text()))
    assert not [name for name in named if not (ROOT / name).exists()]


def test_the_glossary_names_every_table() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text()
    named = set(re.findall(r"^\| (\w+) \|", glossary, flags=re.MULTILINE))
    tables = {model.__name__ for model in apps.get_app_config("studyapp").get_models()}
    assert tables - named == {"User"}


def test_the_state_diagrams_are_those_of_the_code() -> None:
    assert (ROOT / "docs" / "states.md").read_text() == markdown(), (
        "run `python -m studyapp.state_diagrams > docs/states.md`"
    )


def test_every_decision_record_is_listed() -> None:
    folder = ROOT / "docs" / "adr"
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (folder / "README.md").read_text()))
    assert listed == {path.name for path in folder.glob("0*.md")}
