"""The check in front of every researchers' page."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec

from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from studyapp.models import User

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
