"""What must hold before raters come, and the step from state to state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from studyapp import policies
from studyapp.actions.designs import inputs_sha256
from studyapp.actions.files_as_rendered import FileRead, must_be_as_rendered, read_files
from studyapp.actions.stimuli import study_stimuli, with_lost_file
from studyapp.actions.texts import check_texts
from studyapp.actions.webhooks import announce
from studyapp.errors import NotReady, WrongState
from studyapp.models import AuditLine, Study, User
from studyapp.plan.analysis_plan import check_plan
from studyapp.soundtracks.agreement import disagreements
from studyapp.states import StimulusState, StudyState

_NAMED_IN_MESSAGES = 5


def read_beforehand(study: Study, rule: str) -> dict[int, FileRead] | None:
    """What ``must_be_ready`` is given, read before its transaction; raises as it does, before anything is read.

    rule: what is said of a study that has opened, “only a draft can be piloted”.
    """
    _must_be_ready_but_for_files(Study.objects.get(pk=study.pk), rule)
    return read_files(study)


def must_be_ready(study: Study, rule: str, *, read: Mapping[int, FileRead] | None) -> Study:
    """The study's row, locked, when raters can come: draft or piloted, its design current, its stimuli alike
    and as they were rendered.

    ``read`` comes from ``read_beforehand``. Raises WrongState or NotReady.
    """
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    _must_be_ready_but_for_files(locked, rule)
    must_be_as_rendered(locked, read, now=timezone.now())
    return locked


def _must_be_ready_but_for_files(study: Study, rule: str) -> None:
    if policies.design_is_frozen(StudyState(study.state)):
        raise WrongState(f"{study} is {study.standing}; {rule}")
    if not study.blocks.counted().exists():
        raise NotReady(f"{study} has no design yet; build the design first")
    if study.design_summary.get("inputs_sha256") != inputs_sha256(study):
        raise NotReady(f"{study} was changed after its design was built; build the design again")
    check_texts(study)
    check_plan(study)
    wrong = unequal(study)
    if wrong:
        raise NotReady(f"raters could tell versions apart: {_named(wrong, '; ')}; generate these stimuli again")


def become(study: Study, then: StudyState, *, by: User | None, **fields: Any) -> Study:
    """The step to another state with ``fields`` of the row that go with it. Raises WrongState where none leads."""
    allowed = [state for state in StudyState if policies.may_become(state, then)]
    columns = {name: value for name, value in fields.items() if name != "places"}
    # Conditional: of two who ask at once, one finds the row already changed.
    if not Study.objects.filter(pk=study.pk, state__in=allowed).update(state=then, **columns):
        standing = Study.objects.get(pk=study.pk).standing
        options = " or ".join(state.in_words for state in allowed)
        raise WrongState(f"{study} is {standing}; only a study that is {options} can be {then.made_so}")
    AuditLine.write(
        f"study {then.value}", by=by, study=study, **({"places": fields["places"]} if "places" in fields else {})
    )
    study.refresh_from_db()
    announce(study=study, event=f"study.{then.value}", payload={"by": by.get_username() if by else ""})
    return study


def unequal(study: Study) -> list[str]:
    """How versions could be told apart: loudness inside a pair (0.2 LU), size and duration of one clip's files.

    Raises NotReady while a stimulus or its file is missing, or the file has another size than was rendered.
    """
    stimuli = study_stimuli(study)
    states = Counter(stimuli.exclude(state=StimulusState.READY).order_by().values_list("state", flat=True))
    if states:
        counts = ", ".join(f"{count} {StimulusState(state).label.lower()}" for state, count in states.items())
        raise NotReady(f"not every stimulus is ready ({counts}); generate them, or retry the failed ones")
    lost = [str(stimulus) for stimulus in with_lost_file(stimuli)]
    if lost:
        raise NotReady(
            f"the files of {_named(lost, ', ')} are lost or cut short; start generation, which makes them again"
        )
    found = disagreements(study.comparisons.designed())
    return [finding.text for finding in found if finding.blocks]


def _named(things: Sequence[str], between: str) -> str:
    more = f" and {len(things) - _NAMED_IN_MESSAGES} more" if len(things) > _NAMED_IN_MESSAGES else ""
    return between.join(things[:_NAMED_IN_MESSAGES]) + more
