"""Any panel that appends an id to a link and takes people back at an address with a code."""

from __future__ import annotations

from urllib.parse import quote

from studyapp.panels.contract import Panel, Return


def _back(to: Return) -> str:
    if not to.code or not to.address:
        return ""
    return to.address.replace("{id}", quote(to.id, safe="")).replace("{code}", quote(to.code, safe=""))


PANEL = Panel(key="address", label="Another panel, by address", id_parameter="id", query="id=…", back=_back)
