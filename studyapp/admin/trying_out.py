"""What would follow from a study as its form is filled in: by the code of the design itself, and rolled back."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import QueryDict

from generation.contracts import GenerationError
from studyapp.actions.studies import expected_trials, set_pairs
from studyapp.admin.study_form import StudyForm
from studyapp.errors import DuetError
from studyapp.overview import Follows
from studyapp.plan import planning, sampling
from studyapp.tokens import new_token


def named(data: QueryDict) -> QueryDict:
    """A study need not have a name yet to be counted."""
    named = data.copy()
    named["title"] = "draft"
    named["slug"] = f"draft-{new_token()}"
    return named


def try_out(form: StudyForm) -> dict[str, Any]:
    """Save, count and roll back: the figures come from the same code as the design itself."""
    # Imported files are probed one by one; SQLite would make every rater wait for that in the transaction.
    sampling.ask(form.cleaned_data["clips"], {system for pair in form.chosen_pairs() for system in pair})
    with transaction.atomic():
        try:
            study = form.save(commit=False)
            study.save()
            study.clips.set(form.cleaned_data["clips"])
            set_pairs(study=study, pairs=form.chosen_pairs(), by=None)
            follows = Follows.of(study, expected_trials(study))
            return {
                "follows": follows,
                "problems": [],
                "cost": planning.cost_of(study, follows),
                "shape": planning.shape_of(study, follows.summary),
            }
        except (DuetError, GenerationError) as error:
            return {"follows": None, "problems": [str(error)]}
        finally:
            transaction.set_rollback(True)
