"""What opening freezes, part by part, and whether it still stands: reads only.

A part whose digest is no longer the frozen one may be explained: with the amendments undone, in memory, it must
give the frozen digest again. What does not was changed by something that leaves no amendment.
"""

from __future__ import annotations

import copy
import hashlib
import json
import platform
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from django.forms.models import model_to_dict

from studyapp.actions.designs import design_csv
from studyapp.actions.stimuli import study_stimuli
from studyapp.models import Amendment, Study, StudyText
from studyapp.models.declared import Declared
from studyapp.plan.amendable import REFUSED, SECRET, Target
from studyapp.plan.fingerprints import as_json

RULES = ("min_gold_right", "min_identical_near", "max_same_choice", "min_median_response_ms")
PLAN = tuple(
    field.name
    for field in Declared._meta.get_fields()
    # Where the plan was registered is known afterwards.
    if field.name != "registration_url"
)
TEXTS = (
    "language",
    "consent_version",
    "consent_text",
    "responsible",
    "contact",
    "ethics_number",
    "data_kept",
    "kept_for",
    "pay",
    "pay_currency",
    "instructions",
    "understanding_text",
)
SETTINGS = (
    "min_coverage",
    "session_timeout_min",
    "break_after",
    "asks_background",
    "checks_sound",
    "small_screen_px",
    "headphone_test",
    "headphone_needed",
    "headphone_gate",
    "checks_understanding",
    "target_lufs",
)
_PACKAGES = ("duet", "numpy", "pandas", "scipy")


@dataclass(frozen=True, slots=True)
class AsFrozen:
    """A study and its further texts with every amendment undone, in memory only: never save it."""

    study: Study
    texts: Sequence[StudyText]


@dataclass(frozen=True, slots=True)
class Checked:
    """One frozen part, now. ``amended`` are the numbers of the amendments that account for the difference."""

    part: str
    agrees: bool
    amended: tuple[int, ...] = ()

    @property
    def stands(self) -> bool:
        """Unchanged, or changed by amendments and by nothing else."""
        return self.agrees or bool(self.amended)


def _design(study: Study, texts: Sequence[StudyText]) -> str:
    return design_csv(study)


def _stimuli(study: Study, texts: Sequence[StudyText]) -> str:
    columns = ("clip__dataset", "clip__clip_id", "system__slug", "file_sha256")
    return canonical(sorted(study_stimuli(study).values_list(*columns)))


def _texts(study: Study, texts: Sequence[StudyText]) -> str:
    further = [model_to_dict(text, exclude=["id", "study"]) for text in texts]
    further.sort(key=lambda text: str(text["language"]))
    return canonical({**_values(study, TEXTS), "translations": further})


def _rules(study: Study, texts: Sequence[StudyText]) -> str:
    return canonical(_values(study, (*RULES, *PLAN)))


def _settings(study: Study, texts: Sequence[StudyText]) -> str:
    return canonical(_values(study, SETTINGS))


PARTS: Mapping[str, Callable[[Study, Sequence[StudyText]], str]] = {
    "design": _design,
    "stimuli": _stimuli,
    "texts": _texts,
    "rules": _rules,
    "settings": _settings,
}
"""What each part is, as the very text whose SHA-256 is frozen; the pre-registration carries it as a file."""
QUICK = ("texts", "rules", "settings")
"""Parts that take no time however large the design is."""
_FIELDS: Mapping[str, Collection[str]] = {"texts": TEXTS, "rules": (*RULES, *PLAN), "settings": SETTINGS}


def frozen_parts(study: Study) -> dict[str, str]:
    """SHA-256 of each part that opening freezes, of all of them together, and the versions that froze them.

    Raises NotReady without a design.
    """
    texts = list(study.texts.all())
    parts = {name: sha256(part(study, texts)) for name, part in PARTS.items()}
    return {**parts, "all": sha256(canonical(parts)), "versions": versions()}


def versions() -> str:
    """What the plan is made and analysed with, in words."""
    found = [f"python {platform.python_version()}"]
    for name in _PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:  # Duet can be run from a checkout
            found.append(f"{name} not installed")
    return ", ".join(found)


def verify_frozen(study: Study, parts: Iterable[str] = tuple(PARTS)) -> tuple[Checked, ...]:
    """The frozen parts, worked out again; those that no longer agree name the amendments that explain it.

    Nothing for a study that has frozen nothing yet. Large designs take seconds; ``QUICK`` parts never do.
    """
    if not study.frozen:
        return ()
    study = Study.objects.get(pk=study.pk)
    texts = list(study.texts.all())
    before = as_frozen(study)
    found = []
    for name in parts:
        kept = study.frozen.get(name)
        agrees = sha256(PARTS[name](study, texts)) == kept
        amended: tuple[int, ...] = ()
        if not agrees and name in _FIELDS and sha256(PARTS[name](before.study, before.texts)) == kept:
            amended = tuple(
                one.number for one in study.amendments.all() if Target.of(one.what).name in _FIELDS[name]
            )
        found.append(Checked(name, agrees, amended))
    return tuple(found)


def as_frozen(study: Study) -> AsFrozen:
    """A study as it was when it opened: every amendment of a field undone, the latest first."""
    plain = copy.copy(study)
    texts = {text.language: text for text in study.texts.all()}
    for one in study.amendments.order_by("-number"):
        target = Target.of(one.what)
        row = texts.get(target.language) if target.language else plain
        # An extension is no field: the blocks of the frozen design are still told by their origin.
        known = target.name not in REFUSED and target.name not in SECRET
        if row is not None and hasattr(row, target.name) and known:
            setattr(row, target.name, target.read(one.before))
    return AsFrozen(plain, list(texts.values()))


def chain_digest(amendment: Amendment, previous: str) -> str:
    """SHA-256 of what an amendment says, and of the one before it; of the frozen plan before the first.

    Who made it is told beside it and is no part: an account may be renamed.
    """
    says = {
        "number": amendment.number,
        "at": amendment.at.isoformat(),
        "what": amendment.what,
        "before": amendment.before,
        "after": amendment.after,
        "reason": amendment.reason,
        "previous": previous,
    }
    return sha256(canonical(says))


def broken_amendment(study: Study) -> int | None:
    """The first number whose amendment is missing or no longer says what it said; None where all stand."""
    previous = study.frozen.get("all", "")
    for number, one in enumerate(study.amendments.order_by("number"), start=1):
        if one.number != number or one.sha256 != chain_digest(one, previous):
            return number
        previous = one.sha256
    return None


def canonical(value: object) -> str:
    """A value as JSON that is the same for equal values: sorted keys; decimals and dates as text."""
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, default=as_json) + "\n"


def sha256(text: str) -> str:
    """Of a text in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _values(study: Study, names: Iterable[str]) -> dict[str, object]:
    return {name: getattr(study, name) for name in names}
