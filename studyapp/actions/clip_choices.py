"""A drawn sample of clips becomes a study's clips, with the rule it was drawn by on record."""

from __future__ import annotations

from dataclasses import asdict

from django.db import transaction

from studyapp.actions.studies import create_study, set_clips
from studyapp.clips.sampling import Sample, Wanted, sample
from studyapp.errors import DuetError
from studyapp.models import AuditLine, Clip, Study, User


@transaction.atomic
def draft_of_sample(*, title: str, slug: str, wanted: Wanted, digest: str, by: User | None) -> Study:
    """A draft with the clips of a sample, its number of clips per cell and its seed; pairs are still to be chosen.

    digest: of the sample that was looked at. Raises DuetError when another would come out by now, when there is
    none, or naming the fields that are wrong.
    """
    drawn = _looked_at(wanted, digest)
    study = create_study(
        title=title,
        slug=slug,
        clips=Clip.objects.filter(pk__in=drawn.pks),
        pairs=[],
        by=by,
        clips_per_cell=wanted.per_genre,
        seed=wanted.seed,
    )
    _write(study, wanted, drawn, by)
    return study


@transaction.atomic
def give_sample(*, study: Study, wanted: Wanted, digest: str, by: User | None) -> int:
    """Put the clips of a sample in place of a draft's; how many there are now.

    Raises WrongState once the study is open, DuetError when another sample would come out by now, or none.
    """
    drawn = _looked_at(wanted, digest)
    set_clips(study=study, clips=Clip.objects.filter(pk__in=drawn.pks), by=by)
    _write(study, wanted, drawn, by)
    return len(drawn.pks)


def _looked_at(wanted: Wanted, digest: str) -> Sample:
    drawn = sample(wanted)
    if not drawn.pks:
        raise DuetError("no clip was drawn; choose other datasets, genres or tags")
    if drawn.digest != digest:
        raise DuetError(
            "clips were imported, described or deleted since you looked, and others are drawn by now; look at "
            "them and press again. Nothing was changed"
        )
    return drawn


def _write(study: Study, wanted: Wanted, drawn: Sample, by: User | None) -> None:
    short = {one.genre: one.short for one in drawn.shortfalls}
    AuditLine.write(
        "clips sampled",
        by=by,
        study=study,
        **asdict(wanted),
        clips=len(drawn.pks),
        digest=drawn.digest,
        short=short,
    )
