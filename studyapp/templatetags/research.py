"""What researchers' pages of one study share."""

from __future__ import annotations

from typing import Any, NamedTuple

from django import template
from django.template import Context
from django.urls import reverse

from studyapp import rights
from studyapp.models import Study

register = template.Library()

ROOMS = (
    ("overview", "Overview", "research-study", rights.VIEW),
    ("plan", "Plan", "research-plan", rights.VIEW),
    ("soundtracks", "Soundtracks", "research-soundtracks", rights.VIEW),
    ("people", "Raters", "research-people", rights.CHANGE),
    ("running", "Running", "research-running", rights.VIEW),
    ("results", "Results", "research-results", rights.VIEW),
    ("team", "Team", "research-team", rights.VIEW),
    ("history", "History", "research-history", rights.VIEW),
)
"""Key, label, URL name and what one must be allowed, of every room of a study, in the order of its life."""


class Tab(NamedTuple):
    key: str
    label: str
    address: str


@register.simple_tag(takes_context=True)
def study_tabs(context: Context, study: Study) -> list[Tab]:
    """The rooms of one study that let in whoever asks for the page; ``request`` is in every page's context."""
    user: Any = context["request"].user
    return [
        Tab(key, label, reverse(name, args=[study.slug]))
        for key, label, name, permission in ROOMS
        if rights.may(user, permission, study)
    ]
