"""A real clip of a second, for whatever is really rendered."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from generation.media.master import make_master
from studyapp.models import Clip
from tests.studyapp.factories import make_clip, sha

SECONDS = 1.0


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("film")
    subprocess.run(
        [
            *("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s=96x64:r=25:d={SECONDS}"),
            str(folder / "source.mkv"),
        ],
        check=True,
    )
    return make_master(folder / "source.mkv", folder / "master.mp4", duration_s=SECONDS).path


@pytest.fixture
def clip(master: Path) -> Clip:
    place = Path(settings.MEDIA_ROOT) / "clips" / "master.mp4"
    place.parent.mkdir(parents=True)
    shutil.copy(master, place)
    return make_clip(
        caption="ten letters",
        duration_s=SECONDS,
        master_file="clips/master.mp4",
        master_sha256=sha(place.read_bytes()),
        master_bytes=place.stat().st_size,
        with_audio=False,
    )
