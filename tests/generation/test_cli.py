from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from generation.__main__ import main
from generation.contracts import GenerationError, Request
from generation.media.binaries import ffmpeg_path
from generation.media.decode import audio
from generation.media.probe import probe

RENDER = ["render", "--video"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two short videos with sound and one without."""
    folder = tmp_path_factory.mktemp("videos")
    for name, hz in (("bridge", 330), ("forest", 550), ("silent", 0)):
        command = [ffmpeg_path(), "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=1"]
        if hz:
            command += ["-f", "lavfi", "-i", f"sine=f={hz}:d=1"]
        subprocess.run([*command, str(folder / f"{name}.mp4")], check=True, timeout=60)
    return folder


def test_list_names_every_system_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from generation.__main__ import main; main(['list']); "
        "sys.exit(bool({'torch', 'ffmpeg', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    header, *rows = done.stdout.splitlines()
    assert header.split()[:4] == ["SYSTEM", "PRESET", "NEEDS", "TEXT"]
    names = [row.split()[0] for row in rows]
    assert {"v2meow-clip-tiny", "v2meow-clip-i3d-tiny", "random-shuffle", "ground-truth", "imported"} <= set(names)


def test_render_writes_the_bare_soundtrack(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.wav"
    assert main([*RENDER, str(videos / "bridge.mp4"), "--system", "ground-truth", "-o", str(out)]) == 0
    assert audio(out, sample_rate_hz=48_000, channels=2).shape == (2, 48_000)


def test_render_writes_a_finished_stimulus(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.mp4"
    arguments = [str(videos / "silent.mp4"), "--library", str(videos), "--system", "random-shuffle"]
    assert main([*RENDER, *arguments, "--seed", "3", "-o", str(out)]) == 0
    info = probe(out)
    assert (info.has_video, info.has_audio, info.duration_s) == (True, True, 1.0)
    assert "1.00 s by random-shuffle, seed 3" in capsys.readouterr().out


def test_imported_takes_its_settings_from_the_command_line(videos: Path, tmp_path: Path) -> None:
    chosen = ["--system", "imported", "--set", f"folder={videos}", "--set", "model=Outside 2.1"]
    assert main([*RENDER, str(videos / "forest.mp4"), *chosen, "-o", str(tmp_path / "a.wav")]) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--system", "nope"], "no system 'nope'; there are cmt, command"),
        (["--system", "ground-truth", "--text", "calm piano"], "ground-truth reads no text; leave --text out"),
        (["--system", "ground-truth"], "silent has no original audio"),
        (["--system", "random-shuffle"], "no clip other than silent has original audio"),
        (["--system", "ground-truth", "--duration", "5"], "is 1.00 s long and 5.00 s from 0.00 s on"),
        (["--system", "imported", "--set", "model"], "--set 'model' is not of the form name=value"),
        (["--system", "imported", "--set", "size=1"], "imported has no setting size"),
        (["--system", "riffusion-tiny", "--set", "steps=abc"], "steps 'abc' is not a whole number"),
        (
            ["--system", "v2meow-clip-tiny", "--set", "temperature_fine=high"],
            "temperature_fine 'high' is not a number",
        ),
        (["--system", "ground-truth", "--preset", "base"], "ground-truth has no preset 'base'"),
    ],
)
def test_refusals_are_one_sentence(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    out = tmp_path / "a.wav"
    assert main([*RENDER, str(videos / "silent.mp4"), *arguments, "-o", str(out)]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("render: ")
    assert sentence in last
    assert not out.exists()


@pytest.mark.parametrize("seed", ["-1", "1.5", "first"])
def test_a_seed_that_is_none_is_wrong_usage(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: str
) -> None:
    arguments = [str(videos / "silent.mp4"), "--system", "cmt", f"--seed={seed}", "-o", str(tmp_path / "a.wav")]
    with pytest.raises(SystemExit) as ended:
        main([*RENDER, *arguments])
    assert ended.value.code == 2
    assert f"argument --seed: '{seed}' is not a whole number, 0 or more" in capsys.readouterr().err


def test_no_system_is_asked_for_a_negative_seed() -> None:
    with pytest.raises(GenerationError, match="the seed -1 is negative; give a whole number, 0 or more"):
        Request("bridge", Path("bridge.mp4"), 1.0, -1)


def test_output_of_another_kind_is_refused(videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(videos / "bridge.mp4"), "--system", "ground-truth", "-o", "a.ogg"]
    assert main([*RENDER, *arguments]) == 1
    assert "must end in .wav (soundtrack) or .mp4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "--preset", "huge"], "train: no preset to train 'huge'; there are tiny"),
        (["train", "--data", "somewhere"], "train: --data and --held-out come together"),
        (["dataset", "--out", "somewhere"], "dataset: name a folder of videos or music, or --world COUNT"),
        (["train", "--parts", "stage9"], "train: no part of the cascade 'stage9'; there are codec, clip"),
        (["demo-material", "folder", "--clips", "0"], "demo-material: 0 clips asked for"),
        (["demo-material", "folder", "--seed", "5000"], "demo-material: demo seed 5000 is not in 0..999"),
    ],
)
def test_what_cannot_be_trained_or_drawn_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith(sentence)


def test_demo_material_writes_clips_and_their_manifest(tmp_path: Path) -> None:
    assert main(["demo-material", str(tmp_path / "demo"), "--clips", "1"]) == 0
    (clip,) = (tmp_path / "demo").glob("*.mp4")
    assert clip.name in (tmp_path / "demo" / "manifest.csv").read_text()
