from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generation.media import decode
from generation.media.binaries import ffprobe_path
from generation.media.errors import MediaError, TooShort, Truncated
from generation.media.master import extract_audio, make_master, master_rate, master_size
from generation.media.probe import probe

from .conftest import MakeVideo, ffmpeg


def streams_of(path: Path) -> list[dict[str, Any]]:
    command = [ffprobe_path(), "-v", "error", "-of", "json", "-show_streams", str(path)]
    answer = subprocess.run(command, check=True, capture_output=True, timeout=30)
    streams: list[dict[str, Any]] = json.loads(answer.stdout)["streams"]
    return streams


def test_master_is_silent_h264_of_constant_rate_and_exact_length(make_video: MakeVideo, tmp_path: Path) -> None:
    made = make_master(make_video("a.mp4"), tmp_path / "m.mp4", duration_s=1.0)
    (stream,) = streams_of(made.path)
    assert (stream["codec_name"], stream["pix_fmt"], stream["profile"]) == ("h264", "yuv420p", "High")
    assert (stream["r_frame_rate"], stream["avg_frame_rate"], stream["nb_frames"]) == ("25/1", "25/1", "25")
    assert float(stream["duration"]) == made.duration_s == 1.0
    assert (made.frames, made.frame_rate) == (25, 25)
    assert float(stream["start_time"]) == 0.0


def test_master_has_its_index_first_and_no_tags(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video("a.mp4", "-metadata", "title=Secret title", "-metadata", "comment=model X")
    content = make_master(source, tmp_path / "m.mp4", duration_s=1.0).path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    for trace in (b"Secret", b"model X", b"Lavf", b"Lavc", b"x264"):
        assert trace not in content


def test_same_source_gives_the_same_bytes(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video("a.mp4")
    first = make_master(source, tmp_path / "1.mp4", duration_s=1.0).path.read_bytes()
    assert make_master(source, tmp_path / "2.mp4", duration_s=1.0).path.read_bytes() == first


def test_rotated_phone_video_comes_out_upright(make_video: MakeVideo, tmp_path: Path) -> None:
    # Red above, blue below; stored lying on its side with the instruction to turn it for showing.
    lying, turned = tmp_path / "lying.mp4", tmp_path / "turned.mov"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=80x120:r=25:d=1", "-f", "lavfi", "-i", "color=blue:s=80x120:r=25:d=1",
           "-filter_complex", "[0][1]hstack,format=yuv420p", lying)  # fmt: skip
    ffmpeg("-i", lying, "-c", "copy", "-metadata:s:v:0", "rotate=270", turned)
    info = probe(turned)
    if info.rotation == 0:
        ffmpeg("-display_rotation", "-90", "-i", lying, "-c", "copy", turned)
        info = probe(turned)
    assert (info.rotation, info.width, info.height) == (90, 120, 160)
    made = make_master(turned, tmp_path / "m.mp4", duration_s=1.0)
    assert (made.width, made.height, probe(made.path).rotation) == (120, 160, 0)
    top, bottom = decode.frames(made.path, fps=1, width=12, height=16)[0, [2, 13]].mean(axis=1)
    assert top[0] > 200 > 60 > top[2]
    assert bottom[2] > 200 > 60 > bottom[0]


def test_variable_frame_rate_becomes_constant(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video(
        "vfr.mkv", "-vf", "select='if(lt(t,1),1,not(mod(n,5)))'", "-vsync", "vfr", rate="30", seconds=3
    )
    made = make_master(source, tmp_path / "m.mp4", duration_s=3.0)
    (stream,) = streams_of(made.path)
    assert stream["r_frame_rate"] == stream["avg_frame_rate"] == f"{made.frame_rate}/1"
    assert int(stream["nb_frames"]) == 3 * made.frame_rate


def test_odd_size_and_ten_bit_become_even_and_eight_bit(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video("deep.mkv", "-c:v", "libx264", "-pix_fmt", "yuv444p10le", size="161x121", seconds=1)
    made = make_master(source, tmp_path / "m.mp4", duration_s=1.0)
    (stream,) = streams_of(made.path)
    assert (stream["width"] % 2, stream["height"] % 2, stream["pix_fmt"]) == (0, 0, "yuv420p")
    assert abs(made.width - 161) <= 1
    assert abs(made.height - 121) <= 1


def test_oblong_pixels_become_square(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video("dv.mp4", "-vf", "setsar=2", size="160x180", seconds=1)
    made = make_master(source, tmp_path / "m.mp4", duration_s=1.0)
    (stream,) = streams_of(made.path)
    assert (made.width, made.height) == (320, 180)
    assert stream.get("sample_aspect_ratio", "1:1") == "1:1"


def test_full_range_becomes_limited_range(make_video: MakeVideo, tmp_path: Path) -> None:
    white = tmp_path / "white.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=white:s=64x64:r=10:d=1", "-vf", "scale=out_range=pc,format=yuvj420p",
           "-color_range", "pc", white)  # fmt: skip
    made = make_master(white, tmp_path / "m.mp4", duration_s=1.0)
    assert streams_of(made.path)[0]["pix_fmt"] == "yuv420p"
    assert decode.frames(made.path, fps=1, width=8, height=8).min() > 250


def test_start_and_duration_choose_the_part(tmp_path: Path) -> None:
    source = tmp_path / "two.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=black:s=64x64:r=25:d=2",
           "-f", "lavfi", "-i", "color=white:s=64x64:r=25:d=2",
           "-filter_complex", "[0][1]concat", source)  # fmt: skip
    made = make_master(source, tmp_path / "m.mp4", start_s=1.0, duration_s=2.0)
    dark, bright = decode.frames(made.path, fps=1, width=8, height=8).mean(axis=(1, 2, 3))
    assert dark < 10
    assert bright > 245


def test_too_short_names_both_lengths_and_leaves_nothing(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video("a.mp4")
    with pytest.raises(TooShort, match=r"is 2.00 s long and 10.00 s from 0.00 s on were asked for"):
        make_master(source, tmp_path / "out" / "m.mp4", duration_s=10.0)
    with pytest.raises(MediaError, match="give a start"):
        make_master(source, tmp_path / "out" / "m.mp4", start_s=-1.0)
    assert not list(tmp_path.glob("out/*"))


def test_video_whose_decoding_breaks_off_is_truncated(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video("a.avi", "-c:v", "mpeg4", "-g", "1", seconds=3, sound=False)
    content = bytearray(source.read_bytes())
    index = content.rindex(b"idx1")
    # The container still lists every picture; what it lists is nothing a decoder can use.
    content[index // 2 : index] = bytes(index - index // 2)
    source.write_bytes(content)
    with pytest.raises(Truncated):
        make_master(source, tmp_path / "out" / "m.mp4", duration_s=3.0)
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize(
    ("average", "rate"),
    [(23.976, 24), (29.97, 30), (30.4, 30), (59.94, 30), (50, 25), (48, 24), (120, 30), (14.2, 15), (3, 10)],
)
def test_frame_rates_are_rounded_to_what_players_know(average: float, rate: int) -> None:
    assert master_rate(average) == rate


@pytest.mark.parametrize(
    ("source", "size"),
    [((1920, 1080), (1280, 720)), ((1080, 1920), (720, 1280)), ((640, 480), (640, 480)),
     ((3840, 1600), (1280, 534)), ((1000, 1000), (720, 720)), ((1, 1), (2, 2))],
)  # fmt: skip
def test_sizes_keep_their_aspect_within_the_bound(source: tuple[int, int], size: tuple[int, int]) -> None:
    assert master_size(*source) == size


def test_original_audio_is_cut_to_the_sample(make_video: MakeVideo, tmp_path: Path) -> None:
    wav = extract_audio(make_video("a.mp4"), tmp_path / "a.wav", start_s=0.5, duration_s=1.0)
    assert wav is not None
    assert decode.audio(wav, sample_rate_hz=48_000, channels=2).shape == (2, 48_000)
    assert probe(wav).audio_codec == "pcm_f32le"


def test_original_audio_that_ends_early_is_padded_with_silence(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video("a.mp4", "-af", "atrim=end=1")
    wav = extract_audio(source, tmp_path / "a.wav", duration_s=2.0)
    assert wav is not None
    wave = decode.audio(wav, sample_rate_hz=48_000, channels=2)
    assert wave.shape == (2, 96_000)
    assert np.abs(wave[:, :40_000]).max() > 0.03
    assert not wave[:, 56_000:].any()


def test_video_without_sound_or_with_silence_has_no_original_audio(make_video: MakeVideo, tmp_path: Path) -> None:
    assert extract_audio(make_video("a.mp4", sound=False), tmp_path / "a.wav", duration_s=1.0) is None
    assert extract_audio(make_video("b.mp4", "-af", "volume=0"), tmp_path / "b.wav", duration_s=1.0) is None
    assert not list(tmp_path.glob("*.wav"))
