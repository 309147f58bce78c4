from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from generation.baselines.loops.library import ROLES, check_sound, read_loops, signature
from generation.contracts import GenerationError
from generation.media.decode import write_wav

from .conftest import RATE_HZ, ROWS, tone, write_table

PITCHED_TEXTURES = ("funk-clav", "score-spiccato")


def test_a_table_becomes_loops(library: Path) -> None:
    beat, bass, keys = read_loops(str(library))
    assert (beat.key, beat.signature, beat.seconds) == ("", None, 2.0)
    assert (bass.tags, bass.role, bass.bpm, bass.licence) == (("techno", "dark"), "bass", 120.0, "CC0")
    assert bass.signature == keys.signature == 0
    assert keys.seconds == 4.0
    for loop in (beat, bass, keys):
        check_sound(loop)


@pytest.mark.parametrize(
    ("key", "same"),
    [("A minor", "C major"), ("Bb major", "G minor"), ("F# minor", "A major"), ("Db major", "Bb minor")],
)
def test_relative_keys_have_one_signature(key: str, same: str) -> None:
    assert signature(key) == signature(same)
    assert signature(key) != signature("E major")


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"file": "gone.wav"}, r"line 3 \(gone.wav\): there is no such file in mine"),
        ({"file": ""}, r"line 3 \(no file\): there is no such file"),
        ({"file": "../outside.wav"}, r"outside.wav\): there is no such file in mine"),
        ({"tags": " , "}, r"line 3 \(bass.wav\) has no tags"),
        ({"role": "vocals"}, r"role 'vocals' is not one of drums, bass, chords, lead, texture"),
        ({"bpm": "fast"}, r"line 3 \(bass.wav\): bpm 'fast' is not a number between 20 and 400"),
        ({"bpm": "nan"}, r"bpm 'nan' is not a number"),
        ({"bpm": "0"}, r"bpm '0' is not a number"),
        ({"bars": "1.5"}, r"bars '1.5' is not a whole number"),
        ({"bars": "inf"}, r"bars 'inf' is not a whole number"),
        ({"bars": ""}, r"bars '' is not a whole number"),
        ({"key": "H moll"}, r"key 'H moll' is not like 'A minor'"),
        ({"key": "A"}, r"key 'A' is not like 'A minor'"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_with_line_and_file(
    with_row: Callable[..., Path], cells: dict[str, str], sentence: str
) -> None:
    folder = with_row(**cells)
    write_wav(folder.parent / "outside.wav", tone(220, 2.0), RATE_HZ)
    with pytest.raises(GenerationError, match=sentence):
        read_loops(str(folder))


def test_a_length_that_does_not_fit_tempo_and_bars_is_said_with_both(with_row: Callable[..., Path]) -> None:
    loop = read_loops(str(with_row(bpm="100")))[1]
    with pytest.raises(GenerationError, match=r"bass.wav lasts 2.000 s, but 1 bars .* at 100 bpm are 2.400 s"):
        check_sound(loop)


def test_a_file_that_is_not_audio_is_named(library: Path) -> None:
    (library / "bass.wav").write_text("not sound")
    with pytest.raises(GenerationError, match=r"loops.csv: bass.wav is not audio that can be read"):
        check_sound(read_loops(str(library))[1])


def test_a_file_that_was_mended_is_looked_into_again(library: Path) -> None:
    loop = read_loops(str(library))[1]
    write_wav(loop.path, tone(220, 3.0), RATE_HZ)
    with pytest.raises(GenerationError, match=r"lasts 3\.000 s"):
        check_sound(loop)
    write_wav(loop.path, tone(220, 2.0), RATE_HZ)
    check_sound(loop)


def test_a_file_that_went_since_the_table_was_read_is_missed(library: Path) -> None:
    read_loops(str(library))
    (library / "bass.wav").unlink()
    with pytest.raises(GenerationError, match=r"bass\.wav\): there is no such file"):
        read_loops(str(library))


def test_missing_folders_tables_columns_and_rows_are_said(library: Path) -> None:
    with pytest.raises(GenerationError, match=r"the folder '/no/such' does not exist; set `library`"):
        read_loops("/no/such")
    write_table(library, ROWS[:0])
    with pytest.raises(GenerationError, match="lists no loop"):
        read_loops(str(library))
    write_table(library, ROWS, ("file", "tags", "role", "tempo", "key", "bars", "licence"))
    with pytest.raises(GenerationError, match="lacks the column bpm"):
        read_loops(str(library))
    (library / "loops.csv").write_bytes(b"file,tags\xff\n")
    with pytest.raises(GenerationError, match="not a CSV file in UTF-8"):
        read_loops(str(library))
    (library / "loops.csv").unlink()
    with pytest.raises(GenerationError, match=r"mine holds no loops.csv"):
        read_loops(str(library))


def test_the_shipped_library_is_whole_small_and_free() -> None:
    loops = read_loops("")
    files = sorted(path.name for path in loops[0].path.parent.glob("*.opus"))
    assert sorted(loop.path.name for loop in loops) == files
    assert 45 <= len(loops) <= 70
    assert sum(path.stat().st_size for path in loops[0].path.parent.iterdir()) <= 2_500_000
    assert {loop.role for loop in loops} == set(ROLES)
    assert len({(loop.bpm, loop.key) for loop in loops if loop.key}) >= 6
    assert {loop.licence for loop in loops} == {"CC0-1.0"}
    for loop in loops:
        assert bool(loop.key) == (loop.role in ("bass", "chords", "lead") or loop.path.stem in PITCHED_TEXTURES)
