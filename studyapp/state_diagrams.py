"""docs/states.md, from the transitions themselves: ``python -m studyapp.state_diagrams > docs/states.md``."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from django.db import models

from studyapp.states import SESSION_TRANSITIONS, STUDY_TRANSITIONS

_INTRODUCTION = """\
# States

Written by `python -m studyapp.state_diagrams` from [studyapp/states.py](../studyapp/states.py); a test compares
the two. What a state allows stands in [studyapp/policies.py](../studyapp/policies.py).
"""


def diagram(transitions: Mapping[models.TextChoices, frozenset[models.TextChoices]]) -> str:
    """A Mermaid state diagram: a row begins in the first state and ends in any without a way out."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(transitions)).value}"]
    for state, following in transitions.items():
        if not following:
            lines.append(f"    {state.value} --> [*]")
        lines += [f"    {state.value} --> {then.value}" for then in type(state) if then in following]
    return "\n".join([*lines, "```"])


def markdown() -> str:
    parts = [
        _INTRODUCTION,
        f"## Study\n\n{diagram(STUDY_TRANSITIONS)}\n",  # type: ignore[arg-type]
        f"## StudySession\n\n{diagram(SESSION_TRANSITIONS)}\n",  # type: ignore[arg-type]
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(markdown())
