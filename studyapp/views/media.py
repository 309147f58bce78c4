"""The videos of a trial, to the session that may see it and to nobody else.

Headers are the same whatever is played: no entity tag, no date of the file, no name of it. With such a validator
two trials could be seen to hold one file, and so one system. Behind nginx the bytes go by X-Accel-Redirect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from studyapp import blinding, policies, rights
from studyapp.actions import packing
from studyapp.models import Presentation, Stimulus, StudySession, Trial
from studyapp.presentation import LETTERS, Side
from studyapp.states import StudyState
from studyapp.views.seat import moment, seated
from studyapp.views.staff import researchers_only

_SIDE_OF: dict[str, Side] = {letter.lower(): side for side, letter in LETTERS.items()}
_CHUNK_BYTES = 256 * 1024
_RANGE = re.compile(r"(\d*)-(\d*)")


@require_safe
def trial_media(request: HttpRequest, study_token: str, trial_token: str, letter: str) -> HttpResponseBase:
    """A version of a trial, to the session whose block holds it, up to the trial after the current one."""
    session = seated(request, study_token)
    side = _SIDE_OF.get(letter)
    if session is None or side is None or not _may_watch(session):
        raise Http404
    trial = _trial(session, trial_token)
    if request.method == "GET":
        _note_serving(session, trial, side, moment(request, session))
    return stimulus_response(request, trial.stimulus_on(side))


@require_safe
@researchers_only
def staff_trial_media(request: HttpRequest, trial_token: str, letter: str) -> HttpResponseBase:
    """The same bytes under the same headers, for a researcher's preview of any trial.

    On which side they were is part of which system was which: for who may not see names, sides are drawn anew.
    """
    trials = Trial.objects.select_related("block__study", "comparison__stimulus_1", "comparison__stimulus_2")
    trial = trials.filter(token=trial_token).first()
    side = _SIDE_OF.get(letter)
    if trial is None or side is None or not rights.may(request.user, rights.VIEW, trial.block.study):
        raise Http404
    study = trial.block.study
    if not rights.may(request.user, rights.SEE_NAMES, study):
        side = blinding.previewed(study, trial, side)
    if not trial.stimulus_on(side).file:
        raise Http404
    return stimulus_response(request, trial.stimulus_on(side))


def stimulus_response(request: HttpRequest, stimulus: Stimulus) -> HttpResponseBase:
    """A stimulus' video: whole, one byte range of it (206), or 416; the headers say nothing of which one it is."""
    return file_response(request, stimulus.file, "video/mp4")


def file_response(request: HttpRequest, name: str, content_type: str) -> HttpResponseBase:
    """A file of the media folder; who may have it is the caller's to decide. Raises Http404 when it is gone."""
    if settings.MEDIA_ACCEL_PREFIX:
        response: HttpResponseBase = HttpResponse()
        response["X-Accel-Redirect"] = f"{settings.MEDIA_ACCEL_PREFIX.rstrip('/')}/{quote(name)}"
    else:
        file = Path(settings.MEDIA_ROOT) / name
        if not file.is_file():
            raise Http404
        response = _ranged(request, file)
        response["Accept-Ranges"] = "bytes"
    response["Content-Type"] = content_type
    # Long enough for what was preloaded to be there when its trial comes.
    response["Cache-Control"] = "private, max-age=3600"
    return response


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte asked for; None for the whole file (no range, several of them, or not understood).

    Raises ValueError when the range lies outside of the file. RFC 9110, section 14.
    """
    unit, _, spec = header.partition("=")
    match = _RANGE.fullmatch(spec.strip())
    if unit.strip().lower() != "bytes" or match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise ValueError(header)
        return size - length, size - 1
    if int(first) >= size:
        raise ValueError(header)
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last), size - 1) if last else size - 1


def _ranged(request: HttpRequest, path: Path) -> HttpResponseBase:
    size = path.stat().st_size
    # We give no validator, so an If-Range cannot match: the whole file is the right answer to it.
    header = "" if "If-Range" in request.headers else request.headers.get("Range", "")
    try:
        wanted = byte_range(header, size)
    except ValueError:
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{size}"
        return response
    start, end = wanted or (0, size - 1)
    body = _chunks(path, start, end - start + 1) if request.method == "GET" else iter(())
    ranged = StreamingHttpResponse(body, status=206 if wanted else 200)
    ranged["Content-Length"] = str(end - start + 1)
    if wanted:
        ranged["Content-Range"] = f"bytes {start}-{end}/{size}"
    return ranged


def _chunks(path: Path, start: int, length: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while length > 0 and (chunk := file.read(min(_CHUNK_BYTES, length))):
            length -= len(chunk)
            yield chunk


def _may_watch(session: StudySession) -> bool:
    return session.is_live and policies.takes_answers(StudyState(session.study.state))


def _trial(session: StudySession, token: str) -> Trial:
    """A trial answered by this session, its current one, or the one after that. Raises Http404."""
    trials = Trial.objects.select_related("comparison__stimulus_1", "comparison__stimulus_2")
    trial = trials.filter(token=token, block=session.block_id).first()
    if trial is None:
        raise Http404
    before = packing.unanswered().filter(block=session.block_id, position__lt=trial.position)
    if before.count() > 1:
        raise Http404
    return trial


def _note_serving(session: StudySession, trial: Trial, side: Side, now: datetime) -> None:
    field = f"{side}_served_at"
    presentation, _ = Presentation.objects.get_or_create(trial=trial, defaults={"session": session})
    if getattr(presentation, field) is None:
        # Conditional, for a player asks for several ranges at once and the first one counts.
        Presentation.objects.filter(pk=presentation.pk, **{field: None}).update(**{field: now})


urlpatterns = [
    path("take/<str:study_token>/m/<slug:trial_token>/<str:letter>.mp4", trial_media, name="take-media"),
    path("research/m/<slug:trial_token>/<str:letter>.mp4", staff_trial_media, name="staff-media"),
]
