"""Clips and soundtracks to look at and listen to, for researchers only."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path
from django.views.decorators.http import require_safe

from generation.contracts import GenerationError
from generation.media.poster import make_poster
from studyapp import rights
from studyapp.models import Clip, Stimulus
from studyapp.views.media import file_response
from studyapp.views.staff import researcher, researchers_only


@require_safe
@researchers_only
def clip_video(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The silent master."""
    return file_response(request, get_object_or_404(Clip, pk=pk).master_file, "video/mp4")


@require_safe
@researchers_only
def clip_poster(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A frame from the middle, made when it is first asked for."""
    clip = get_object_or_404(Clip, pk=pk)
    name = f"posters/{clip.master_sha256}.jpg"
    poster = Path(settings.MEDIA_ROOT) / name
    if not poster.is_file():
        try:
            make_poster(clip.master_path, poster, at_s=clip.duration_s / 2)
        except GenerationError as error:
            raise Http404(f"There is no picture of {clip}: {error}") from None
    return file_response(request, name, "image/jpeg")


@require_safe
@researchers_only
def stimulus_video(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The clip with one system's music, for who may be told which system that is."""
    told = rights.told_by_name(Stimulus.objects.ready(), to=researcher(request))
    return file_response(request, get_object_or_404(told, pk=pk).file, "video/mp4")


urlpatterns = [
    path("research/clips/<id:pk>.mp4", clip_video, name="research-clip-video"),
    path("research/clips/<id:pk>.jpg", clip_poster, name="research-clip-poster"),
    path("research/stimuli/<id:pk>.mp4", stimulus_video, name="research-stimulus-video"),
]
