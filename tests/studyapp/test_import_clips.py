"""Videos become clips once; whatever is wrong with one of them is said and stops nothing else."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from generation.media.probe import probe
from studyapp.actions.clips import ImportReport, dataset_name, import_clips
from studyapp.errors import DuetError
from studyapp.media_store import root
from studyapp.models import AuditLine, Clip
from tests.studyapp.factories import make_clip, make_stimulus, make_system

LENGTH_S = 1.0


def film(
    path: Path, *options: str, seconds: float = 1.5, sound: bool = True, size: str = "96x64", rate: int = 25
) -> Path:
    source = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]
    if sound:
        source += ["-f", "lavfi", "-i", f"sine=440:r=44100:d={seconds}"]
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *source, *options, str(path)], check=True)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "My videos"
    made.mkdir()
    return made


def run(source: Path, **options: object) -> ImportReport:
    return import_clips(source=source, **{"dataset": "d", "length_s": LENGTH_S, "by": None, **options})  # type: ignore[arg-type]


def reasons(report: ImportReport) -> dict[str, str]:
    return {refusal.where: refusal.reason for refusal in report.refused}


@pytest.mark.django_db
def test_video_becomes_a_silent_master_and_its_sound_is_kept_apart(folder: Path) -> None:
    film(folder / "with.mp4")
    film(folder / "without.mp4", sound=False)
    report = run(folder)
    assert (len(report.imported), report.known, report.refused) == (2, [], [])
    sounding, silent = Clip.objects.order_by("clip_id")
    assert sounding.genre == silent.genre == "unlabelled"
    assert sounding.duration_s == pytest.approx(LENGTH_S)
    master = probe(sounding.master_path)
    assert (master.video_codec, master.pixel_format, master.has_audio) == ("h264", "yuv420p", False)
    assert sounding.master_path.stat().st_size == sounding.master_bytes
    assert sounding.master_sha256 in sounding.master_file
    assert sounding.audio_path is not None
    assert probe(sounding.audio_path).audio_rate_hz == 48_000
    assert silent.audio_path is None
    assert AuditLine.objects.filter(verb="clip imported").count() == 2


@pytest.mark.django_db
def test_odd_ten_bit_rotated_and_uneven_videos_come_out_upright_even_constant_and_eight_bit(folder: Path) -> None:
    film(folder / "odd.mkv", "-pix_fmt", "yuv444p", "-c:v", "ffv1", size="97x65")
    film(folder / "ten.mkv", "-pix_fmt", "yuv420p10le", "-c:v", "ffv1")
    film(folder / "vfr.mkv", "-vf", "select='not(mod(n,3))+lt(n,10)'", "-vsync", "vfr", "-c:v", "ffv1", seconds=2)
    flat = film(folder / "flat.mp4", "-pix_fmt", "yuv420p")
    subprocess.run(
        [
            *("ffmpeg", "-nostdin", "-v", "error", "-i", str(flat), "-c", "copy"),
            *("-metadata:s:v", "rotate=90", str(folder / "turned.mp4")),
        ],
        check=True,
    )
    report = run(folder)
    assert reasons(report) == {}
    sizes = {clip.clip_id: (clip.width, clip.height) for clip in report.imported}
    assert sizes["turned"] == (64, 96)
    assert sizes["flat"] == (96, 64)
    assert all(side % 2 == 0 for side in sizes["odd"])
    for clip in report.imported:
        info = probe(clip.master_path)
        assert info.pixel_format == "yuv420p"
        assert info.frame_rate == pytest.approx(clip.frame_rate, abs=0.01)


@pytest.mark.django_db
def test_each_bad_file_gets_one_line_and_the_good_one_is_kept(folder: Path) -> None:
    good = film(folder / "good.mp4")
    film(folder / "short.mp4", seconds=0.5)
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("These are words, not a video.\n" * 40)
    # A file cut in the middle has lost its index, which mp4 keeps at the end.
    whole = good.read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "sine=440:d=2", str(folder / "sound.m4a")],
        check=True,
    )
    (folder / "sound.m4a").rename(folder / "sound.mp4")
    report = run(folder)
    assert [clip.clip_id for clip in report.imported] == ["good"]
    said = reasons(report)
    assert set(said) == {"short.mp4", "empty.mp4", "text.mp4", "cut.mp4", "sound.mp4"}
    assert "give a longer video" in said["short.mp4"]
    assert "empty (0 bytes)" in said["empty.mp4"]
    assert "give a video file" in said["text.mp4"]
    assert "truncated" in said["cut.mp4"]
    assert "holds only audio" in said["sound.mp4"]
    assert not any("\n" in reason for reason in said.values())


@pytest.mark.django_db
def test_running_again_repeats_nothing(folder: Path) -> None:
    film(folder / "a.mp4")
    film(folder / "b.mp4", sound=False)
    first = run(folder)
    written = {path: path.stat().st_mtime_ns for clip in first.imported for path in [clip.master_path]}
    again = run(folder)
    assert (len(again.imported), len(again.known), again.refused) == (0, 2, [])
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert Clip.objects.count() == 2


@pytest.mark.django_db
def test_lost_files_of_a_known_clip_are_made_again(folder: Path) -> None:
    film(folder / "a.mp4")
    (clip,) = run(folder).imported
    clip.master_path.unlink()
    again = run(folder)
    assert (again.imported, again.known, again.refused) == ([], [clip], [])
    assert clip.master_path.is_file()


def lose_files_made_by_another_ffmpeg(clip: Clip) -> str:
    """The clip as it was cut before an upgrade, its files gone since; gives the master's name then."""
    before = clip.master_file.replace(clip.master_sha256, "0" * 64)
    clip.master_path.unlink()
    Clip.objects.filter(pk=clip.pk).update(master_file=before, master_sha256="0" * 64, master_bytes=1)
    return before


@pytest.mark.django_db
def test_lost_files_are_made_anew_by_another_ffmpeg_while_nothing_rests_on_them(folder: Path) -> None:
    film(folder / "a.mp4")
    (clip,) = run(folder).imported
    made = clip.master_sha256
    lose_files_made_by_another_ffmpeg(clip)
    report = run(folder)
    assert (report.known, report.refused) == ([clip], [])
    clip.refresh_from_db()
    assert clip.master_sha256 == made
    assert clip.master_path.stat().st_size == clip.master_bytes
    assert AuditLine.objects.filter(verb="clip's lost files made anew").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("as_donor", [False, True])
def test_lost_files_that_soundtracks_rest_on_are_never_made_otherwise(folder: Path, as_donor: bool) -> None:
    film(folder / "a.mp4")
    (clip,) = run(folder).imported
    if as_donor:
        make_stimulus(make_clip(), make_system("random-shuffle"), audio_pool=[clip.pk])
    else:
        make_stimulus(clip, make_system())
    before = lose_files_made_by_another_ffmpeg(clip)
    said = reasons(run(folder))["a.mp4"]
    assert f"restore {before} of the media folder from a backup" in said
    clip.refresh_from_db()
    assert clip.master_file == before


@pytest.mark.django_db
def test_what_a_spreadsheet_would_reckon_with_is_refused(folder: Path) -> None:
    film(folder / "=1+1.mp4")
    film(folder / "-0RWZT-miFs.mp4")
    report = run(folder)
    assert [clip.clip_id for clip in report.imported] == ["-0RWZT-miFs"]
    assert "the clip id “=1+1” begins with “=”" in reasons(report)["=1+1.mp4"]
    manifest = folder / "manifest.csv"
    manifest.write_text("file,clip_id,genre\n=1+1.mp4,a,@Rock\n=1+1.mp4,-1+cmd|x,\n=1+1.mp4,b,+Rock\n")
    assert [reason.split(",")[0] for reason in sorted(reasons(run(folder)).values())] == [
        "the clip id “-1+cmd|x” begins with “-”",
        "the genre “+Rock” begins with “+”",
        "the genre “@Rock” begins with “@”",
    ]


@pytest.mark.django_db
def test_same_name_with_other_content_length_or_start_is_refused(folder: Path) -> None:
    film(folder / "a.mp4", seconds=2)
    run(folder)
    assert "already has another clip “a”" in reasons(run(folder, length_s=0.8))["a.mp4"]
    manifest = folder / "manifest.csv"
    manifest.write_text("file,start\na.mp4,0.4\n")
    assert "already has another clip “a”" in reasons(run(folder))["manifest.csv line 2"]
    manifest.unlink()
    film(folder / "a.mp4", seconds=2, rate=20)
    said = reasons(run(folder))["a.mp4"]
    assert "use another clip id or another dataset name" in said
    assert run(folder, dataset="other").refused == []
    assert Clip.objects.count() == 2


@pytest.mark.django_db
def test_corrected_manifest_describes_a_known_clip_anew_until_it_is_in_use(folder: Path) -> None:
    film(folder / "a.mp4")
    manifest = folder / "manifest.csv"
    manifest.write_text("file,genre,caption\na.mp4,Rok,loud\n")
    run(folder)
    manifest.write_text("file,genre,caption\na.mp4,Rock,\n")
    report = run(folder)
    clip = Clip.objects.get()
    assert report.updated == [clip]
    assert (clip.genre, clip.caption) == ("Rock", "loud")
    make_stimulus(clip, make_system())
    manifest.write_text("file,genre,caption\na.mp4,Reggae,\n")
    report = run(folder)
    assert "in use with another genre" in reasons(report)["manifest.csv line 2"]
    clip.refresh_from_db()
    assert clip.genre == "Rock"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dataset": "My videos"}, "use “my-videos”"),
        ({"dataset": "x" * 81}, "at most 80"),
        ({"length_s": 0.0}, "not possible"),
        ({"length_s": float("nan")}, "not possible"),
    ],
)
def test_impossible_names_and_lengths_are_refused_at_once(
    folder: Path, options: dict[str, object], said: str
) -> None:
    with pytest.raises(DuetError, match=said):
        run(folder, **options)


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_make_one_clip(folder: Path) -> None:
    film(folder / "a.mp4")
    reports: list[ImportReport] = []
    start = threading.Barrier(2)

    def work() -> None:
        start.wait()
        reports.append(run(folder))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(report.imported) for report in reports) == [0, 1]
    assert [report.refused for report in reports] == [[], []]
    clip = Clip.objects.get()
    assert clip.master_path.is_file()


@pytest.mark.django_db
def test_labels_tags_source_and_rule_are_kept_with_the_clip(folder: Path) -> None:
    film(folder / "a.mp4")
    film(folder / "b.mp4", sound=False)
    table = folder / "manifest.csv"
    table.write_text("file,labels,tags,source\na.mp4,Grunge,live,https://example.org/a\nb.mp4,Rock;Jazz,,\n")
    report = run(folder, licence="CC0")
    one, other = report.imported[0], report.imported[1]
    one, other = (one, other) if one.clip_id == "a" else (other, one)
    assert (one.genre, one.genre_rule, one.labels) == ("Rock", "audioset-1", ["/m/0dls3"])
    assert (one.tags, one.source_url, one.licence) == (["live"], "https://example.org/a", "CC0")
    # Two genres alike are never chosen among.
    assert (other.genre, other.genre_rule, other.labels) == ("unlabelled", "", ["/m/06by7", "/m/03_d0"])
    assert report.unlabelled == 1
    assert report.shape == "Duet's own manifest"


@pytest.mark.django_db
def test_importing_again_adds_tags_and_leaves_a_genre_that_a_person_gave(folder: Path) -> None:
    film(folder / "a.mp4")
    table = folder / "manifest.csv"
    table.write_text("file,labels,tags\na.mp4,Grunge,live\n")
    (clip,) = run(folder).imported
    Clip.objects.update(genre="Heavy metal", genre_rule="", tags=["mine"])
    table.write_text("file,labels,tags\na.mp4,Grunge;Rock,live\n")
    assert run(folder).updated == [clip]
    clip.refresh_from_db()
    assert (clip.genre, clip.genre_rule, clip.tags) == ("Heavy metal", "", ["live", "mine"])
    assert clip.labels == ["/m/0dls3", "/m/06by7"]
    # In use its labels may still be written down: nothing rests on them.
    make_stimulus(clip, make_system())
    table.write_text("file,labels,tags\na.mp4,Punk rock,dance\n")
    report = run(folder)
    assert (report.refused, report.updated) == ([], [clip])


MUSICCAPS = "ytid,start_s,end_s,audioset_positive_labels,aspect_list,caption\n"


@pytest.mark.django_db
def test_a_listed_segment_is_cut_out_of_the_whole_video_or_taken_as_it_is(folder: Path) -> None:
    film(folder / "whole123456.mp4", seconds=4)
    film(folder / "alone123456.mp4", seconds=2)
    table = folder / "manifest.csv"
    table.write_text(f"{MUSICCAPS}whole123456,1.5,3,/m/06cqb,[],dub\nalone123456,90,91.5,/m/06cqb,[],dub\n")
    report = run(folder)
    assert reasons(report) == {}
    assert {clip.clip_id: clip.start_s for clip in report.imported} == {"whole123456": 1.5, "alone123456": 0.0}
    again = run(folder)
    assert (len(again.known), again.imported, again.refused) == (2, [], [])
    assert (
        "the listed segment is 1.5 s long and clips of 1.8 s were asked for"
        in (reasons(run(folder, dataset="other", length_s=1.8))["manifest.csv line 2"])
    )


@pytest.mark.django_db
def test_a_full_disk_stops_the_import_and_leaves_whole_what_was_done(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film(folder / "a.mp4")
    film(folder / "b.mp4", seconds=1.6)
    film(folder / "c.mp4", seconds=1.7)
    real, left = os.fsync, [4]

    def fsync(handle: int) -> None:
        # What a disk says that fills up after the first clip's picture and sound.
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr("studyapp.actions.clips.AT_A_TIME", 1)
    report = run(folder)
    monkeypatch.undo()
    assert report.stopped.startswith("The disk is full.")
    assert report.refused == []
    clips = Clip.objects.all()
    assert {clip.clip_id for clip in clips} == {clip.clip_id for clip in report.imported}
    assert len(clips) < 3
    assert all(clip.master_path.is_file() for clip in clips)
    # Nothing half-made lies about, and the same import goes on where it stopped.
    assert not list(root().glob("import-*"))
    again = run(folder)
    assert (len(again.known), len(again.imported), again.stopped) == (len(clips), 3 - len(clips), "")


@pytest.mark.django_db
def test_command_says_what_happened_and_ends_with_one_when_something_was_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film(folder / "a.mp4")
    call_command("import_clips", str(folder), "--length", "1")
    printed = capsys.readouterr().out
    assert "Read as: a folder without a manifest." in printed
    assert "1 imported, 0 known, 0 refused." in printed
    assert "1 without a genre" in printed
    assert Clip.objects.get().dataset == "my-videos" == dataset_name(folder)
    (folder / "empty.mp4").touch()
    with pytest.raises(SystemExit) as ended:
        call_command("import_clips", str(folder), "--length", "1")
    assert ended.value.code == 1
    told = capsys.readouterr()
    assert "0 imported, 1 known, 1 refused." in told.out
    assert "empty.mp4: empty.mp4 is empty (0 bytes)" in told.err
    with pytest.raises(CommandError, match="does not exist"):
        call_command("import_clips", str(folder / "nowhere"))
