"""Datasets that hold answers which are gone. Apart from building them, which brings pandas along."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Value
from django.db.models.functions import Coalesce

from studyapp.models import Dataset, Study
from studyapp.states import DatasetState


def supersede(study: Study, *, first_answer: int, simulated: bool, now: datetime) -> list[int]:
    """Mark what was frozen with a session's answers in it, and have built anew what is being built.

    first_answer: the key of the session's first answer. Keys follow the order in which answers were stored; their
    times do not, for a simulated rater's run ahead of the clock. Call under the study's lock, in the transaction
    that deletes the answers: a build begins under the same lock, so none that began before ends with them.
    Returns the ids of those marked.
    """
    datasets = Dataset.objects.filter(study=study)
    if simulated:
        datasets = datasets.filter(includes_simulated=True)
    # The worker that is at it finds its attempt gone and throws its folder away; the sweeper sends it out again.
    datasets.filter(state=DatasetState.BUILDING).update(state=DatasetState.REQUESTED, last_sign_of_life=now)
    held = datasets.filter(state=DatasetState.READY, answers_to__gte=first_answer)
    marked = list(held.order_by("pk").values_list("pk", flat=True))
    held.update(superseded_at=Coalesce(F("superseded_at"), Value(now)), erasures=F("erasures") + 1)
    return marked
