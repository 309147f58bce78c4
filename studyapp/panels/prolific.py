"""Prolific: three parameters in, one code a path out (https://docs.prolific.com, "Integrating Prolific")."""

from __future__ import annotations

from urllib.parse import quote

from studyapp.panels.contract import Panel, Return


def _back(to: Return) -> str:
    return f"https://app.prolific.com/submissions/complete?cc={quote(to.code, safe='')}" if to.code else ""


PANEL = Panel(
    key="prolific",
    label="Prolific",
    id_parameter="PROLIFIC_PID",
    further_parameters=("STUDY_ID", "SESSION_ID"),
    query="PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}",
    back=_back,
)
