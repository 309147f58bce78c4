"""The check in front of every researchers' page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec

from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase

from studyapp import rights
from studyapp.models import Dataset, Study, User
from studyapp.states import DatasetState

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def researchers_only(view: View[P]) -> View[P]:
    """Strangers are asked to sign in; whoever is signed in without being staff is refused."""
    checked = staff_member_required(view)

    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.user.is_authenticated and not request.user.is_staff:
            raise PermissionDenied
        return checked(request, *args, **kwargs)

    update_wrapper(guarded, view)
    return guarded


def researcher(request: HttpRequest) -> User:
    """Who acts, behind the check above or the admin's own."""
    assert isinstance(request.user, User)
    return request.user


def study_for(request: HttpRequest, slug: str, permission: str, *, names: bool = False) -> Study:
    """The study of a page, for who may do what the page is for.

    names: the page tells which system is which. Raises Http404 for who may not know that the study exists,
    PermissionDenied (with a sentence) for who may only look.
    """
    study = Study.objects.select_related("created_by").filter(slug=slug).first()
    if study is None or not rights.may(request.user, rights.VIEW, study):
        raise Http404(f"There is no study {slug!r}, or you are not one of its members.")
    must(request, permission, study)
    if names:
        must(request, rights.SEE_NAMES, study)
    return study


def dataset_for(request: HttpRequest, pk: int, permission: str = rights.VIEW, *, names: bool = True) -> Dataset:
    """A finished dataset, for who may see its study and, as everything in it does, the names of systems.

    Raises Http404 or PermissionDenied.
    """
    dataset = Dataset.objects.select_related("study").filter(pk=pk, state=DatasetState.READY).first()
    if dataset is None or not rights.may(request.user, rights.VIEW, dataset.study):
        raise Http404("There is no such dataset, or it is not finished.")
    must(request, permission, dataset.study)
    if names:
        must(request, rights.SEE_NAMES, dataset.study)
    return dataset


@dataclass(frozen=True, slots=True)
class Abilities:
    """What somebody may do with one study, for templates: buttons that would be refused are not offered."""

    change: bool
    manage: bool
    names: bool

    @classmethod
    def of(cls, request: HttpRequest, study: Study) -> Abilities:
        held = (rights.may(request.user, one, study) for one in (rights.CHANGE, rights.MANAGE, rights.SEE_NAMES))
        return cls(*held)


def must(request: HttpRequest, permission: str, study: Study) -> None:
    """Raises PermissionDenied, saying what is missing, unless the user may do that with the study."""
    if not rights.may(request.user, permission, study):
        raise PermissionDenied(_MISSING.get(permission, "You may not do that with this study."))


_MISSING: dict[str, Any] = {
    rights.CHANGE: "You may look at this study, not change it. Its owner can make you an editor.",
    rights.MANAGE: "Only an owner of the study may do that.",
    rights.DELETE: "Only an owner of the study may delete it.",
    rights.SEE_NAMES: "This page tells which system is which. Its owner can let you see the names of systems.",
}
