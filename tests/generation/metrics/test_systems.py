"""Systems side by side: whether the measures tell who follows what."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from generation import registry
from generation.contracts import Request
from generation.media.binaries import ffmpeg_path
from generation.media.decode import audio, write_wav
from generation.metrics.systems import (
    Contender,
    listens,
    measure,
    motion_following,
    originals,
    play,
    swapped,
)
from generation.metrics.tagger import SAMPLE_RATE_HZ

SECONDS = 6.0


def pulses(rate_hz: float, colour: float, seed: int) -> npt.NDArray[np.float32]:
    """Bursts at a steady rate, of a tone at ``colour`` with a little noise."""
    time = np.arange(round(SECONDS * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    envelope = np.exp(-12 * (time * rate_hz % 1.0) / rate_hz)
    noise = np.random.default_rng(seed).normal(0, 0.02, len(time))
    return np.asarray(envelope * (0.4 * np.sin(2 * np.pi * colour * time) + noise), dtype=np.float32)


def requests(count: int) -> list[Request]:
    return [Request(f"clip{index}", Path("none.mp4"), SECONDS, 9, f"prompt {index}") for index in range(count)]


def test_swapping_gives_every_prompt_two_videos_and_every_video_two_prompts() -> None:
    cells = swapped(requests(4))
    assert len({(cell.clip_id, cell.text) for cell in cells}) == 8
    for seen in ({cell.text: 0 for cell in cells}, {cell.clip_id: 0 for cell in cells}):
        assert len(seen) == 4
    assert len({cell.seed for cell in cells}) == 8


@pytest.mark.parametrize(("follows", "other"), [("prompt", "video"), ("video", "prompt")])
def test_it_tells_a_system_that_follows_prompts_from_one_that_follows_videos(follows: str, other: str) -> None:
    """Each pretends: its colour and rate come from one of the two alone."""
    count = 6
    waves = []
    for seed, cell in enumerate(swapped(requests(count))):
        source = int((cell.text or "").split()[1]) if follows == "prompt" else int(cell.clip_id[4:])
        waves.append(pulses(1.0 + source, 200.0 * 1.5**source, seed))
    found = listens(waves)
    assert getattr(found, follows).low > 0.5
    assert abs(getattr(found, other).value) < 0.3
    assert getattr(found, other).low < 0 < getattr(found, other).high


def test_too_few_clips_are_refused() -> None:
    with pytest.raises(ValueError, match="2 clips cannot be swapped; three are needed"):
        listens([pulses(2, 300, seed) for seed in range(4)])


def test_onsets_that_follow_the_motion_are_told_from_onsets_that_do_not() -> None:
    draw = np.random.default_rng(1)
    speeds, following, steady = [], [], []
    for clip in range(8):
        level = draw.uniform(0.1, 3.0, 2)
        times = np.arange(0, 5.0, 0.2)
        speeds.append((times, level[(times // 2.5).astype(int)]))
        parts = [pulses(1 + 3 * each, 400, clip)[: round(2.5 * SAMPLE_RATE_HZ)] for each in level]
        following.append(np.concatenate(parts))
        steady.append(pulses(4, 400, clip)[: round(5.0 * SAMPLE_RATE_HZ)])
    does, does_not = (motion_following(waves, speeds, shuffles=3) for waves in (following, steady))
    assert does.own > 0.7
    assert does.difference.above_zero
    assert not does_not.difference.above_zero


def test_a_system_is_played_in_a_process_of_its_own_and_refusals_are_kept(tmp_path: Path) -> None:
    time = np.arange(48_000 * 4) / 48_000
    for clip in ("forest", "harbour"):
        tone = 0.2 * np.sin(2 * np.pi * 440 * time) * (time * 4 % 1 < 0.5)
        write_wav(tmp_path / f"{clip}.wav", np.tile(tone, (2, 1)).astype(np.float32), 48_000)
    audio = {clip: tmp_path / f"{clip}.wav" for clip in ("forest", "harbour")}
    asked = [Request(clip, Path("none.mp4"), 4.0, 1, None, audio) for clip in ("forest", "harbour", "mute")]
    played = play(Contender("ground-truth", "default"), asked, lambda share, doing: None)
    assert [one.refused == "" for one in played] == [True, True, False]
    assert "mute has no original audio" in played[2].refused
    first, _ = measure(played)
    assert (first.system, first.clip) == ("ground-truth", "forest")
    assert first.peak_mib > 50
    assert len(first.tags) == 3
    (silent,) = measure(play(Contender("silence", "default"), asked[:1], lambda share, doing: None))
    assert (silent.lufs, silent.tags) == (-70.0, ())


def test_a_shuffle_gives_every_clips_audio_once_whatever_the_clips_own_seeds(tmp_path: Path) -> None:
    names = ("bridge", "forest", "harbour", "market")
    for clip, hertz in zip(names, (200, 300, 400, 500), strict=True):
        tone = 0.2 * np.sin(2 * np.pi * hertz * np.arange(48_000) / 48_000)
        write_wav(tmp_path / f"{clip}.wav", np.tile(tone, (2, 1)).astype(np.float32), 48_000)
    audio = {clip: tmp_path / f"{clip}.wav" for clip in names}
    asked = [Request(clip, Path("none.mp4"), 1.0, seed, None, audio) for seed, clip in enumerate(names, start=5)]
    played = play(Contender("random-shuffle", "default"), swapped(asked), lambda share, doing: None)
    heard = [int(np.abs(np.fft.rfft(one.wave)).argmax()) for one in played if one.wave is not None]
    for shuffled in (heard[:4], heard[4:]):
        assert sorted(shuffled) == [200, 300, 400, 500]
        assert all(mine != other for mine, other in zip((200, 300, 400, 500), shuffled, strict=True))


def test_a_contenders_name_says_preset_and_settings() -> None:
    assert Contender("cmt", "tiny", (("control", "off"),)).name == "cmt-tiny (control off)"
    assert Contender("silence", "default").name == registry.spec("silence").slug("default") == "silence"


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from generation.__main__ import main

    assert main(["compare", str(tmp_path), "--systems", "silence"]) == 1
    assert "has no manifest.csv" in capsys.readouterr().err
    assert main(["compare", str(tmp_path), "--systems", "noise"]) == 1
    assert "no system 'noise'" in capsys.readouterr().err


def test_originals_are_cut_where_the_picture_is(tmp_path: Path) -> None:
    """A second of silence, then a tone: from one second on there is nothing but the tone."""
    picture = ["-f", "lavfi", "-i", "color=blue:s=96x64:r=25:d=3"]
    tone = ["-f", "lavfi", "-i", "aevalsrc='if(lt(t,1),0,0.3*sin(2*PI*440*t))':s=48000:d=3"]
    film = tmp_path / "film.mkv"
    subprocess.run([ffmpeg_path(), "-nostdin", "-v", "error", *picture, *tone, str(film)], check=True)
    (cut,) = originals({"film": (film, 1.0)}, tmp_path / "room", 1.5).values()
    heard = audio(cut, sample_rate_hz=48_000, channels=1)[0]
    assert np.abs(heard[2400:7200]).max() > 0.1
