"""Training sets: cut from real files, left out by name what cannot be used, gone on with after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast, get_args

import numpy as np
import pytest
import torch

from generation.cascade.time_grid import TimeGrid
from generation.cascade.training.dataset import make_set, make_world_set
from generation.cascade.training.shards import FULL_SCALE, Shards
from generation.cascade.training.sources import Purpose, world_seeds
from generation.contracts import GenerationError
from generation.media.binaries import ffmpeg_path
from generation.world.demo import demo_pieces
from generation.world.music import render_music
from generation.world.piece import plan

if TYPE_CHECKING:
    from generation.cascade.presets import Preset

ROOT = Path(__file__).parents[4]
SIZES = cast("Preset", SimpleNamespace(name="micro", grid=TimeGrid(flow_hz=4), picture_px=16, flow_px=8))
"""What cutting asks of a preset."""


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run([ffmpeg_path(), "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True, timeout=120)


def video(path: Path, seconds: float, *, tone: str = "sine=f=440", colour: str = "testsrc2=s=64x48:r=8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    ffmpeg(
        "-f", "lavfi", "-i", f"{colour}:d={seconds}", "-f", "lavfi", "-i", f"{tone}:d={seconds}",
        "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le", path,
    )  # fmt: skip
    return path


def test_videos_are_cut_into_whole_segments(tmp_path: Path) -> None:
    folder, out = tmp_path / "videos", tmp_path / "set"
    video(folder / "one.mkv", 7.5)
    video(folder / "inner" / "two.mkv", 3.0, tone="sine=f=880", colour="color=red:s=64x48:r=8")
    shards = make_set(folder, out, SIZES, segment_s=3.0)
    assert [(info.source, info.start_s) for info in shards.infos] == [
        ("two.mkv", 0.0),
        ("one.mkv", 0.0),
        ("one.mkv", 3.0),
    ]
    assert shards.names == ("wave", "pictures", "flow")
    wave, pictures, flow = (shards.take(name, [0, 1, 2]) for name in shards.names)
    assert (wave.dtype, wave.shape) == (torch.int16, (3, 48_000))
    assert (pictures.dtype, pictures.shape) == (torch.uint8, (3, 3, 16, 16, 3))
    assert (flow.dtype, flow.shape) == (torch.float32, (3, 3, 2, 4, 8, 8))
    peaks = np.abs(np.fft.rfft(wave.numpy())).argmax(1) / 3
    assert peaks == pytest.approx([880, 440, 440], abs=1)
    assert (pictures[0, ..., 0] > 200).all()
    assert (pictures[0, ..., 1:] < 50).all()
    assert flow[0].abs().max() < 0.001
    assert flow[2].abs().max() > 0.01
    # The second segment goes on where the first ended: the test picture counts seconds.
    assert not torch.equal(pictures[1], pictures[2])


def test_what_cannot_be_used_is_left_out_by_name(tmp_path: Path) -> None:
    folder, out = tmp_path / "videos", tmp_path / "set"
    good = video(folder / "good.mkv", 2.0)
    (folder / "broken.mp4").write_bytes(b"not a video at all")
    (folder / "empty.mp4").touch()
    (folder / "cut.mkv").write_bytes(good.read_bytes()[: good.stat().st_size // 3])
    video(folder / "short.mkv", 1.0)
    video(folder / "silent.mkv", 2.0, tone="sine=f=0")
    ffmpeg("-i", good, "-an", "-c", "copy", folder / "mute.mkv")
    ffmpeg("-i", good, "-vn", folder / "sound.wav")
    (folder / ".hidden").write_text("not looked at")
    shards = make_set(folder, out, SIZES, segment_s=2.0)
    assert [info.source for info in shards.infos] == ["good.mkv"]
    reasons = {left.source: left.reason for left in shards.left_out}
    assert reasons.keys() == {
        "broken.mp4", "empty.mp4", "cut.mkv", "short.mkv", "silent.mkv from 0 s", "mute.mkv", "sound.wav",
    }  # fmt: skip
    assert "0 bytes" in reasons["empty.mp4"]
    assert "1.0 s, less than one segment of 2 s" in reasons["short.mkv"]
    assert "silent" in reasons["silent.mkv from 0 s"]
    assert "no sound" in reasons["mute.mkv"]
    assert "only audio" in reasons["sound.wav"]


def test_nothing_usable_is_an_error_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(GenerationError, match="holds no file"):
        make_set(tmp_path / "in", tmp_path / "out", SIZES)
    (tmp_path / "in" / "a.mp4").touch()
    with pytest.raises(GenerationError, match=r"nothing could be used of 1 sources \(a\.mp4: .*0 bytes"):
        make_set(tmp_path / "in", tmp_path / "out", SIZES)
    with pytest.raises(GenerationError, match="is not a folder"):
        make_set(tmp_path / "none", tmp_path / "out", SIZES)


def test_manifest_says_what_is_read_and_from_where(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    video(folder / "a.mkv", 4.0)
    video(folder / "not-listed.mkv", 2.0)
    (folder / "manifest.csv").write_text('file,Genre,caption,start\na.mkv,Rock,"loud, fast",1.5\nmissing.mkv,,,\n')
    shards = make_set(folder, tmp_path / "set", SIZES, segment_s=2.0)
    assert [(i.source, i.start_s, i.genre, i.caption) for i in shards.infos] == [
        ("a.mkv", 1.5, "Rock", "loud, fast")
    ]
    assert [left.source for left in shards.left_out] == ["missing.mkv"]
    (folder / "manifest.csv").write_text("file,start\na.mkv,soon\n")
    with pytest.raises(GenerationError, match=r"manifest\.csv cannot be read .*soon"):
        make_set(folder, tmp_path / "set", SIZES)


def test_music_alone_needs_no_picture(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    ffmpeg("-f", "lavfi", "-i", "sine=f=200:d=2", "-f", "lavfi", "-i", "sine=f=900:d=2", "-filter_complex",
           "[0][1]concat=v=0:a=1", folder / "tones.flac")  # fmt: skip
    shards = make_set(folder, tmp_path / "set", SIZES, kind="audio", segment_s=2.0)
    assert (shards.kind, shards.names, len(shards)) == ("audio", ("wave",), 2)
    spectra = np.abs(np.fft.rfft(shards.take("wave", [0, 1]).numpy()))
    assert spectra.argmax(1) / 2 == pytest.approx([200, 900], abs=1)


def test_piece_of_the_world_is_stored_as_it_sounds(tmp_path: Path) -> None:
    shards = make_world_set(tmp_path, SIZES, 3, segment_s=4.0)
    piece = plan(1_000_001, duration_s=4.0)
    wave = render_music(piece, 16_000)[0].mean(0)
    assert shards.piece(1) == piece
    assert (shards.info(1).genre, shards.info(1).caption) == (piece.genre.name, piece.caption)
    assert (shards.waves([1])[0] - torch.from_numpy(wave)).abs().max() <= 1 / FULL_SCALE
    assert shards.take("pictures", [1]).float().std() > 5


def test_world_pieces_of_training_holding_out_and_demo_never_meet() -> None:
    seeds = [set(world_seeds(500_000, purpose)) for purpose in get_args(Purpose)]
    seeds.append({piece.seed for seed in (0, 1, 999) for piece in demo_pieces(40, seed)})
    assert len(set.union(*seeds)) == sum(map(len, seeds))
    with pytest.raises(GenerationError, match="0 pieces"):
        world_seeds(0)


def test_two_workers_make_what_one_makes(tmp_path: Path) -> None:
    one = make_world_set(tmp_path / "one", SIZES, 40, kind="audio", segment_s=1.0)
    two = make_world_set(tmp_path / "two", SIZES, 40, kind="audio", segment_s=1.0, workers=2)
    assert one.infos == two.infos
    assert torch.equal(one.take("wave", range(40)), two.take("wave", range(40)))


def test_finished_shards_are_kept_and_stale_ones_are_not(tmp_path: Path) -> None:
    def times() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.safetensors")}

    make_world_set(tmp_path, SIZES, 40, kind="audio", segment_s=1.0)
    before = times()
    assert len(before) == 2
    (tmp_path / "index.json").unlink()
    newest = max(before)
    (tmp_path / newest).unlink()
    (tmp_path / newest).with_suffix(".json").unlink()
    make_world_set(tmp_path, SIZES, 40, kind="audio", segment_s=1.0)
    assert {name: stamp for name, stamp in times().items() if name != newest} == {
        name: stamp for name, stamp in before.items() if name != newest
    }
    longer = make_world_set(tmp_path, SIZES, 3, kind="audio", segment_s=2.0)
    assert longer.take("wave", [0]).shape == (1, 32_000)


def test_changed_file_is_cut_again(tmp_path: Path) -> None:
    folder, out = tmp_path / "music", tmp_path / "set"
    folder.mkdir()
    ffmpeg("-f", "lavfi", "-i", "sine=f=200:d=2", folder / "a.wav")
    before = make_set(folder, out, SIZES, kind="audio", segment_s=2.0).take("wave", [0])
    ffmpeg("-f", "lavfi", "-i", "sine=f=300:d=2", folder / "a.wav")
    after = make_set(folder, out, SIZES, kind="audio", segment_s=2.0).take("wave", [0])
    assert not torch.equal(before, after)


@pytest.mark.slow
def test_killed_run_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "generation", "dataset", "--world", "70", "--audio-only", "--segment", "6"]
    killed = subprocess.Popen(
        [*command, "--out", str(tmp_path / "set")], cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not list((tmp_path / "set").glob("*.json")):
        assert killed.poll() is None
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait(60)
    with pytest.raises(GenerationError, match="no finished set"):
        Shards(tmp_path / "set")
    first = min((tmp_path / "set").glob("*.safetensors"))
    stamp = first.stat().st_mtime_ns
    done = subprocess.run([*command, "--out", str(tmp_path / "set")], cwd=ROOT, capture_output=True, check=True)
    assert b"70 examples of 6 s, 0 left out" in done.stdout
    assert first.stat().st_mtime_ns == stamp
    assert [info.seed for info in Shards(tmp_path / "set").infos] == list(world_seeds(70))
