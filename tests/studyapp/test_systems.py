"""Systems from the registry and from an outside model's files."""

from __future__ import annotations

import io
import wave
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from studyapp.actions.studies import build_design, create_study
from studyapp.actions.systems import ensure_system, import_soundtracks, soundtrack_match
from studyapp.errors import DuetError
from studyapp.models import AuditLine, System
from tests.studyapp.factories import make_clip, make_researcher, make_system

pytestmark = pytest.mark.django_db


def test_asking_twice_makes_one_system_and_one_audit_line() -> None:
    researcher = make_researcher()
    first = ensure_system(key="v2meow-clip", preset="tiny", by=researcher)
    assert ensure_system(key="v2meow-clip", preset="tiny", by=researcher) == first
    assert first.slug == "v2meow-clip-tiny"
    assert "tiny" in first.label
    assert AuditLine.objects.filter(verb="system made", by=researcher).count() == 1


def test_a_slug_never_means_two_things() -> None:
    ensure_system(key="v2meow-clip", preset="tiny", by=None)
    with pytest.raises(DuetError, match="exists with other settings"):
        ensure_system(key="v2meow-clip", preset="tiny", settings={"temperature_fine": 0.1}, by=None)
    other = ensure_system(
        key="v2meow-clip", preset="tiny", settings={"temperature_fine": 0.1}, slug="v2meow-clip-tiny-cold", by=None
    )
    assert System.objects.count() == 2
    assert other.settings == {"temperature_fine": 0.1}
    with pytest.raises(DuetError, match=r"exists and is another \(v2meow-clip, preset tiny\)"):
        ensure_system(key="v2meow-i3d", preset="tiny", slug="v2meow-clip-tiny", by=None)


def test_a_system_is_the_same_by_what_its_settings_come_to_whatever_its_digest_was() -> None:
    first = ensure_system(key="riffusion", preset="tiny", by=None)
    System.objects.update(digest="0" * 64)
    asked = {"revision": "main", "steps": 30}
    assert ensure_system(key="riffusion", preset="tiny", settings=asked, by=None) == first


def test_rows_made_while_a_default_counted_get_the_digest_of_before() -> None:
    others = {"none": {}, "said": {"revision": "main"}, "own": {"revision": "fp16", "steps": 20}}
    for name, settings in others.items():
        ensure_system(key="riffusion", preset="v1", settings=settings, slug=f"riffusion-v1-{name}", by=None)
    ensure_system(key="silence", by=None)
    right = dict(System.objects.values_list("slug", "digest"))
    System.objects.filter(key="riffusion").update(digest="0" * 64)
    import_module("studyapp.migrations.0012_digests_without_later_settings").without_revision(apps, None)
    assert dict(System.objects.values_list("slug", "digest")) == right


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"key": "v3meow"}, "there are cmt, command"),
        ({"key": "v2meow-clip", "preset": "huge"}, "no preset 'huge'; there are tiny, base"),
        ({"key": "v2meow-clip", "preset": "tiny", "settings": {"heat": 1}}, "no setting heat; its settings are"),
        ({"key": "v2meow-clip", "preset": "tiny", "slug": "v2meow"}, "does not say the preset"),
        ({"key": "v2meow-clip", "preset": "tiny", "label": "V2Meow"}, "does not say the preset"),
    ],
)
def test_what_the_registry_does_not_know_is_refused_with_the_options(
    asked: dict[str, object], message: str
) -> None:
    with pytest.raises(DuetError, match=message):
        ensure_system(by=None, **asked)  # type: ignore[arg-type]
    assert not System.objects.exists()


@pytest.mark.parametrize(
    "folder", ["/etc", "../../etc", "stimuli", "imported", "imported/../stimuli", "a\0b", ["/etc"]]
)
def test_a_folder_outside_of_the_imported_ones_is_never_looked_into(folder: object) -> None:
    with pytest.raises(DuetError, match="no folder of imported files"):
        ensure_system(key="imported", settings={"folder": folder, "model": "X"}, slug="imported-x", by=None)
    assert not System.objects.exists()
    # Should a row say so all the same.
    with pytest.raises(DuetError, match="no folder of imported files"):
        # Not stored: PostgreSQL holds no NUL in the first place.
        soundtrack_match(System(key="imported", slug="imported-x", settings={"folder": folder, "model": "X"}))


def test_a_link_out_of_the_imported_folders_is_not_followed(settings: LazySettings, tmp_path: Path) -> None:
    (settings.MEDIA_ROOT / "imported").mkdir(parents=True)
    (settings.MEDIA_ROOT / "imported" / "out").symlink_to(tmp_path)
    with pytest.raises(DuetError, match="no folder of imported files"):
        ensure_system(key="imported", settings={"folder": "imported/out", "model": "X"}, by=None)


def test_imported_files_are_kept_and_matched_by_clip_id() -> None:
    make_clip(clip_id="sunrise")
    system = import_soundtracks(
        model="MuVi 1.0",
        files=[("C:\\out\\sunrise.wav", io.BytesIO(b"one")), ("moon.mp3", io.BytesIO(b"two"))],
        by=None,
    )
    assert (system.slug, system.label, system.settings["model"]) == (
        "imported-muvi-10",
        "MuVi 1.0 (imported)",
        "MuVi 1.0",
    )
    assert (Path(system.placed_settings["folder"]) / "sunrise.wav").read_bytes() == b"one"
    match = soundtrack_match(system)
    assert (match.matched, match.unmatched) == (("sunrise",), ("moon.mp3",))


def test_the_same_files_again_change_nothing_and_other_files_are_refused() -> None:
    first = import_soundtracks(model="MuVi", files=[("a.wav", io.BytesIO(b"one"))], by=None)
    assert import_soundtracks(model="MuVi", files=[("a.wav", io.BytesIO(b"one"))], by=None) == first
    with pytest.raises(DuetError, match="exists with other settings"):
        import_soundtracks(model="MuVi", files=[("a.wav", io.BytesIO(b"changed"))], by=None)
    folder = Path(first.placed_settings["folder"])
    assert list(folder.parent.iterdir()) == [folder]


def test_imported_files_move_with_the_media_folder(settings: LazySettings, tmp_path: Path) -> None:
    make_clip(clip_id="sunrise")
    files = {"sunrise.wav": b"one"}
    system = import_soundtracks(model="MuVi", files=[(n, io.BytesIO(c)) for n, c in files.items()], by=None)
    Path(settings.MEDIA_ROOT).rename(tmp_path / "elsewhere")
    with pytest.raises(DuetError, match="are gone from"):
        soundtrack_match(system)
    settings.MEDIA_ROOT = tmp_path / "elsewhere"
    assert soundtrack_match(system).matched == ("sunrise",)
    again = import_soundtracks(model="MuVi", files=[(n, io.BytesIO(c)) for n, c in files.items()], by=None)
    assert again == system


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "no file to import"),
        ([("notes.txt", b"x")], "not an audio or video file"),
        ([("../../.wav", b"x")], "not an audio or video file"),
        ([("a.wav", b"x"), ("a.mp3", b"y")], "name the same clip"),
        ([("a.wav", b"")], "is empty"),
    ],
)
def test_unusable_files_are_refused_and_leave_nothing(
    files: list[tuple[str, bytes]], message: str, settings: LazySettings
) -> None:
    with pytest.raises(DuetError, match=message):
        import_soundtracks(model="MuVi", files=[(name, io.BytesIO(content)) for name, content in files], by=None)
    assert not System.objects.exists()
    assert list((settings.MEDIA_ROOT / "imported" / "imported-muvi").iterdir()) == []


def test_a_study_plans_only_the_clips_that_an_imported_system_has_files_for() -> None:
    clips = [make_clip(clip_id=f"clip{number}", duration_s=1.0) for number in range(3)]
    files = [("clip1.wav", tone(seconds=1.0)), ("clip2.wav", tone(seconds=0.2))]
    outside = import_soundtracks(model="MuVi", files=files, by=None)
    study = create_study(
        title="Loop",
        slug="loop",
        clips=clips,
        pairs=[(outside, make_system("ground-truth"))],
        by=None,
        ratings_per_comparison=1,
        trials_per_block=1,
    )
    summary = build_design(study=study, by=None)
    assert [row.clip.clip_id for row in study.comparisons.all()] == ["clip1"]
    assert {refusal.clip_id: refusal.system for refusal in summary.refusals} == {
        "clip0": outside.slug,
        "clip2": outside.slug,
    }


def tone(*, seconds: float) -> io.BytesIO:
    content = io.BytesIO()
    with wave.open(content, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(range(256)) * int(seconds * 8000 * 2 / 256))
    content.seek(0)
    return content


def test_the_command_says_which_clips_matched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_clip(clip_id="sunrise")
    (tmp_path / "sunrise.wav").write_bytes(b"one")
    (tmp_path / "moon.wav").write_bytes(b"two")
    (tmp_path / "readme.txt").write_bytes(b"no soundtrack")
    call_command("import_soundtracks", str(tmp_path), "--model", "MuVi")
    said = capsys.readouterr()
    assert "imported-muvi: 1 clips matched: sunrise" in said.out
    assert "moon.wav" in said.err
    with pytest.raises(CommandError, match="is not a folder"):
        call_command("import_soundtracks", str(tmp_path / "absent"), "--model", "MuVi")
