"""What a killed process leaves behind goes after a day; everything else stays."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from studyapp.models import Dataset
from studyapp.work.rubbish import remove_rubbish
from tests.studyapp.factories import make_clip, make_stimulus, make_study, make_system

pytestmark = pytest.mark.django_db


def left(folder: Path, name: str, *, hours: float) -> Path:
    """A folder with a file in it, last touched so many hours ago."""
    made = folder / name
    made.mkdir(parents=True)
    (made / "part.mp4").write_bytes(b"half of it")
    moment = (timezone.now() - timedelta(hours=hours)).timestamp()
    os.utime(made, (moment, moment))
    return made


def test_half_made_things_go_after_a_day_and_not_before(settings: Any) -> None:
    media, scratch = Path(settings.MEDIA_ROOT), Path(settings.FILE_UPLOAD_TEMP_DIR)
    names = ("render-x1", "import-x1", "datasets/loop-7-abcd.part", "imported/imported-cmt/.incoming-12")
    old = [left(media, name, hours=25) for name in names] + [left(scratch, "duet-upload-1", hours=25)]
    upload = scratch / "tmp1.upload.zip"
    upload.write_bytes(b"half of it")
    os.utime(upload, (0, 0))
    young = [left(media, name, hours=23) for name in ("render-x2", "import-x2", "datasets/loop-8-abcd.part")]
    assert remove_rubbish(now=timezone.now()) == len(old) + 1
    assert not any(path.exists() for path in (*old, upload))
    assert all(path.exists() for path in young)


def test_what_a_row_knows_stays_however_old(settings: Any) -> None:
    media = Path(settings.MEDIA_ROOT)
    study = make_study(slug="my-loop")
    dataset = Dataset.objects.create(study=study)
    kept = f"datasets/my-loop-{dataset.pk}-aaaa"
    Dataset.objects.filter(pk=dataset.pk).update(folder=kept)
    recorded = left(media, kept, hours=99)
    second = left(media, f"datasets/my-loop-{dataset.pk}-bbbb", hours=99)
    foreign = left(media, f"datasets/my-loop-{dataset.pk + 1}-cccc", hours=99)
    soundtracks = left(media, "imported/imported-cmt/0123456789abcdef", hours=99)
    stimulus = make_stimulus(make_clip(), make_system())
    os.utime(stimulus.path, (0, 0))
    assert remove_rubbish(now=timezone.now()) == 1
    assert not second.exists()
    assert all(path.exists() for path in (recorded, foreign, soundtracks, stimulus.path))
