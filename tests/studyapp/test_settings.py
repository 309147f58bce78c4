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


def settings_with(statement: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a statement after reading the settings, in a process whose environment holds nothing else."""
    return subprocess.run(
        [sys.executable, "-c", f"from studyapp import settings; {statement}"],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_database_lies_in_the_folder_whatever_that_is_called(tmp_path: Path) -> None:
    var = tmp_path / "50%20 of #1?"
    found = settings_with("print(settings.DATABASES['default']['NAME'])", DUET_VAR=str(var))
    assert found.stdout.strip() == str(var / "duet.sqlite3"), found.stderr


def test_deployed_every_secret_and_host_must_be_given(tmp_path: Path) -> None:
    given = {"DUET_VAR": str(tmp_path), "DATABASE_URL": "postgres://duet:duet@localhost/duet"}
    for name, value in (("DUET_SECRET_KEY", "s" * 50), ("DUET_ALLOWED_HOSTS", "duet.example.org")):
        refused = settings_with("", **given)
        assert refused.returncode != 0
        assert f"{name} is not set" in refused.stderr
        given[name] = value
    started = settings_with("print(settings.SESSION_COOKIE_SECURE, settings.DEBUG)", **given)
    assert started.stdout.strip() == "True False", started.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = settings_with("", DUET_VAR=str(tmp_path / "file"), DUET_SECRET_KEY="s" * 50)
    assert refused.returncode != 0
    assert "set DUET_VAR to a folder that can be written" in refused.stderr


def test_uploads_wait_beside_the_media(tmp_path: Path) -> None:
    found = settings_with("print(settings.FILE_UPLOAD_TEMP_DIR)", DUET_VAR=str(tmp_path))
    assert found.stdout.strip() == str(tmp_path / "scratch"), found.stderr
    assert (tmp_path / "scratch").is_dir()
