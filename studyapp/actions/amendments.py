"""Changes to a study after it opened: each one a numbered row that every export and report shows, none lost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from studyapp import rights
from studyapp.actions.texts import check_texts
from studyapp.actions.webhooks import announce
from studyapp.errors import DuetError, NotReady, Overtaken, WrongState
from studyapp.models import Amendment, AuditLine, Study, StudyText, User
from studyapp.plan import analysis_plan
from studyapp.plan.amendable import (
    CONSENT,
    KEPT_BACK,
    NAMING,
    PARTS,
    REFUSED,
    SECRET,
    STATES,
    TRANSLATED,
    Target,
    part_of,
)
from studyapp.plan.amendments import label_of, told
from studyapp.plan.fingerprints import as_json, fingerprint
from studyapp.plan.freezing import PLAN, chain_digest
from studyapp.states import StudyState


@transaction.atomic
def amend_study(
    *, study: Study, by: User | None, reason: str, based_on: Mapping[str, str] | None = None, **fields: Any
) -> list[Amendment]:
    """Change fields of a study that has opened, one amendment each; what may be changed is in ``amendable``.

    A field of the texts in another language is named ``consent_text__de``. ``based_on`` are fingerprints of the
    values that the change was thought out from; without it they are those of ``study`` as it was passed.
    Raises WrongState, Overtaken where somebody else changed one of the fields meanwhile, and DuetError.
    """
    reason = reason.strip()
    if not reason:
        raise DuetError("say why: an amendment without a reason cannot be judged by whoever reads the results")
    locked = _lock(study)
    texts = {text.language: text for text in locked.texts.all()}
    changes: dict[str, tuple[Any, Any]] = {}
    for key, given in fields.items():
        target = _may_be_amended(key, locked)
        if target.name in NAMING and by is not None and not rights.may(by, rights.SEE_NAMES, locked):
            raise DuetError(f"{target.label} names systems; ask a member who may see their names to amend it")
        row = _row(locked, texts, target)
        before, after = getattr(row, target.name), _cleaned(target, given)
        if before == after:
            continue
        known = _known(key, target, study, based_on)
        if known is not None and known != fingerprint(before):
            raise Overtaken(_overtaken(locked, key, before))
        setattr(row, target.name, after)
        changes[key] = before, after
    if not changes:
        raise DuetError("nothing differs from what the study says already; change a field, or leave it as it is")
    if "consent_version" not in changes and any(Target.of(key).name in CONSENT for key in changes):
        before, locked.consent_version = locked.consent_version, next_version(locked.consent_version)
        changes["consent_version"] = before, locked.consent_version
    _check(locked, texts, changes)
    _save(locked, texts, changes)
    return [
        write_amendment(study=locked, what=key, before=before, after=after, reason=reason, by=by)
        for key, (before, after) in changes.items()
    ]


@transaction.atomic
def write_amendment(
    *, study: Study, what: str, before: Any, after: Any, reason: str, by: User | None
) -> Amendment:
    """Add one row to a study's amendments, with its audit line. The change itself is the caller's.

    Two at once take turns at the study's row, so both get a number and each rests on the one before.
    """
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    last = study.amendments.order_by("-number").first()
    amendment = Amendment(
        study=study,
        number=last.number + 1 if last else 1,
        at=timezone.now(),
        by=by,
        what=what,
        before=_stored(what, before),
        after=_stored(what, after),
        reason=reason,
    )
    amendment.sha256 = chain_digest(amendment, last.sha256 if last else study.frozen.get("all", ""))
    amendment.save(force_insert=True)
    AuditLine.write(
        "study amended",
        by=by,
        study=study,
        number=amendment.number,
        what=what,
        before=amendment.before,
        after=amendment.after,
        reason=reason,
    )
    announce(study=study, event="study.amended", payload={"number": amendment.number, "what": what})
    return amendment


def next_version(version: str) -> str:
    """“1” → “2”, “2024-b” → “2024-b.2”."""
    head, dot, last = version.rpartition(".")
    # A date or a name is not counted up.
    return f"{head}{dot}{int(last) + 1}" if last.isdecimal() else f"{version}.2"


def _lock(study: Study) -> Study:
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    state = StudyState(locked.state)
    if state in STATES:
        return locked
    if state == StudyState.DRAFT:
        raise WrongState(f"{locked} is a draft, and nothing is frozen yet; change it in its form")
    if state == StudyState.PILOT:
        raise WrongState(f"{locked} is being piloted; end the pilot, then change the draft in its form")
    raise WrongState(f"{locked} is {state.label.lower()}; it can be read and exported, and nothing in it changes")


def _may_be_amended(key: str, study: Study) -> Target:
    """Raises DuetError or WrongState saying why not."""
    target = Target.of(key)
    if target.name in REFUSED and (not target.language or target.name not in TRANSLATED):
        raise DuetError(f"{target.name} cannot be amended: {REFUSED[target.name]}")
    part = None if key.endswith("__") else part_of(target)
    if part is None:
        options = ", ".join(name for one in PARTS for name in one.fields)
        raise DuetError(f"{key!r} is nothing that can be amended; choose among {options}")
    if study.state not in part.states:
        states = " or ".join(state.in_words for state in StudyState if state in part.states)
        raise WrongState(f"{target.label} can be amended while a study is {states}; {study} is {study.standing}")
    return target


def _row(study: Study, texts: Mapping[str, StudyText], target: Target) -> Study | StudyText:
    if not target.language:
        return study
    if target.language not in texts:
        written = ", ".join(sorted(texts)) or "no further language"
        raise DuetError(f"{study} has no texts in {target.language!r}; it has {written}")
    return texts[target.language]


def _cleaned(target: Target, given: Any) -> Any:
    try:
        return target.read(given)
    except ValidationError as error:
        raise DuetError(f"{target.label}: {' '.join(error.messages)}") from None


def _known(key: str, target: Target, study: Study, based_on: Mapping[str, str] | None) -> str | None:
    if based_on is not None:
        return based_on.get(key)
    return None if target.language else fingerprint(getattr(study, target.name))


def _overtaken(study: Study, key: str, now: Any) -> str:
    last = study.amendments.filter(what=key).order_by("-number").select_related("by").first()
    label = label_of(key)
    if last is None:
        return f"{label} is {told(now)!r} now, which is not what your change was based on; look at it again"
    who = f"the account {last.by}" if last.by else "a command"
    return (
        f"{who} changed {label} meanwhile (amendment {last.number}, {last.at:%H:%M} UTC: {last.reason}) from "
        f"“{told(last.before)}” to “{told(last.after)}”; look at it, and amend again if you still want to"
    )


def _check(study: Study, texts: Mapping[str, StudyText], changes: Iterable[str]) -> None:
    """Raises DuetError naming the fields that cannot be like that."""
    targets = [Target.of(key) for key in changes]
    wrong: dict[str, str] = {}
    for language, row in {"": study, **texts}.items():
        mine = {target.name for target in targets if target.language == language}
        rest = [field.name for field in row._meta.fields if field.name not in mine]
        try:
            row.clean_fields(exclude=rest)
        except ValidationError as error:
            labels = {name: Target(name, language).label for name in error.message_dict}
            wrong |= {labels[name]: " ".join(lines) for name, lines in error.message_dict.items()}
    if any(target.name in PLAN for target in targets):
        plan = analysis_plan.problems(study, analysis_plan.pairs_of(study))
        wrong |= {Target(name).label: words for name, words in plan.items()}
    if wrong:
        raise DuetError("; ".join(f"{name}: {words}" for name, words in wrong.items()))


def _save(study: Study, texts: Mapping[str, StudyText], changes: Iterable[str]) -> None:
    targets = [Target.of(key) for key in changes]
    study.save(update_fields=[target.name for target in targets if not target.language])
    for language, row in texts.items():
        names = [target.name for target in targets if target.language == language]
        if names:
            row.save(update_fields=names)
    try:
        check_texts(study)
    except NotReady as error:
        raise DuetError(str(error)) from None


def _stored(what: str, value: Any) -> Any:
    # Amendments are published with every dataset; the chain then says that a code changed, not to what.
    if what in SECRET and value:
        return KEPT_BACK
    return json.loads(json.dumps(value, default=as_json))
