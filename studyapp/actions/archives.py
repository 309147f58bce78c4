"""A study as one file, and a file back into a study: closed or archived ones, whose evidence grows no more.

An open study is not archived: answers that came while it was written would be in it by half, and what is read back
could be answered in two places.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from django.db import transaction

from studyapp import media_store
from studyapp.actions.designs import design_csv
from studyapp.actions.particulars import particulars
from studyapp.archive import checking, writing
from studyapp.archive.columns import BadArchive
from studyapp.archive.manifest import Manifest
from studyapp.archive.reading import READ_BACK, Reading
from studyapp.errors import DuetError, WrongState
from studyapp.models import AuditLine, Study, StudyMember, User
from studyapp.states import StudyState

DESIGN = "design.csv"
_SLUG = re.compile(r"[-a-zA-Z0-9_]{1,80}")


def write_archive(*, study: Study, target: Path, media: bool = False) -> Manifest:
    """Write the whole study to a new file. Raises WrongState unless it is closed or archived.

    ``media`` puts videos and soundtracks in, too. The same study gives the same bytes. Raises DuetError when a
    rater's answers were erased meanwhile; nothing is left of the file then, or of one that could not be written.
    """
    if study.state not in READ_BACK:
        raise WrongState(f"{study} is {study.standing}; close it first: only then is its evidence complete")
    if target.exists():
        raise DuetError(f"there is a file {target} already; choose another name, or move it away")
    before = study.erasures.count()
    try:
        files = {DESIGN: design_csv(study).encode(), **particulars(study)}
        manifest = writing.write(study, target, files=files, media=media)
        if study.erasures.count() != before:
            raise DuetError("a rater's answers were erased while the archive was written; write it again")
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return manifest


def read_archive(path: Path, *, by: User, slug: str = "") -> Study:
    """Build the study of an archive here, for ``by`` to own; ``slug`` is a short name in place of its own.

    Everything is checked first: then all of it is stored in one transaction, or nothing. Raises BadArchive saying
    what is wrong with the file, DuetError when the short name is taken.
    """
    digest = media_store.sha256(path)
    with checking.opened(path) as archive, transaction.atomic():
        chosen = slug or archive.manifest.study
        if not _SLUG.fullmatch(chosen):
            raise DuetError(f"{chosen!r} is no short name; use at most 80 letters, digits, dashes and underscores")
        if Study.objects.filter(slug=chosen).exists():
            raise DuetError(f"there is a study {chosen!r} already; give the archive's another short name")
        study = Reading(archive, by=by, slug=chosen).run()
        # Of the file's digest, for the file itself may be of any length.
        if hashlib.sha256(design_csv(study).encode()).hexdigest() != archive.digest(DESIGN):
            raise BadArchive(f"the design that was read is not that of {DESIGN} in it; fetch the file again")
        StudyMember.objects.create(study=study, user=by, role=StudyMember.Role.OWNER, sees_names=True)
        AuditLine.write(
            "study read from an archive",
            by=by,
            study=study,
            sha256=digest,
            original=archive.manifest.study,
            state=StudyState(study.state).value,
        )
    return study
