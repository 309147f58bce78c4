"""The facts of a piece."""

import json
from dataclasses import asdict, replace

import pytest

from generation.world import GENRES, facts, plan
from generation.world.facts import onsets_s
from generation.world.music import events


def test_onset_rates_of_the_sections_add_up_to_that_of_the_piece() -> None:
    for seed in range(20):
        piece = plan(seed, duration_s=15.0)
        known = facts(piece)
        lengths = [section.frames / 50 for section in piece.sections]
        summed = sum(rate * length for rate, length in zip(known.section_onset_rates_hz, lengths, strict=True))
        assert summed == pytest.approx(known.onset_rate_hz * 15.0)
        assert known.cuts_s == piece.cuts_s


def test_notes_that_begin_together_are_one_onset() -> None:
    piece = plan(3, genre=GENRES[3])
    assert len(onsets_s(piece)) < len(list(events(piece)))
    assert list(onsets_s(piece)) == sorted({event.start / 50 for event in events(piece)})


def test_busier_sections_have_more_onsets() -> None:
    for genre in GENRES:
        piece = plan(8, genre=genre)
        rates = [
            facts(replace(piece, sections=tuple(replace(s, density=d) for s in piece.sections))).onset_rate_hz
            for d in range(3)
        ]
        assert rates[0] < 0.8 * rates[1] < 0.8 * 0.9 * rates[2]


def test_facts_are_written_as_json() -> None:
    known = json.loads(json.dumps(asdict(facts(plan(5, genre=GENRES[2], hue=4, brightness=2)))))
    assert (known["genre"], known["tonic"], known["mode"], known["brightness"]) == ("Reggae", 9, "minor", 2)
