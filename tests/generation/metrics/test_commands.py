"""The two commands, as far as they go without trained weights."""

from pathlib import Path

import pytest

from generation.__main__ import main
from generation.cascade.training.shards import Shards
from generation.world import write_demo


@pytest.mark.slow
def test_listen_writes_a_page_with_its_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo = write_demo(tmp_path / "demo", clips=2).parent
    arguments = [str(demo), "--clips", "1", "--systems", "ground-truth"]
    written = ["--out", str(tmp_path / "images"), "--page", str(tmp_path / "page.md")]
    assert main(["listen", *arguments, *written]) == 0
    assert "1 pictures" in capsys.readouterr().out
    assert "images/ground-truth.jpg" in (tmp_path / "page.md").read_text()


def test_evaluate_names_what_is_missing(
    held_out: Shards, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", str(held_out.folder), "--out", str(tmp_path / "out"), "--weights", str(tmp_path)]
    assert main(["evaluate", *given, "--systems", "v2meow-clip"]) == 1
    assert "codec.safetensors are missing" in capsys.readouterr().err
    assert main(["evaluate", *given, "--preset", "huge"]) == 1
    assert "no preset 'huge'" in capsys.readouterr().err
