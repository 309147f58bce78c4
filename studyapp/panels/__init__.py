"""Where paid raters come from. Another panel is one more file and one more line here."""

from __future__ import annotations

from collections.abc import Mapping

from studyapp.panels import address, prolific, sona
from studyapp.panels.contract import Arrival, Outcome, Panel

__all__ = ["PANELS", "Arrival", "Outcome", "Panel"]

PANELS: Mapping[str, Panel] = {panel.key: panel for panel in (prolific.PANEL, sona.PANEL, address.PANEL)}
