"""What a study tells its raters, in one language: the text of consent, what goes with it, and its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal
from statistics import median

from django.db.models import Avg, F
from django.utils import translation
from django.utils.translation import gettext

from studyapp.admission import settings_of
from studyapp.languages import LANGUAGES
from studyapp.models import Study, StudySession
from studyapp.models.briefing import CONSENT_TEXT, INSTRUCTIONS
from studyapp.overview import minutes_for
from studyapp.screening.steps import Step
from studyapp.screening.understanding import UnderstandingQuestion, own_questions, parse
from studyapp.states import SessionState

FEWEST_MEASURED = 5
"""So many completed sessions make a median worth telling."""
_LATEST = 200
# Until they are measured: reading, and six sounds of four seconds with an answer each.
_STEP_S = {
    Step.BACKGROUND: 30.0,
    Step.DEVICE: 60.0,
    Step.ANTIPHASE: 60.0,
    Step.HUGGINS: 60.0,
    Step.UNDERSTANDING: 40.0,
}


@dataclass(frozen=True, slots=True)
class Briefing:
    """Everything the consent page tells beside the time, which changes as it is measured."""

    language: str
    version: str
    consent_text: str
    instructions: str
    responsible: str
    contact: str
    ethics_number: str
    data_kept: str
    kept_for: str
    pay: str

    @property
    def sha256(self) -> str:
        text = json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Duration:
    """How long taking part takes. ``measured`` raters were timed; 0 means that it is reckoned from the clips."""

    minutes: int
    measured: int


def languages_of(study: Study) -> Sequence[tuple[str, str]]:
    """Those that the study's texts are written in, code and name, its own first."""
    names = dict(LANGUAGES)
    written = [study.language, *study.texts.values_list("language", flat=True)]
    return [(code, names[code]) for code in dict.fromkeys(written)]


def briefing(study: Study, language: str) -> Briefing:
    """The study's texts in one of its languages; in its own where it has none in that one."""
    other = None if language == study.language else study.texts.filter(language=language).first()
    source = other or study
    return Briefing(
        language=other.language if other else study.language,
        version=study.consent_version,
        consent_text=source.consent_text,
        instructions=source.instructions,
        responsible=study.responsible,
        contact=study.contact,
        ethics_number=study.ethics_number,
        data_kept=source.data_kept,
        kept_for=source.kept_for,
        pay=pay_in_words(study),
    )


def questions(study: Study, language: str) -> tuple[UnderstandingQuestion, ...]:
    """What is asked about the instructions in one language; Duet's own where the researcher wrote nothing."""
    other = None if language == study.language else study.texts.filter(language=language).first()
    text = (other or study).understanding_text
    if text.strip():
        return parse(text)
    with translation.override(language):
        return own_questions()


def own_texts(language: str) -> dict[str, str]:
    """Duet's own texts in a language, for studies that leave them as they are."""
    with translation.override(language):
        return {"consent_text": gettext(CONSENT_TEXT), "instructions": gettext(INSTRUCTIONS)}


def consent_record(study: Study) -> list[dict[str, str]]:
    """What raters were told, in every language, with the digest that their sessions carry."""
    told = [briefing(study, code) for code, _ in languages_of(study)]
    return [{**asdict(one), "sha256": one.sha256} for one in told]


def pay_in_words(study: Study) -> str:
    return "" if study.pay is None else f"{study.pay:.2f} {study.pay_currency}"


def pay_an_hour(study: Study, duration: Duration) -> Decimal | None:
    """What the pay comes to for an hour at that pace."""
    if study.pay is None or not duration.minutes:
        return None
    return (study.pay * 60 / duration.minutes).quantize(Decimal("0.01"))


def expected_duration(study: Study, trials: int) -> Duration:
    """From agreeing to the end: the median of the last who finished; an estimate before there are enough."""
    finished = StudySession.objects.filter(study=study, state=SessionState.COMPLETED, simulated=False)
    spans = finished.annotate(span=F("completed_at") - F("consented_at")).order_by("-completed_at")
    measured = [span / timedelta(minutes=1) for span in spans.values_list("span", flat=True)[:_LATEST]]
    if len(measured) >= FEWEST_MEASURED:
        return Duration(max(1, round(median(measured))), len(measured))
    mean_s = study.clips.aggregate(mean=Avg("duration_s"))["mean"] or 0.0
    before_s = sum(_STEP_S[step] for step in settings_of(study).steps)
    return Duration(minutes_for(trials, mean_s, before_s=before_s), 0)
