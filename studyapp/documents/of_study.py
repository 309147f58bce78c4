"""The document of a study that is there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from studyapp.documents.schema import (
    SYSTEM_FIELDS,
    TEXT_SETTINGS,
    ClipEntry,
    Pairs,
    StudyDocument,
    SystemEntry,
    TextEntry,
    settings,
)
from studyapp.models import Study, System


def document_of(study: Study, *, codes: bool = False) -> StudyDocument:
    """Everything a researcher set. codes: with completion codes and the panel's address of return.

    Systems come in canonical order, so that a Duet without them makes them in it and draws the same design.
    """
    pairs = list(study.pairs.select_related("system_1", "system_2"))
    rows = {row.pk: row for pair in pairs for row in (pair.system_1, pair.system_2)}
    rows |= {row.pk: row for name in SYSTEM_FIELDS if (row := getattr(study, name)) is not None}
    slugs = {row.slug for row in rows.values()}
    named = {setting.field: _plain(study, setting.field) for _, setting in settings() if codes or not setting.code}
    # A pair that the study no longer has cannot be among its primary ones.
    named["primary_pairs"] = [list(pair) for pair in study.primary_pairs if slugs.issuperset(pair)]
    return StudyDocument(
        title=study.title,
        slug=study.slug,
        language=study.language,
        made_from=study.template,
        systems=tuple(_system(rows[pk]) for pk in sorted(rows)),
        pairs=Pairs(
            listed=tuple(
                (pair.system_1.slug, pair.system_2.slug)
                for pair in sorted(pairs, key=lambda pair: (pair.system_1_id, pair.system_2_id))
            )
        ),
        clips=tuple(
            ClipEntry(*row)
            for row in study.clips.order_by("dataset", "clip_id").values_list(
                "dataset", "clip_id", "master_sha256"
            )
        ),
        settings=named,
        texts=tuple(
            TextEntry(text.language, {setting.field: getattr(text, setting.field) for setting in TEXT_SETTINGS})
            for text in study.texts.order_by("language")
        ),
    )


def _system(row: System) -> SystemEntry:
    return SystemEntry(row.slug, row.key, row.preset, dict(row.settings), row.label)


def _plain(study: Study, name: str) -> Any:
    value = getattr(study, name)
    if isinstance(value, System):
        return value.slug
    if isinstance(value, Decimal):
        # A row that was not read back yet holds what it was given.
        return value.quantize(Decimal("0.01"))
    return value
