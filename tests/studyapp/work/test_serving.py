"""What must be in place before the web server: a free port, collected files, an administrator only we know."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate

from studyapp.errors import DuetError
from studyapp.models import User
from studyapp.work import serving
from studyapp.work.demo_study import spread
from tests.studyapp.factories import make_clip


def test_port_in_use_is_said_with_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind((serving.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DuetError, match=rf"Port {port} is in use; choose another: make demo PORT={port + 1}"):
            serving.check_port(port)
    serving.check_port(port)
    with pytest.raises(DuetError, match="is no port"):
        serving.check_port(70_000)


@pytest.fixture
def var(settings: Any, tmp_path: Path) -> Path:
    settings.VAR = tmp_path
    return tmp_path


@pytest.mark.django_db
def test_administrator_is_made_once_with_a_password_nobody_else_can_read(var: Path) -> None:
    user, password = serving.administrator()
    assert authenticate(username=user.username, password=password) == user
    assert user.is_superuser
    assert (var / "admin-password").stat().st_mode & 0o077 == 0
    assert serving.administrator() == (user, password)
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_password_changed_by_the_administrator_is_neither_undone_nor_misreported(var: Path) -> None:
    user, _ = serving.administrator()
    user.set_password("another-long-passphrase")
    user.save()
    assert serving.administrator() == (user, "")
    (var / "admin-password").unlink()
    assert serving.administrator() == (user, "")


def test_static_files_are_collected_once_until_one_of_them_changes(settings: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.css").write_text("p {}")
    settings.STATICFILES_DIRS = [source]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "static"
    assert serving.collect_static() is True
    assert (tmp_path / "static" / "a.css").read_text() == "p {}"
    assert serving.collect_static() is False
    (source / "a.css").write_text("p { color: red }")
    assert serving.collect_static() is True
    assert (tmp_path / "static" / "a.css").read_text() == "p { color: red }"


@pytest.mark.django_db
def test_first_study_takes_genres_in_turn() -> None:
    clips = [make_clip(genre=genre) for genre in ("Rock", "Rock", "Rock", "Reggae", "Pop")]
    assert [clip.genre for clip in spread(clips, 4)] == ["Rock", "Reggae", "Pop", "Rock"]
    assert spread(clips[:1], 4) == clips[:1]
