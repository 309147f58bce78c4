"""SONA Systems, a university's pool: the survey code comes in, and credit is granted by the address back.

The address back is SONA's "completion URL (client-side)", which ends in ``survey_code=XXXX``; there is one for
completion only.
"""

from __future__ import annotations

from urllib.parse import quote

from studyapp.panels.contract import Outcome, Panel, Return


def _back(to: Return) -> str:
    if to.outcome != Outcome.COMPLETED or not to.address:
        return ""
    before, found, _ = to.address.rpartition("survey_code=")
    joined = f"{before}{found}" if found else f"{to.address}{'&' if '?' in to.address else '?'}survey_code="
    return f"{joined}{quote(to.id, safe='')}"


PANEL = Panel(
    key="sona",
    label="SONA Systems",
    id_parameter="survey_code",
    query="survey_code=%SURVEY_CODE%",
    back=_back,
)
