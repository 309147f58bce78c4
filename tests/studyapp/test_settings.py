"""Settings of the embedded shape: the secret it makes for itself, and where its database lies."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from studyapp.env import secret


def test_the_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    file = tmp_path / "var" / "secret-key"
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: secret("DUET_NO_SUCH_SECRET", embedded_file=file), range(32)))
    assert made == {file.read_text()}
    assert len(file.read_text()) > 40
    assert file.stat().st_mode & 0o077 == 0


def test_a_start_that_was_stopped_before_the_secret_was_written_is_mended(tmp_path: Path) -> None:
    file = tmp_path / "secret-key"
    file.touch(mode=0o600)
    made = secret("DUET_NO_SUCH_SECRET", embedded_file=file)
    assert made
    assert secret("DUET_NO_SUCH_SECRET", embedded_file=file) == made


def test_the_database_lies_in_the_folder_whatever_that_is_called(tmp_path: Path) -> None:
    var = tmp_path / "50%20 of #1?"
    asked = "from studyapp.settings import DATABASES; print(DATABASES['default']['NAME'])"
    found = subprocess.run(
        [sys.executable, "-c", asked],
        env={"PATH": os.environ["PATH"], "DUET_VAR": str(var)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == str(var / "duet.sqlite3")
