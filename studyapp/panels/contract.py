"""What Duet has to know of a panel: how people arrive from it, and where they are sent back to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

MAX_ID = 120


class Outcome(StrEnum):
    """How taking part ended; each has a code of its own."""

    COMPLETED = "completed"
    SCREENED_OUT = "screened_out"
    NO_CONSENT = "no_consent"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who came, in the panel's words; ``further`` parameters are kept beside the id."""

    panel: str
    id: str
    further: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Return:
    """What an address back is made of. ``address`` is the study's own setting."""

    outcome: Outcome
    code: str
    id: str
    address: str


@dataclass(frozen=True, slots=True)
class Panel:
    """query: what the researcher appends to the study's link, with the panel's own placeholders.

    back: the address for an outcome, or an empty string where the panel takes nobody back for it.
    """

    key: str
    label: str
    id_parameter: str
    query: str
    back: Callable[[Return], str]
    further_parameters: tuple[str, ...] = ()

    def arrival(self, parameters: Mapping[str, str]) -> Arrival | None:
        """Who the link's parameters name; None without an id that can be one."""
        identity = parameters.get(self.id_parameter, "").strip()
        # A placeholder that the panel did not fill in names nobody.
        if not identity or len(identity) > MAX_ID or not identity.isprintable() or set(identity) & set("{}%"):
            return None
        further = {name: parameters[name][:MAX_ID] for name in self.further_parameters if parameters.get(name)}
        return Arrival(self.key, identity, further)
