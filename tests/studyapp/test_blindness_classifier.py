"""Over a whole study, all that browsers are told helps nobody to guess the system; a leak planted on purpose does.

``guesser`` says how it guesses. The study's sides, the folds and the permutations are seeded; tokens, signatures
and times are real and differ at every run. So a first alarm, which chance raises in 1 run of 100, is checked on a
second study with other sides, tokens and times: a leak is there again, chance in 1 run of 10,000.

Power, on 112 trials (224 presentations of a side): one number that tells the system in 85 % of the trials and lies
in the rest was found in 100 of 100 simulations, in 80 % in 98, in 75 % in 72, in 70 % in 31.

These are Django's own replies. What nginx adds to them is in tests/services/test_nginx.py.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from analysis import design
from studyapp.models import Block, Stimulus, Study, Trial
from tests.studyapp import guesser
from tests.studyapp.factories import open_study, sha
from tests.studyapp.walk import Asking, Exchange, Walk

ALPHA = 0.01
PERMUTATIONS = 499
RATERS = 8
CLIPS = 14
ASKING: tuple[Asking, ...] = (
    ("GET", {}),
    ("HEAD", {}),
    ("GET", {"Range": "bytes=-64"}),
    # A server that knows a date or a tag of the file answers this with 304.
    ("GET", {"If-None-Match": "*", "If-Modified-Since": "Sun, 06 Nov 2044 08:49:37 GMT"}),
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is not told: the system of the version asked for, and of the left one; and the trial's token."""

    system: int
    on_left: int
    token: str


@dataclass(frozen=True, slots=True)
class TakenIn:
    """One trial: all that came in for it, and what the guesser is not told."""

    exchanges: Sequence[Exchange]
    token: str
    left_is_1: bool
    rater: int
    clip: int


Leak = Callable[[Exchange, Facts], Exchange]


@functools.cache
def study_taken_in(seed: int) -> tuple[TakenIn, ...]:
    """A study with sides and order as the design draws them, and every rater's way through it.

    Kept, for a walk takes seconds; needs the database the first time. Scripts, styles and the font are left out:
    they are the same files for every trial.
    """
    study = _study_as_designed(seed)
    trials = list(Trial.objects.filter(block__study=study).select_related("comparison"))
    got: dict[str, list[Exchange]] = {trial.token: [] for trial in trials}
    for _ in range(RATERS):
        walk = Walk(study, asking=ASKING)
        walk.to_the_end()
        for exchange in walk.exchanges:
            token = _token(exchange)
            if token:
                got[token].append(exchange)
    return tuple(
        TakenIn(got[trial.token], trial.token, trial.left_is_1, trial.block_id, trial.comparison.clip_id)
        for trial in trials
    )


def _study_as_designed(seed: int) -> Study:
    study = open_study(clips=CLIPS, blocks=0)
    rng = random.Random(seed)
    comparisons = {row.clip.clip_id: row for row in study.comparisons.select_related("clip")}
    for number, row in enumerate(comparisons.values()):
        for stimulus in (row.stimulus_1, row.stimulus_2):
            # Rendering makes the files of one clip equally large.
            content = rng.randbytes(3000 + 128 * number)
            stimulus.path.write_bytes(content)
            Stimulus.objects.filter(pk=stimulus.pk).update(file_bytes=len(content), file_sha256=sha(content))
    planned = design.plan(
        [design.PlannedComparison(clip_id, row.clip.genre, "1", "2") for clip_id, row in comparisons.items()],
        ratings_per_comparison=RATERS,
        trials_per_block=CLIPS,
        seed=seed,
    )
    for number, shown in enumerate(planned.blocks, start=1):
        block = Block.objects.create(study=study, number=number)
        Trial.objects.bulk_create(
            Trial(
                block=block,
                position=position,
                comparison=comparisons[planned.comparisons[trial.comparison].clip_id],
                left_is_1=trial.left_is_1,
                played_first=trial.played_first,
            )
            for position, trial in enumerate(shown.trials, start=1)
        )
    return study


def _token(got: Exchange) -> str | None:
    """The trial that a reply belongs to."""
    named = re.search(r"/(?:m|trial)/([\w-]+)/", got.address) or re.search(r'"token": "([\w-]+)"', got.text)
    return named[1] if named else None


def guessed(trials: Sequence[TakenIn], leak: Leak | None = None) -> guesser.Guess:
    """How well the systems are guessed, when every reply went through ``leak`` on its way to the browser."""
    received = [[leak(got, _facts(trial, got)) if leak else got for got in trial.exchanges] for trial in trials]
    return guesser.guess(
        guesser.features(received),
        np.array([1 if trial.left_is_1 else -1 for trial in trials]),
        [trial.rater for trial in trials],
        [trial.clip for trial in trials],
        permutations=PERMUTATIONS,
        seed=1,
    )


def _facts(trial: TakenIn, got: Exchange) -> Facts:
    on_left, on_right = (1, 2) if trial.left_is_1 else (2, 1)
    return Facts(on_right if guesser.side_of(got) == "b" else on_left, on_left, trial.token)


def header_by_system(got: Exchange, facts: Facts) -> Exchange:
    return _with_header(got, "X-Cache", "HIT" if facts.system == 1 else "MISS")


def header_that_lies_in_one_of_ten(got: Exchange, facts: Facts) -> Exchange:
    lies = random.Random(facts.token).random() < 0.1
    return _with_header(got, "X-Cache", "HIT" if (facts.system == 1) != lies else "MISS")


def other_order_of_headers(got: Exchange, facts: Facts) -> Exchange:
    turned = got.is_video and facts.system == 1
    return replace(got, headers=tuple(reversed(got.headers))) if turned else got


def date_of_rendering(got: Exchange, facts: Facts) -> Exchange:
    """One system's files were all made before the other's."""
    made = random.Random(f"{facts.token} {facts.system}").randrange(60)
    return _with_header(got, "Last-Modified", f"Wed, 25 Nov 2026 {9 + facts.system:02}:{made:02}:00 GMT")


def three_bytes_longer(got: Exchange, facts: Facts) -> Exchange:
    """As the network shows it: the page does not say so."""
    if not got.is_video or facts.system == 1 or "-64" in got.asked:
        return got
    headers = tuple(
        (name, re.sub(r"\d+$", lambda size: str(int(size[0]) + 3), value)) if name in _SIZES else (name, value)
        for name, value in got.headers
    )
    return replace(got, headers=headers, body=got.body + b"..." * bool(got.body))


def digit_in_address(got: Exchange, facts: Facts) -> Exchange:
    if not got.is_video:
        return got
    return replace(got, address=got.address.replace(facts.token, f"{facts.token[:-1]}{facts.system}"))


def digit_in_trials_token(got: Exchange, facts: Facts) -> Exchange:
    told = f"{facts.token[:-1]}{facts.on_left}"
    address, body = got.address.replace(facts.token, told), got.body.replace(facts.token.encode(), told.encode())
    return replace(got, address=address, body=body)


def twenty_milliseconds(got: Exchange, facts: Facts) -> Exchange:
    late = got.is_video and got.asked.startswith("GET") and facts.system == 2
    return replace(got, seconds=got.seconds + 0.020) if late else got


LEAKS: Sequence[Leak] = (
    header_by_system,
    header_that_lies_in_one_of_ten,
    other_order_of_headers,
    date_of_rendering,
    three_bytes_longer,
    digit_in_address,
    digit_in_trials_token,
    twenty_milliseconds,
)
_SIZES = {"Content-Length", "Content-Range"}


def _with_header(got: Exchange, name: str, value: str) -> Exchange:
    return replace(got, headers=(*got.headers, (name, value))) if got.is_video else got


@pytest.mark.django_db
def test_what_browsers_are_told_over_a_whole_study_does_not_help_to_guess_the_system() -> None:
    trials = study_taken_in(1)
    assert len(trials) == RATERS * CLIPS
    # Page, videos, events, a refused answer and one that is saved.
    assert {len(trial.exchanges) for trial in trials} == {1 + 2 * len(ASKING) + 3}
    found = guessed(trials)
    if found.p <= ALPHA:
        again = guessed(study_taken_in(2))
        assert again.p > ALPHA, f"the systems can be guessed: {found}, and again {again}"


@pytest.mark.django_db
@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.__name__)
def test_a_leak_planted_on_purpose_is_found(leak: Leak) -> None:
    found = guessed(study_taken_in(1), leak)
    assert found.p <= ALPHA, found


def test_a_name_of_its_own_for_each_file_is_not_known_by_heart() -> None:
    """Which file is which can be learnt by whoever meets the clip again; the system on other clips cannot."""
    rng = np.random.default_rng(1)
    raters, clips = np.divmod(np.arange(RATERS * CLIPS), CLIPS)
    label = rng.choice([-1, 1], size=len(clips))
    table = np.where(clips[:, None] == np.arange(CLIPS), label[:, None], 0).astype(float)
    by_clip = guesser.guess(table, label, list(raters), list(clips), permutations=PERMUTATIONS, seed=1)
    known = guesser.guess(table, label, list(raters), list(range(len(clips))), permutations=PERMUTATIONS, seed=1)
    assert by_clip.p > 0.1
    assert known.p <= ALPHA
