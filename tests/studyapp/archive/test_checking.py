"""What is refused of an archive, in a sentence, before a row is stored; and what keeps anything by half."""

from __future__ import annotations

import json
import tracemalloc
import zipfile
from collections.abc import Callable
from os import urandom
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from generation import registry
from studyapp.actions.archives import read_archive, write_archive
from studyapp.actions.studies import close_study
from studyapp.archive import checking
from studyapp.archive.columns import BadArchive
from studyapp.archive.manifest import NAME
from studyapp.archive.tables import LEFT_OUT, TABLES
from studyapp.errors import DuetError, WrongState
from studyapp.models import AuditLine, Clip, Rater, Response, Stimulus, StimulusHold, Study, System, User
from tests.studyapp.factories import answer_trial, make_researcher, open_study
from tests.studyapp.results.test_exports import answer_everything

pytestmark = pytest.mark.django_db


@pytest.fixture
def by() -> User:
    return make_researcher()


@pytest.fixture
def archived(tmp_path: Path, by: User) -> Path:
    """The archive of a study that is here no more, its clips, systems and stimuli neither."""
    study = open_study(clips=2, blocks=2)
    answer_everything(study)
    Study.objects.filter(pk=study.pk).update(slug="old")
    write_archive(study=closed(study, by), target=tmp_path / "old.zip")
    remove_everything()
    return tmp_path / "old.zip"


def closed(study: Study, by: User) -> Study:
    for session in study.sessions.all():
        session.answer_count = session.responses.count()
        session.save(update_fields=["answer_count"])
    return close_study(study=Study.objects.get(pk=study.pk), by=by)


def remove_everything() -> None:
    Response.objects.all().delete()
    for study in Study.objects.all():
        study.sessions.all().delete()
        AuditLine.objects.filter(study=study).delete()
        study.blocks.all().delete()
        study.comparisons.all().delete()
        study.delete()
    for model in (Rater, StimulusHold, Stimulus, System, Clip):
        model.objects.all().delete()


def changed(path: Path, change: Callable[[dict[str, bytes]], None], *, sealed: bool = True) -> Path:
    """The archive with other content, under a manifest that fits it where ``sealed``."""
    import hashlib

    with zipfile.ZipFile(path) as pack:
        members = {name: pack.read(name) for name in pack.namelist()}
    change(members)
    if sealed and members.get(NAME, b"").endswith(b"}\n"):
        told = json.loads(members[NAME])
        told["members"] = [
            {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in members.items()
            if name != NAME
        ]
        members[NAME] = json.dumps(told).encode()
    target = path.with_name("changed.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, content in members.items():
            pack.writestr(name, content)
    return target


def edited(table: str, line: int, **values: Any) -> Callable[[dict[str, bytes]], None]:
    """A change of some values in one line of one table; None takes the column out."""

    def change(members: dict[str, bytes]) -> None:
        lines = members[f"tables/{table}.jsonl"].decode().splitlines()
        row = {**json.loads(lines[line]), **values}
        lines[line] = json.dumps({name: value for name, value in row.items() if value != "(gone)"})
        members[f"tables/{table}.jsonl"] = ("\n".join(lines) + "\n").encode()

    return change


def added(table: str, **values: Any) -> Callable[[dict[str, bytes]], None]:
    """One amendment more, with some values of its own."""

    def change(members: dict[str, bytes]) -> None:
        row = {
            **{"number": 1, "at": "2026-01-01T00:00:00+00:00", "archived_by": "", "what": "margin"},
            **{"before": None, "after": None, "reason": "why not", "sha256": "0" * 64, **values},
        }
        members[f"tables/{table}.jsonl"] += (json.dumps(row) + "\n").encode()
        told = json.loads(members[NAME])
        told["rows"][table] += 1
        members[NAME] = (json.dumps(told) + "\n").encode()

    return change


def manifest_with(**values: Any) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members[NAME] = (json.dumps({**json.loads(members[NAME]), **values}) + "\n").encode()

    return change


def without(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda members: members.pop(name) and None


def refused(path: Path, by: User, match: str) -> None:
    models = (Study, Clip, System, Stimulus, Rater, AuditLine, Response)
    before = [model.objects.count() for model in models]
    with pytest.raises(BadArchive, match=match):
        read_archive(path, by=by)
    assert before == [model.objects.count() for model in models]


def test_what_was_archived_can_be_read(archived: Path, by: User) -> None:
    study = read_archive(archived, by=by)
    assert (study.slug, study.sessions.count(), Response.objects.count()) == ("old", 1, 4)
    assert read_archive(archived, by=by, slug="old-2").slug == "old-2"
    # The second study shares clips, systems and stimuli with the first.
    assert (Clip.objects.count(), System.objects.count(), Stimulus.objects.count()) == (2, 2, 4)


def test_a_short_name_that_is_taken_asks_for_another(archived: Path, by: User) -> None:
    read_archive(archived, by=by)
    with pytest.raises(DuetError, match="there is a study 'old' already; give the archive's another short name"):
        read_archive(archived, by=by)
    with pytest.raises(DuetError, match="is no short name"):
        read_archive(archived, by=by, slug="no name")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (without(NAME), "without archive.json"),
        (without("tables/responses.jsonl"), "tables/responses.jsonl is missing"),
        (manifest_with(version=2), "by a newer Duet .*update this one"),
        (manifest_with(version=0), "by an older Duet"),
        (manifest_with(format="other"), "does not say “duet-archive”"),
        (manifest_with(rows={}), "is missing"),
        (lambda members: members.update({NAME: b"{\n"}), "is not JSON"),
        (lambda members: members.update({NAME: b"[1]"}), "it is no JSON object"),
        (lambda members: members.update({NAME: b"null"}), "it is no JSON object"),
        (lambda members: members.update({NAME: b"[" * 100_000}), "is not JSON"),
        (lambda members: members.update({NAME: b'{"members": [{"bytes": 1e400}]}'}), "give a finite one"),
        (manifest_with(title="\ud800"), "half a character"),
        (lambda members: members.update({"../evil": b""}), "'../evil', which Duet never writes"),
        (lambda members: members.update({"/etc/passwd": b""}), "which Duet never writes"),
        (edited("responses", 0, choice=9), "responses.jsonl breaks a rule of the database"),
        (edited("responses", 0, choice="5"), "responses.jsonl, line 1, 'choice': '5'; it must be a whole number"),
        (edited("responses", 1, trial=99), "line 2 refers to line 99 of trials, which is not there"),
        (edited("responses", 1, trial=0), "refers to line 0"),
        (edited("responses", 1, session=None), "'session': empty"),
        (edited("responses", 0, answered_at="yesterday"), "it must be a time"),
        (edited("responses", 0, coverage_left="(gone)"), "the column 'coverage_left' is missing"),
        (edited("responses", 0, mood="good"), "the column 'mood' is not known here"),
        (edited("sessions", 0, rater_id="<b>"), "are no pseudonyms"),
        (edited("sessions", 0, answer_count=3), "answers and sessions in it do not agree"),
        (edited("systems", 0, key="holodeck"), "'holodeck', which this Duet does not have"),
        (edited("study", 0, state="open", closed_at=None), "the study in it is open"),
        (edited("study", 0, panel="holodeck"), "breaks a rule of the database"),
        (edited("study", 0, title="x" * 300), "300 characters long"),
        (edited("trials", 0, left_is_1=None), "'left_is_1': empty"),
        (edited("blocks", 1, number=1), "blocks.jsonl breaks a rule"),
        (edited("trials", 0, played_first="right"), "the design that was read is not that of design.csv"),
        (edited("clips", 0, tags=5), "'tags': 5; it must be a list of texts"),
        (edited("clips", 0, tags=[{"a": 1}]), "it must be a list of texts"),
        (edited("clips", 0, labels=7), "'labels': 7; it must be a list of texts"),
        (edited("clips", 0, source_url="javascript:alert(1)"), "clips.jsonl breaks a rule .*valid URL"),
        (edited("clips", 0, caption="\ud800"), "'caption': text may not hold half a character"),
        (edited("systems", 0, settings=[1]), "it must be a JSON object"),
        (edited("systems", 0, settings={"heat": 1}), "cannot be made here: .* has no setting heat"),
        (edited("systems", 0, key="imported", settings={"folder": "/etc"}), "no folder of imported files"),
        (edited("systems", 0, preset="nope"), "has no preset 'nope' here; there are default"),
        (edited("systems", 0, slug="no slug"), "systems.jsonl breaks a rule"),
        (edited("stimuli", 0, peaks="x"), "it must be a list of numbers"),
        (edited("stimuli", 0, environment=5), "it must be a JSON object"),
        (edited("study", 0, frozen={"design": 5}), "it must be a JSON object whose values are texts"),
        (edited("study", 0, design_summary={"x": 1}), "study.jsonl breaks a rule"),
        (edited("study", 0, primary_pairs="abc"), "no list of pairs of two slugs"),
        (edited("study", 0, primary_pairs=[[1, 2]]), "no list of pairs of two slugs"),
        (edited("audit_lines", 0, details={"a": "\ud800"}), "half a character"),
        (edited("audit_lines", 0, details=json.loads('{"a":' * 50 + "1" + "}" * 50)), "nested more than 20 deep"),
        (added("amendments", what="margin", before={"a": 1}), "amendments.jsonl breaks a rule .*is not a number"),
        (
            added("amendments", what="extension", after={"further_ratings": 1, "pairs": 1, "block_numbers": 3}),
            "rule",
        ),
        (edited("audit_lines", 0, details=[]), "must be a JSON object"),
        (lambda members: members.update({"tables/marks.jsonl": b"nonsense\n"}), "marks.jsonl, line 1 is not JSON"),
        (lambda members: members.update({"tables/marks.jsonl": b"[" * 100_000}), "is not JSON"),
        (lambda members: members.update({"tables/texts.jsonl": b"\n\n"}), "is not JSON"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(
    archived: Path, by: User, change: Callable[[dict[str, bytes]], None], match: str
) -> None:
    refused(changed(archived, change), by, match)


def test_a_file_that_was_changed_or_cut_does_not_fit_its_digests(archived: Path, by: User, tmp_path: Path) -> None:
    refused(changed(archived, edited("responses", 0, choice=1), sealed=False), by, "is not what archive.json says")
    refused(changed(archived, without("README.md"), sealed=False), by, "README.md is listed but missing")
    extra = changed(archived, lambda members: members.update({"more.txt": b""}), sealed=False)
    refused(extra, by, "more.txt is in the file but not in its list")
    cut = tmp_path / "cut.zip"
    cut.write_bytes(archived.read_bytes()[:-300])
    refused(cut, by, "this is no whole zip file")
    damaged = bytearray(archived.read_bytes())
    damaged[200] ^= 255
    cut.write_bytes(damaged)
    refused(cut, by, "whole zip file|is not what")


def test_a_bomb_is_refused_before_it_swells(archived: Path, by: User) -> None:
    refused(changed(archived, lambda members: members.update({"README.md": bytes(50 << 20)})), by, "would swell")


def test_what_unpacks_to_more_than_can_be_read_is_refused(
    archived: Path, by: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "MOST_UNPACKED", 1 << 10)
    refused(archived, by, "it would unpack to .* are the most")


def test_a_design_of_any_length_is_compared_by_its_digest_alone(archived: Path, by: User) -> None:
    long = changed(
        archived, lambda members: members.update({"design.csv": bytes(30 << 20), "data/x": urandom(1 << 18)})
    )
    tracemalloc.start()
    refused(long, by, "the design that was read is not that of design.csv")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20 << 20


def test_a_line_without_an_end_is_cut_off(archived: Path, by: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "LONGEST_LINE", 100)
    refused(archived, by, "is longer than 100 bytes")


@pytest.mark.parametrize(
    ("model", "values", "match"),
    [
        (Clip, {"master_sha256": "0" * 64}, "the clip .* has another master sha256 here"),
        (Clip, {"genre": "Polka"}, "has another genre here .Polka. than in the archive"),
        (System, {"settings": {"heat": 1}}, r"the system .* has another settings here \(.'heat': 1.\)"),
        (System, {"key": "silence"}, r"the system .* has another key here \(silence\)"),
        (System, {"label": "Mine"}, r"the system .* has another label here \(Mine\)"),
        (Stimulus, {"file_sha256": "0" * 64}, "the stimulus .* has another file sha256 here"),
    ],
)
def test_what_is_here_under_the_same_name_must_be_the_same(
    archived: Path, by: User, model: Any, values: dict[str, str], match: str
) -> None:
    read_archive(archived, by=by)
    model.objects.filter(pk=model.objects.earliest("pk").pk).update(**values)
    with pytest.raises(BadArchive, match=match):
        read_archive(archived, by=by, slug="again")
    assert Study.objects.count() == 1


def test_an_archive_of_another_registrys_digests_is_read_and_its_systems_matched(archived: Path, by: User) -> None:
    old = changed(archived, edited("systems", 0, digest="0" * 64))
    read_archive(old, by=by)
    for system in System.objects.all():
        assert system.digest == registry.settings_digest(system.key, system.preset, system.settings)
    read_archive(old, by=by, slug="again")
    assert Study.objects.count() == 2


def test_only_closed_and_archived_studies_are_archived(tmp_path: Path) -> None:
    study = open_study()
    with pytest.raises(WrongState, match="is open; close it first"):
        write_archive(study=study, target=tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_a_file_that_is_there_already_stays(tmp_path: Path, by: User) -> None:
    (tmp_path / "mine.zip").write_bytes(b"mine")
    with pytest.raises(DuetError, match=r"there is a file .* already"):
        write_archive(study=closed(open_study(clips=1, blocks=1), by), target=tmp_path / "mine.zip")
    assert (tmp_path / "mine.zip").read_bytes() == b"mine"


def test_a_hold_that_keeps_a_stimulus_from_raters_comes_along(tmp_path: Path, by: User) -> None:
    study = open_study(clips=1, blocks=1)
    session = answer_everything(study)
    first, second = study.comparisons.get().stimulus_1, study.comparisons.get().stimulus_2
    now = timezone.now()
    StimulusHold.objects.create(stimulus=first, reason="offensive", session=session, held_at=now)
    StimulusHold.objects.create(stimulus=second, reason="file", held_at=now, lifted_at=now, lifted_by=by)
    write_archive(study=closed(study, by), target=tmp_path / "x.zip")
    remove_everything()
    again = read_archive(tmp_path / "x.zip", by=by)
    held = StimulusHold.objects.get(lifted_at=None)
    assert (held.stimulus.key, held.session) == (first.key, again.sessions.get())
    assert StimulusHold.objects.get(lifted_at=now).stimulus.key == second.key


def test_videos_come_along_where_they_are_in_the_file(tmp_path: Path, by: User, settings: Any) -> None:
    study = open_study(clips=2, blocks=1)
    session = study.sessions.create(
        **{"rater": Rater.objects.create(), "block": study.blocks.get(), "consent_version": "1"},
        **dict.fromkeys(("consented_at", "last_seen_at", "expires_at"), timezone.now()),
    )
    answer_trial(session, session.block.trials.all()[0])
    contents = {one.key: one.path.read_bytes() for one in Stimulus.objects.all()}
    write_archive(study=closed(study, by), target=tmp_path / "with.zip", media=True)
    remove_everything()
    settings.MEDIA_ROOT = tmp_path / "elsewhere"
    read_archive(tmp_path / "with.zip", by=by)
    assert {one.key: one.path.read_bytes() for one in Stimulus.objects.all()} == contents


def test_a_video_that_is_not_what_it_was_made_as_is_not_archived(tmp_path: Path, by: User) -> None:
    study = open_study(clips=1, blocks=1)
    study.comparisons.get().stimulus_1.path.write_bytes(b"something else")
    with pytest.raises(DuetError, match="is not the file that was made"):
        write_archive(study=closed(study, by), target=tmp_path / "x.zip", media=True)
    assert not (tmp_path / "x.zip").exists()


def test_every_field_is_in_the_archive_or_left_out_on_purpose() -> None:
    for table in TABLES.values():
        own = {field.name for field in table.model._meta.fields} | {
            field.name for field in table.model._meta.many_to_many
        }
        plain = [column for column in table.columns if column.told is None]
        written = {column.source.removesuffix("_id").split("__")[0] for column in plain}
        left = own - written - {"id", "study"} - {column.name for column in table.columns}
        assert left <= LEFT_OUT.get(table.model, frozenset()), table.name
        assert not written & LEFT_OUT.get(table.model, frozenset()), table.name
