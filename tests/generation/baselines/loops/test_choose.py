from __future__ import annotations

from pathlib import Path

import pytest

from generation.baselines.loops.choose import STRETCH, choose, fits
from generation.baselines.loops.library import Loop, read_loops


def loop(name: str, role: str, bpm: float, key: str, *tags: str) -> Loop:
    return Loop(Path(name), tags, role, bpm, key, 1, "CC0")


DISCO = (
    loop("disco drums", "drums", 118, "", "disco", "party"),
    loop("disco bass", "bass", 118, "A minor", "disco", "party"),
    loop("disco chords", "chords", 118, "A minor", "disco", "party"),
)
CHOIR = (
    loop("choir chords", "chords", 60, "A minor", "choir", "calm"),
    loop("choir lead", "lead", 60, "C major", "choir", "calm"),
)


def near(*tags: str):  # type: ignore[no-untyped-def]
    return lambda tag: 0.8 if tag in tags else 0.1


def test_the_tempo_and_key_whose_tags_are_nearest_is_taken() -> None:
    party, calm = (choose(DISCO + CHOIR, near(word), seed=0) for word in ("party", "calm"))
    assert (party.bpm, party.key, set(party.loops)) == (118, "A minor", {"drums", "bass", "chords"})
    assert (calm.bpm, set(calm.loops)) == (60, {"chords", "lead"})


def test_a_role_is_borrowed_within_the_stretch_and_the_same_notes_only() -> None:
    slowest = 118 / (1 + STRETCH) + 0.1
    places = {"near": (slowest, "C major"), "slow": (100, "C major"), "off": (118, "E major")}
    lead = {name: loop(name, "lead", bpm, key, "party") for name, (bpm, key) in places.items()}
    assert choose((*DISCO, *lead.values()), near("disco"), 0).loops["lead"] == lead["near"]
    assert "lead" not in choose((*DISCO, lead["slow"], lead["off"]), near("disco"), 0).loops
    assert fits(DISCO[0], 118, 5)


def test_nothing_is_borrowed_that_has_no_tag_in_common() -> None:
    stranger = loop("stranger", "lead", 120, "A minor", "rain")
    assert "lead" not in choose((*DISCO, stranger), near("disco", "rain"), 0).loops


def test_loops_of_the_chosen_tempo_come_before_borrowed_ones_that_lie_nearer() -> None:
    plain = loop("plain", "bass", 118, "A minor", "disco")
    chords = loop("rich", "chords", 118, "A minor", "disco", "party", "dance")
    borrowed = loop("borrowed", "bass", 120, "A minor", "disco", "party", "rain")
    chosen = choose((borrowed, plain, chords), near("disco", "party", "dance"), 0)
    assert (chosen.bpm, chosen.loops["bass"]) == (118, plain)


def test_seeds_differ_among_equals_and_one_seed_is_always_the_same() -> None:
    other = loop("other drums", "drums", 118, "", "disco", "party")
    loops = (*DISCO, other)
    taken = {choose(loops, near("disco"), seed).loops["drums"].path.name for seed in range(20)}
    assert taken == {"disco drums", "other drums"}
    assert choose(loops, near("disco"), 7) == choose(loops, near("disco"), 7)
    chosen = choose(loops, near("disco"), 7)
    assert chosen.fill is not None
    assert chosen.fill != chosen.loops["drums"]


def test_drums_alone_are_music_too() -> None:
    chosen = choose(DISCO[:1], near("disco"), 0)
    assert (chosen.key, chosen.fill, set(chosen.loops)) == ("", None, {"drums"})


@pytest.mark.parametrize("bpm", sorted({loop.bpm for loop in read_loops("")}))
def test_every_shipped_tempo_has_a_band(bpm: float) -> None:
    loops = read_loops("")
    elsewhere = {tag for each in loops if each.bpm != bpm for tag in each.tags}
    chosen = choose(loops, near(*{tag for each in loops for tag in each.tags} - elsewhere), 0)
    assert chosen.bpm == bpm
    assert {"drums", "bass", "chords"} <= set(chosen.loops)
    assert {each.bpm for role, each in chosen.loops.items() if role in ("drums", "bass", "chords")} == {bpm}
