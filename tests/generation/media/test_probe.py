from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from generation.media.binaries import ffmpeg_path
from generation.media.command import file_input, run
from generation.media.decode import audio
from generation.media.errors import MediaError, NotAVideo, Truncated, UnreadFormat
from generation.media.probe import probe, require_video

from .conftest import MakeVideo, ffmpeg


def test_probe_states_picture_and_sound(make_video: MakeVideo) -> None:
    info = probe(make_video("a.mp4", "-pix_fmt", "yuv420p"))
    assert (info.width, info.height, info.rotation) == (160, 120, 0)
    assert info.duration_s == pytest.approx(2.0, abs=0.01)
    assert info.frame_rate == pytest.approx(25.0)
    assert (info.video_codec, info.pixel_format) == ("h264", "yuv420p")
    assert (info.has_audio, info.audio_codec, info.audio_rate_hz, info.audio_channels) == (True, "aac", 44100, 1)


def test_container_without_a_duration_is_measured_by_its_packets(make_video: MakeVideo, tmp_path: Path) -> None:
    whole = make_video("a.webm", "-c:v", "libvpx", "-c:a", "libopus")
    piped = tmp_path / "piped.webm"
    with piped.open("wb") as out:
        out.write(_through_a_pipe(whole))
    assert probe(piped).duration_s == pytest.approx(2.0, abs=0.05)


def test_empty_missing_and_renamed_files_are_told_apart(tmp_path: Path) -> None:
    empty, text, missing = tmp_path / "empty.mp4", tmp_path / "text.mp4", tmp_path / "missing.mp4"
    empty.touch()
    text.write_text("not a video\n" * 50)
    with pytest.raises(MediaError, match=r"empty.mp4 is empty \(0 bytes\)"):
        probe(empty)
    with pytest.raises(NotAVideo, match=r"text\.mp4 is not a media file"):
        probe(text)
    with pytest.raises(MediaError, match=r"missing\.mp4 is not a file"):
        probe(missing)


@pytest.mark.parametrize("name", ["notes.txt", "notes.nfo", "manifest.csv"])
def test_text_is_no_video_although_ffmpeg_can_show_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("one line\nanother line\n" * 20)
    with pytest.raises(NotAVideo):
        require_video(tmp_path / name)


@pytest.fixture(params=["hls", "ffconcat", "concat"])
def playlist(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file called clip1.wav that would have ffmpeg play other.ts beside it."""
    other = tmp_path / "other.ts"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=1", "-f", "lavfi", "-i", "sine=d=1", other)
    written = {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{other}\n#EXT-X-ENDLIST\n",
        "ffconcat": "ffconcat version 1.0\nfile other.ts\n",
        "concat": f"ffconcat version 1.0\nfile subfile,,start,0,end,0,,:{other}\n",
    }
    path = tmp_path / "clip1.wav"
    path.write_text(written[request.param])
    return path


def test_a_playlist_is_no_media_file_whatever_it_is_called(playlist: Path) -> None:
    told = (
        r"clip1\.wav: files in the format (hls|concat) are not read here; convert it to MP4, or sound alone to WAV"
    )
    with pytest.raises(NotAVideo, match=told):
        probe(playlist)


def test_a_playlist_is_not_played_either(playlist: Path) -> None:
    with pytest.raises(UnreadFormat):
        run(file_input(playlist).output("pipe:1", format="null"))


@pytest.mark.parametrize("name", ["a.avi", "a.flv", "a.mkv", "a.mov", "a.mpg", "a.mxf", "a.ts", "a.vob", "a.wmv"])
def test_usual_containers_are_read(make_video: MakeVideo, name: str) -> None:
    sound = ("-ar", "48000") if name == "a.mxf" else ()
    assert probe(make_video(name, *sound)).duration_s == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.y4m", ("-pix_fmt", "yuv420p")),
        ("a.ivf", ("-c:v", "libvpx")),
        ("a.nut", ()),
        ("a.apng", ("-f", "apng")),
        ("a.rm", ("-c:v", "rv10", "-c:a", "ac3", "-s", "176x144")),
    ],
)
def test_rarer_formats_of_video_are_read(make_video: MakeVideo, name: str, how: tuple[str, ...]) -> None:
    info = require_video(make_video(name, *how, sound=name in ("a.nut", "a.rm")))
    assert info.duration_s == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize("name", ["a.tta", "a.dts", "a.voc"])
def test_rarer_formats_of_sound_are_read(tmp_path: Path, name: str) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=d=2:r=44100", "-strict", "-2", tmp_path / name)
    assert probe(tmp_path / name).has_audio
    assert audio(tmp_path / name, sample_rate_hz=48_000, channels=1).shape[1] == pytest.approx(96_000, rel=0.05)


def test_a_format_that_is_not_read_is_named_with_what_to_convert_to(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:d=1", "-f", "h264", tmp_path / "a.h264")
    (tmp_path / "a.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nhello\n")
    for name, form in (("a.h264", "h264"), ("a.srt", "srt")):
        with pytest.raises(
            NotAVideo, match=rf"{name}: files in the format {form} are not read here; convert it to"
        ):
            probe(tmp_path / name)


def test_audio_and_pictures_are_no_video(tmp_path: Path) -> None:
    sound, cover, still = tmp_path / "a.m4a", tmp_path / "cover.mp3", tmp_path / "still.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:r=1:d=1", "-frames:v", "1", still)
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", sound)
    ffmpeg("-i", sound, "-i", still, "-map", "0", "-map", "1", "-c:v", "copy",
           "-disposition:v", "attached_pic", cover)  # fmt: skip
    for path in (sound, cover):
        with pytest.raises(NotAVideo, match="holds only audio"):
            require_video(path)
        assert probe(path).duration_s == pytest.approx(1.0, abs=0.1)
    with pytest.raises(NotAVideo, match="neither video nor audio"):
        require_video(still)


def test_file_cut_off_before_its_index_is_truncated(make_video: MakeVideo) -> None:
    path = make_video("a.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Truncated, match="its index is missing; copy or download it again"):
        probe(path)


def test_file_cut_off_after_its_index_is_truncated(make_video: MakeVideo) -> None:
    path = make_video("a.mp4", "-movflags", "+faststart", "-g", "10", seconds=4)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Truncated, match=r"promises 4.00 s of video and holds [12]\.\d\d s"):
        probe(path)


def _through_a_pipe(path: Path) -> bytes:
    """The file remuxed to a pipe, as a browser's recorder does: no duration, no index."""
    command = [ffmpeg_path(), "-v", "error", "-i", str(path), "-c", "copy", "-f", "webm", "-live", "1", "pipe:1"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
