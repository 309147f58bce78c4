"""A study's texts in further languages: written while it is a draft, complete when it opens."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from studyapp.actions.designs import lock_draft
from studyapp.errors import DuetError, NotReady
from studyapp.models import AuditLine, Study, StudyText, User
from studyapp.screening.understanding import parse


@transaction.atomic
def write_text(*, study: Study, language: str, by: User | None, **texts: str) -> StudyText:
    """Write or replace the texts of one language. Raises WrongState once the study is open, or DuetError."""
    draft = lock_draft(study, "only a draft's texts can be changed")
    if language == draft.language:
        raise DuetError(f"the study's own texts are in {draft.get_language_display()}; change them there")
    text = StudyText.objects.filter(study=draft, language=language).first()
    text = text or StudyText(study=draft, language=language)
    for name, words in texts.items():
        setattr(text, name, words)
    try:
        text.full_clean()
    except ValidationError as error:
        wrong = "; ".join(f"{name}: {' '.join(lines)}" for name, lines in error.message_dict.items())
        raise DuetError(f"the texts cannot be like that: {wrong}") from None
    text.save()
    AuditLine.write("texts written", by=by, study=draft, language=language)
    return text


@transaction.atomic
def remove_text(*, text: StudyText, by: User | None) -> None:
    """Offer the study in this language no more. Raises WrongState once the study is open."""
    lock_draft(text.study, "only a draft's texts can be removed")
    AuditLine.write("texts removed", by=by, study=text.study, language=text.language)
    text.delete()


def check_texts(study: Study) -> None:
    """Raise NotReady where a language lacks what the study's own texts have: raters must be told the same."""
    own = parse(study.understanding_text)
    for text in study.texts.all():
        missing = [
            words
            for name, words in (("data_kept", "what is kept"), ("kept_for", "for how long it is kept"))
            if getattr(study, name) and not getattr(text, name)
        ]
        other = parse(text.understanding_text)
        if [len(question.options) for question in own] != [len(question.options) for question in other]:
            missing.append("questions about the instructions like the study's own, with as many answers")
        if missing:
            raise NotReady(f"the texts in {text.get_language_display()} lack {' and '.join(missing)}; write them")
