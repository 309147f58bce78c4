"""A checked archive's lines back into rows, all of them or none: call inside one transaction."""

from __future__ import annotations

import json
import re
import secrets
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import DatabaseError
from django.db.models import F, Model, Sum
from pydantic import TypeAdapter

from studyapp.archive import matching
from studyapp.archive.checking import Archive
from studyapp.archive.columns import BadArchive, Kind
from studyapp.archive.tables import ARCHIVED_BY, TABLES, Table
from studyapp.models import (
    Amendment,
    AuditLine,
    Erasure,
    Invitation,
    Participant,
    Rater,
    Response,
    StimulusHold,
    Study,
    StudySession,
    SystemPair,
    User,
)
from studyapp.plan.amendable import Target
from studyapp.plan.amendments import change_in_words
from studyapp.plan.analysis_plan import pairs_problem
from studyapp.plan.balance import Balance
from studyapp.plan.sampling import DesignSummary
from studyapp.states import StudyState

READ_BACK = (StudyState.CLOSED, StudyState.ARCHIVED)
"""Studies of these states are archived and read back: nothing is added to their evidence any more."""
_AT_ONCE = 2000
_SUMMARY = TypeAdapter(DesignSummary)
_BALANCE = TypeAdapter(Balance)
_PSEUDONYM = re.compile("[rs][0-9a-f]{16}")

Fields = dict[str, Any]


class Reading:
    """One archive on its way into the database; ``keys`` are the new ones of each table's lines, 8 bytes each."""

    def __init__(self, archive: Archive, *, by: User, slug: str) -> None:
        self._archive = archive
        self._by = by
        self._slug = slug
        self._study: Study | None = None
        self._new_stimuli: set[int] = set()
        self.keys: dict[str, array[int]] = {}

    def run(self) -> Study:
        """Store everything. Raises BadArchive, and the caller's transaction must then be rolled back."""
        special: Mapping[str, Callable[[Table], None]] = {
            "systems": lambda table: self._each(table, lambda row: matching.system(row).pk),
            "clips": lambda table: self._each(table, lambda row: matching.clip(row).pk),
            "study": self._make_study,
            "stimuli": lambda table: self._each(table, self._stimulus),
            "pairs": lambda table: self._store(table, _pair),
            "sessions": self._sessions,
            "holds": self._holds,
            "amendments": lambda table: self._store(table, _amendment),
            "audit_lines": self._audit_lines,
            "erasures": lambda table: self._store(
                table, lambda **fields: Erasure(**fields, receipt_sha256=secrets.token_hex(32))
            ),
        }
        for table in TABLES.values():
            self.keys[table.name] = array("q")
            try:
                special.get(table.name, self._store)(table)
            except (DatabaseError, ValidationError, ValueError, TypeError, OverflowError) as error:
                told = "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)
                raise BadArchive(f"{table.file} breaks a rule of the database: {told[:200]}") from error
        study = self.study
        self._must_agree(study)
        matching.place_media(self._archive, self.keys["clips"], self.keys["stimuli"])
        return study

    @property
    def study(self) -> Study:
        if self._study is None:
            raise BadArchive("the table of the study is empty; the file was changed, fetch it again")
        return self._study

    def _rows(self, table: Table) -> Iterator[tuple[int, Mapping[str, Any]]]:
        number = 0
        for number, row in enumerate(self._archive.lines(table), start=1):
            yield number, row
        if number != self._archive.manifest.rows[table.name]:
            raise BadArchive(
                f"{table.file} has {number} lines, its list says {self._archive.manifest.rows[table.name]}"
            )

    def _fields(self, table: Table, number: int, row: Mapping[str, Any]) -> Fields:
        """A row as fields of the model: references become keys, names of users stay out."""
        fields: Fields = {}
        for column in table.columns:
            value = row[column.name]
            if column.kind == Kind.REFERENCE:
                key = None if value is None else self._key(column.to, value, table, number)
                fields[f"{column.name}_id"] = key
            elif column.kind == Kind.REFERENCES:
                fields[column.name] = [self._key(column.to, one, table, number) for one in value]
            elif not column.source.endswith("__username"):
                fields[column.name] = value
        return fields

    def _key(self, to: str, line: int, table: Table, number: int) -> int:
        keys = self.keys[to]
        if not 1 <= line <= len(keys):
            raise BadArchive(f"{table.file}, line {number} refers to line {line} of {to}, which is not there")
        return keys[line - 1]

    def _store(self, table: Table, make: Callable[..., Model] | None = None) -> None:
        """A table's rows, some thousand at once; a row that refers to one just before it waits for its key."""
        names = {field.name for field in table.model._meta.get_fields()}
        of_study = {"study": self.study} if "study" in names else {}
        make = make or table.model
        own, waiting = self.keys[table.name], list[Model]()

        def store() -> None:
            own.extend(one.pk for one in table.model._default_manager.bulk_create(waiting))
            waiting.clear()

        for number, row in self._rows(table):
            to_own = [row[column.name] or 0 for column in table.columns if column.to == table.name]
            if len(waiting) >= _AT_ONCE or max(to_own, default=0) > len(own):
                store()
            waiting.append(make(**self._fields(table, number, row), **of_study))
        store()

    def _each(self, table: Table, key_of: Callable[[Fields], int]) -> None:
        """Rows that may be here already, one by one."""
        for number, row in self._rows(table):
            self.keys[table.name].append(key_of(self._fields(table, number, row)))

    def _stimulus(self, fields: Fields) -> int:
        stimulus, made = matching.stimulus(fields)
        if made:
            self._new_stimuli.add(stimulus.pk)
        return stimulus.pk

    def _make_study(self, table: Table) -> None:
        for number, row in self._rows(table):
            if number > 1:
                raise BadArchive(f"{table.file} holds more than one study; the file was changed, fetch it again")
            fields = self._fields(table, number, row)
            if fields["state"] not in READ_BACK:
                raise BadArchive(f"the study in it is {fields['state']}; closed and archived ones are read")
            made_at: datetime = fields.pop("created_at")
            study = Study(**{**fields, "slug": self._slug}, created_by=self._by)
            _must_be_readable(study)
            study.full_clean(validate_constraints=False)
            study.save(force_insert=True)
            Study.objects.filter(pk=study.pk).update(created_at=made_at)
            chosen = self._archive.lines(TABLES["clips"])
            study.clips.set(key for key, clip in zip(self.keys["clips"], chosen, strict=True) if clip["chosen"])
            self.keys[table.name].append(study.pk)
            self._study = study

    def _sessions(self, table: Table) -> None:
        """Each with a rater of its own, who keeps the pseudonyms that they had, and how they came."""
        known: set[str] = set()
        waiting: list[tuple[StudySession, str]] = []

        def store() -> None:
            sessions = [session for session, _ in waiting]
            Rater.objects.bulk_create(session.rater for session in sessions)
            self.keys[table.name].extend(one.pk for one in StudySession.objects.bulk_create(sessions))
            Participant.objects.bulk_create(_participant(one) for one, came in waiting if came == "panel")
            Invitation.objects.bulk_create(_invitation(one) for one, came in waiting if came == "invitation")
            waiting.clear()

        for number, row in self._rows(table):
            fields = self._fields(table, number, row)
            names = fields.pop("rater_id"), fields.pop("session_id")
            if known.intersection(names) or not all(map(_PSEUDONYM.fullmatch, names)):
                raise BadArchive(f"{table.file}, line {number}: {names} are no pseudonyms, or there twice")
            known.update(names)
            if len(waiting) >= _AT_ONCE:
                store()
            came = fields.pop("recruited_by")
            session = StudySession(
                **fields, study=self.study, rater=Rater(), archived_rater=names[0], archived_session=names[1]
            )
            waiting.append((session, came))
        store()

    def _holds(self, table: Table) -> None:
        """Of a stimulus that was here before, only what keeps it from raters now, and is not here yet."""
        for number, row in self._rows(table):
            fields = self._fields(table, number, row)
            lifted = fields["lifted_at"] is not None
            if fields["stimulus_id"] not in self._new_stimuli:
                open_here = StimulusHold.objects.filter(stimulus=fields["stimulus_id"], lifted_at=None)
                if lifted or open_here.exists():
                    continue
            StimulusHold.objects.create(**fields, lifted_by=self._by if lifted else None)

    def _audit_lines(self, table: Table) -> None:
        """Who acted is a name in the details: the account of that name here may be somebody else's."""
        waiting: list[tuple[AuditLine, datetime]] = []

        def store() -> None:
            lines = AuditLine.objects.bulk_create(line for line, _ in waiting)
            for line, (_, at) in zip(lines, waiting, strict=True):
                line.at = at
            AuditLine.objects.bulk_update(lines, ["at"])
            waiting.clear()

        for number, row in self._rows(table):
            fields = self._fields(table, number, row)
            who = {ARCHIVED_BY: fields["by"]} if fields["by"] else {}
            if len(waiting) >= _AT_ONCE:
                store()
            line = AuditLine(verb=fields["verb"], study=self.study, details={**fields["details"], **who})
            waiting.append((line, fields["at"]))
        store()

    def _must_agree(self, study: Study) -> None:
        """What no constraint of the database says: answers belong to the block that their session took."""
        foreign = Response.objects.filter(session__study=study).exclude(trial__block=F("session__block"))
        counted = study.sessions.aggregate(answers=Sum("answer_count"))["answers"] or 0
        if foreign.exists() or counted != len(self.keys["responses"]):
            raise BadArchive("answers and sessions in it do not agree; the file was changed, fetch it again")


def _must_be_readable(study: Study) -> None:
    """Raises ValueError where a page could not show the study's plan or its design's counts."""
    if wrong := pairs_problem(study.primary_pairs):
        raise ValueError(f"primary_pairs: {wrong}")
    summary: dict[str, Any] = dict(study.design_summary)
    if not summary:
        return
    balance, _ = summary.pop("balance", None), summary.pop("inputs_sha256", "")
    _SUMMARY.validate_json(json.dumps(summary), strict=True)
    if balance is not None:
        _BALANCE.validate_json(json.dumps(balance), strict=True)


def _amendment(**fields: Any) -> Amendment:
    """Raises ValidationError, ValueError or TypeError where its values are none that its field could have had."""
    amendment = Amendment(**fields)
    change_in_words(amendment)
    with suppress(FieldDoesNotExist):
        target = Target.of(amendment.what)
        for value in (amendment.before, amendment.after):
            target.read(value)
    return amendment


def _pair(**fields: Any) -> SystemPair:
    """In the order that this database calls canonical; the study's comparisons keep their own."""
    first, second = sorted((fields["system_1_id"], fields["system_2_id"]))
    return SystemPair(**{**fields, "system_1_id": first, "system_2_id": second})


def _participant(session: StudySession) -> Participant:
    """Somebody whom a panel sent: that they came so is all that is known."""
    return Participant(
        study=session.study,
        panel=session.study.panel,
        digest=secrets.token_hex(32),
        rater=session.rater,
        arrived_at=session.consented_at,
        purged_at=session.consented_at,
    )


def _invitation(session: StudySession) -> Invitation:
    """Somebody who was invited; the code is nobody's."""
    return Invitation(
        study=session.study, digest=secrets.token_hex(32), rater=session.rater, used_at=session.consented_at
    )
