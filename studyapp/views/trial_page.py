"""What the template rater/trial.html is given, for raters and for a researcher's preview alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext

from studyapp.events import Played
from studyapp.models import Trial
from studyapp.presentation import LETTERS, SIDES, Presented, Side
from studyapp.questions import SCALE, WORDINGS, Question

# Nothing of a video came for so long, three times over: it will not come.
STALL_AFTER_S = 15.0


@dataclass(frozen=True, slots=True)
class PlayerPart:
    """One version as the page shows it. ``played`` when it counts as heard already, after a reload."""

    side: Side
    letter: str
    source: str
    bytes: int
    first: bool
    played: bool


@dataclass(frozen=True, slots=True)
class PointPart:
    value: int
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class QuestionPart:
    """One question with its five points."""

    name: str
    text: str
    note: str
    points: tuple[PointPart, ...]


@dataclass(frozen=True, slots=True)
class PreviewLinks:
    """Where a researcher's preview goes; empty where there is nowhere to go."""

    previous: str
    next: str
    back: str


def trial_context(
    trial: Trial,
    *,
    place: int,
    total: int,
    sources: Presented[str],
    needed: float,
    played: Played | None = None,
    elapsed_s: float = 0.0,
    answer_url: str = "",
    events_url: str = "",
    void_url: str = "",
    tabs: str = "",
    proof: str = "",
    order: Sequence[Question] = tuple(Question),
    preload: tuple[str, ...] = (),
    chosen: Mapping[str, int] | None = None,
    error: str = "",
    leave_url: str = "",
    preview: PreviewLinks | None = None,
) -> dict[str, Any]:
    """Context of rater/trial.html.

    sources: addresses of the two videos. needed: share of each to be played before answers unlock; 0 opens them
    at once. order: which question stands first. proof: signature of this showing. played, elapsed_s: what the
    server knows from before a reload. With ``preview`` nothing is stored: the page has a bar with its links, sends
    no events, and its button leads on. tabs: what tabs of one study have in common, so that a second one is told.

    A researcher's preview: ``render(request, "rater/trial.html", trial_context(trial, place=3, total=20,
    sources=staff_sources(trial), needed=0.0, preview=PreviewLinks(previous=…, next=…, back=…)))``, with the trial
    loaded with its comparison and clip.
    """
    shares = played.shares if played else Presented(0.0, 0.0)
    stretches = played.stretches if played else Presented((), ())
    second: Side = "right" if trial.played_first == "left" else "left"
    clip = trial.comparison.clip
    return {
        "place": place,
        "total": total,
        "training": trial.kind == Trial.Kind.TRAINING,
        "width": clip.width,
        "height": clip.height,
        "players": [
            PlayerPart(
                side=side,
                letter=LETTERS[side],
                source=source,
                bytes=trial.stimulus_on(side).file_bytes or 0,
                first=side == trial.played_first,
                played=share >= needed - 1e-9,
            )
            for side, source, share in zip(SIDES, sources, shares, strict=True)
        ],
        "questions": question_parts(chosen or {}, order),
        "sides": [(side, LETTERS[side]) for side in SIDES],
        "proof": proof,
        "answer_url": answer_url,
        "error": error,
        "leave_url": leave_url,
        "preview": preview,
        # Read by js/rater/trial.js.
        "config": {
            "token": trial.token,
            "needed": needed,
            "first": trial.played_first,
            "second": second,
            "elapsed": elapsed_s,
            "duration": clip.duration_s,
            "stretches": dict(zip(SIDES, stretches, strict=True)),
            "eventsUrl": events_url,
            "voidUrl": void_url,
            "proof": proof,
            "preload": preload,
            "stallAfter": STALL_AFTER_S,
            "tabs": tabs,
            "texts": texts(),
            "preview": preview is not None,
            "nextUrl": preview.next or preview.back if preview else "",
        },
    }


def staff_sources(trial: Trial) -> Presented[str]:
    """Addresses of a trial's videos for whoever may work in the admin."""
    return Presented(*(reverse("staff-media", args=[trial.token, LETTERS[side].lower()]) for side in SIDES))


def question_parts(chosen: Mapping[str, int], order: Sequence[Question]) -> list[QuestionPart]:
    """The questions with their points, in the order in which this rater is asked them."""
    return [
        QuestionPart(
            name=Question(wording.question).value,
            text=gettext(wording.text),
            note=gettext(wording.note),
            points=tuple(
                PointPart(value, gettext(label), chosen.get(wording.question) == value) for value, label in SCALE
            ),
        )
        for wording in sorted(WORDINGS, key=lambda wording: order.index(wording.question))
    ]


def texts() -> dict[str, str]:
    """What the page's scripts say, in the rater's language; {names} in braces are filled by the scripts."""
    return {
        "loading": gettext("Getting both videos ready…"),
        "waiting": gettext("No connection. The videos go on loading when it is back."),
        "playFirst": gettext("Play {letter} to the end."),
        "playNext": gettext("Good. Now play {letter} to the end."),
        "lockedOrder": gettext("Play {first} to the end first; then {second} opens."),
        "answer": gettext("Now answer both questions. You may replay, and switch between A and B."),
        "skipped": gettext("A part of {letter} was skipped. Please play it once more, to the end."),
        "blocked": gettext("Your browser wants one more click: press Play {letter} again."),
        "silent": gettext("The sound is off. Please turn it on: only what you can hear counts."),
        "play": gettext("Play {letter}"),
        "pause": gettext("Pause {letter}"),
        "replay": gettext("Replay {letter}"),
        "playing": gettext("Playing"),
        "done": gettext("Played"),
        "switchTo": gettext("Switch to {letter}"),
        "failed": gettext("This video cannot be shown."),
        "void": gettext("This comparison is left out, and that is not your fault. Here comes the next one."),
        "retrying": gettext("No connection. Trying again…"),
        "kept": gettext(
            "No connection. Your answer is kept on this device and sent as soon as the connection is back."
        ),
        "notUnderstood": gettext("The server did not understand this page. Please reload it."),
    }
