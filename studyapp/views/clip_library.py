"""The clip library: draw so many clips of each genre by a seed, look at them, make a draft of them or tag them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_POST

from studyapp import rights
from studyapp.actions.clip_choices import draft_of_sample, give_sample
from studyapp.actions.clip_descriptions import tag_clips
from studyapp.clips import sampling as clip_sampling
from studyapp.clips.genres import IN_PAPERS_HUMAN_STUDY
from studyapp.clips.sampling import Sample, Wanted
from studyapp.errors import DuetError
from studyapp.manifest import UNLABELLED
from studyapp.models import Clip, Study, StudyMember
from studyapp.states import StudyState
from studyapp.views import clip_problems
from studyapp.views.staff import researcher, researchers_only, study_for

SHOWN_OF_A_GENRE = 12
DRAFTS = 100
ASKED = ("dataset", "genre", "tag", "per_genre", "seed")


@dataclass(frozen=True, slots=True)
class Option:
    """Something to tick; count: clips that it stands for, 0 where they are not counted."""

    value: str
    count: int
    ticked: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """One list of things to tick."""

    name: str
    label: str
    options: tuple[Option, ...]


class SamplingForm(forms.Form):
    """What is drawn. Choices are those of the clips that there are; of none chosen, any will do."""

    dataset = forms.MultipleChoiceField(required=False)
    genre = forms.MultipleChoiceField(required=False)
    tag = forms.MultipleChoiceField(required=False)
    per_genre = forms.IntegerField(min_value=1, max_value=1000, initial=10)
    seed = forms.IntegerField(min_value=0, max_value=2**31 - 1, initial=1)

    def __init__(self, data: QueryDict, *, counts: list[tuple[str, str, int]], tags: list[str]) -> None:
        super().__init__(data if "seed" in data else None)
        datasets = dict.fromkeys(dataset for dataset, _, _ in counts)
        genres = sorted({genre for _, genre, _ in counts} - {UNLABELLED})
        for name, words in (("dataset", datasets), ("genre", genres), ("tag", tags)):
            field = self.fields[name]
            assert isinstance(field, forms.MultipleChoiceField)
            field.choices = [(word, word) for word in words]
            field.error_messages["invalid_choice"] = f"There is no clip of the {name} “%(value)s” any more."

    def wanted(self) -> Wanted:
        """What was asked for. Raises DuetError where a field is wrong."""
        if not self.is_valid():
            raise DuetError(" ".join(f"{name}: {text[0]}" for name, text in self.errors.items()))
        asked = self.cleaned_data
        return Wanted(
            datasets=tuple(asked["dataset"]),
            genres=tuple(asked["genre"]),
            tags=tuple(asked["tag"]),
            per_genre=asked["per_genre"],
            seed=asked["seed"],
        )


@require_GET
@researchers_only
def library(request: HttpRequest) -> HttpResponseBase:
    """The form, and the clips that come out once it is sent."""
    counts, tags = clip_sampling.counts(), clip_sampling.known_tags()
    form = SamplingForm(request.GET, counts=counts, tags=tags)
    drawn, wrong = None, ""
    if form.is_bound:
        try:
            drawn = clip_sampling.sample(form.wanted())
        except DuetError as error:
            wrong = str(error)
    context = {
        "facets": _facets(counts, tags, request.GET),
        "per_genre": request.GET.get("per_genre", form.fields["per_genre"].initial),
        "seed": request.GET.get("seed", form.fields["seed"].initial),
        "clips": sum(count for _, _, count in counts),
        "unlabelled": sum(count for _, genre, count in counts if genre == UNLABELLED),
        "wrong": wrong,
        "sample": drawn,
        "groups": _shown(drawn) if drawn else [],
        "asked": [(name, value) for name in ASKED for value in request.GET.getlist(name)],
        "drafts": _drafts(request) if drawn and drawn.pks else [],
        "papers": IN_PAPERS_HUMAN_STUDY,
    }
    return render(request, "research/clip_library.html", context)


@require_POST
@researchers_only
def make_draft(request: HttpRequest) -> HttpResponseBase:
    """A new draft study with the clips; its owner is who asked."""
    title = request.POST.get("title", "").strip()
    try:
        if not title:
            raise DuetError("give the study a title")
        study = draft_of_sample(
            title=title,
            slug=slugify(title)[:50],
            wanted=_wanted(request),
            digest=request.POST.get("digest", ""),
            by=researcher(request),
        )
    except DuetError as error:
        return _refused(request, error)
    messages.success(request, f"The draft has {study.clips.count()} clips. Choose the pairs of systems next.")
    return redirect("admin:studyapp_study_change", study.pk)


@require_POST
@researchers_only
def into(request: HttpRequest) -> HttpResponseBase:
    """The clips in place of those of a draft that there is, for who may change it."""
    slug = request.POST.get("study", "")
    if not slug:
        return _refused(request, DuetError("choose a draft"))
    study = study_for(request, slug, rights.CHANGE)
    try:
        count = give_sample(
            study=study,
            wanted=_wanted(request),
            digest=request.POST.get("digest", ""),
            by=researcher(request),
        )
    except DuetError as error:
        return _refused(request, error)
    messages.success(request, f"{study.title} has these {count} clips now. Build its design again.")
    return redirect("research-study", study.slug)


@require_POST
@researchers_only
def tag(request: HttpRequest) -> HttpResponseBase:
    """One more tag for all the clips that were drawn."""
    try:
        drawn = clip_sampling.sample(_wanted(request))
        if drawn.digest != request.POST.get("digest", ""):
            raise DuetError("other clips are drawn by now; look at them and press again. Nothing was changed")
        clips = Clip.objects.filter(pk__in=drawn.pks)
        changed = tag_clips(clips=clips, tag=request.POST.get("new_tag", ""), by=researcher(request))
    except DuetError as error:
        return _refused(request, error)
    messages.success(request, f"{changed} clips were tagged; {len(drawn.pks) - changed} had the tag already.")
    return _back(request)


def _wanted(request: HttpRequest) -> Wanted:
    form = SamplingForm(request.POST, counts=clip_sampling.counts(), tags=clip_sampling.known_tags())
    return form.wanted()


def _refused(request: HttpRequest, error: DuetError) -> HttpResponse:
    text = str(error)
    messages.error(request, text[:1].upper() + text[1:])
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """To the same selection again."""
    asked = QueryDict(mutable=True)
    for name in ASKED:
        asked.setlist(name, request.POST.getlist(name))
    return redirect(f"{reverse('research-clip-library')}?{asked.urlencode()}")


def _facets(counts: list[tuple[str, str, int]], tags: list[str], asked: QueryDict) -> list[Facet]:
    """Datasets, genres and tags to tick; those of no clip are left out."""
    datasets: Counter[str] = Counter()
    genres: Counter[str] = Counter()
    for dataset, genre, count in counts:
        datasets[dataset] += count
        if genre != UNLABELLED:
            genres[genre] += count
    facets = [
        Facet("dataset", "Datasets", _options(datasets, asked.getlist("dataset"))),
        Facet("genre", "Genres", _options(genres, asked.getlist("genre"))),
        Facet("tag", "Tags", _options(dict.fromkeys(tags, 0), asked.getlist("tag"))),
    ]
    return [facet for facet in facets if facet.options]


def _options(counted: Mapping[str, int], ticked: Sequence[str]) -> tuple[Option, ...]:
    return tuple(Option(value, count, value in ticked) for value, count in sorted(counted.items()))


def _shown(drawn: Sample) -> list[dict[str, Any]]:
    """Each genre with the first of its clips, read in one query."""
    pks = [clip.pk for one in drawn.genres for clip in one.clips[:SHOWN_OF_A_GENRE]]
    clips = Clip.objects.in_bulk(pks)
    return [
        {
            "drawn": one,
            "clips": [clips[clip.pk] for clip in one.clips[:SHOWN_OF_A_GENRE] if clip.pk in clips],
            "further": max(0, len(one.clips) - SHOWN_OF_A_GENRE),
        }
        for one in drawn.genres
    ]


def _drafts(request: HttpRequest) -> list[Study]:
    """Drafts that whoever looks may change, the newest first."""
    user = researcher(request)
    drafts = Study.objects.filter(state=StudyState.DRAFT).order_by("-created_at")
    if not user.is_superuser:
        roles = [role for role, held in rights.PERMISSIONS.items() if rights.CHANGE in held]
        drafts = drafts.filter(pk__in=StudyMember.objects.filter(user=user, role__in=roles).values("study"))
    return list(drafts[:DRAFTS])


urlpatterns = [
    path("research/clips/", library, name="research-clip-library"),
    path("research/clips/make-draft/", make_draft, name="research-clips-to-draft"),
    path("research/clips/into/", into, name="research-clips-into"),
    path("research/clips/tag/", tag, name="research-clips-tag"),
    *clip_problems.urlpatterns,
]
