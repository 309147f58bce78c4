"""What a system does wrong is told on its stimulus in a sentence; the rest goes on, and a button tries again.

The systems are the registry's own: a command whose program misbehaves, a band without its sound font.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from generation import registry
from studyapp.actions import stimuli
from studyapp.models import Clip, Stimulus, Study, System
from studyapp.states import StimulusState
from studyapp.work import rendering
from tests.studyapp.factories import make_study, make_system

pytestmark = pytest.mark.django_db(transaction=True)

PROGRAM = """
import sys, time
from pathlib import Path
import numpy as np
from scipy.io import wavfile
mood, seconds, output = sys.argv[1], float(sys.argv[2]), sys.argv[3]
if mood == "away" and not Path(__file__).with_name("up").exists():
    sys.exit("the model is away")
if mood == "hangs":
    time.sleep(60)
if mood == "crashes":
    sys.exit("no weights in /models")
if mood == "short":
    seconds = 0.2
wave = 0.3 * np.sin(np.arange(int(48000 * seconds)) / 20)
if mood == "broken":
    wave[100] = np.nan
if mood == "text":
    open(output, "w").write("la la la")
elif mood != "nothing":
    wavfile.write(output, 48000, wave.astype(np.float32))
"""


@pytest.fixture(autouse=True)
def no_player_kept() -> None:
    rendering._player.cache_clear()


@pytest.fixture
def study(clip: Clip) -> Study:
    study = make_study()
    study.clips.add(clip)
    return study


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], System]:
    """The system whose program is in a mood."""
    (tmp_path / "program.py").write_text(PROGRAM)

    def in_mood(mood: str) -> System:
        argv = [sys.executable, str(tmp_path / "program.py"), mood, "{duration}", "{output}"]
        entry = f"[commands.model]\nargv = {argv!r}\ntimeout_s = {2 if mood == 'hangs' else 60}\n"
        (tmp_path / "outside.toml").write_text(entry)
        monkeypatch.setenv("DUET_OUTSIDE", str(tmp_path / "outside.toml"))
        return make_system("command", settings={"command": "model", "model": "Model"})

    return in_mood


def rendered(clip: Clip, system: System, study: Study) -> Stimulus:
    row = stimuli.request_stimulus(clip=clip, system=system, study=study)
    stimuli.render_stimulus(stimulus_id=row.pk, worker="w")
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(
    ("mood", "says"),
    [
        ("hangs", "was stopped after 2 s without an end"),
        ("crashes", "no weights in /models"),
        ("nothing", "wrote no"),
        ("short", "lasts 0.20 s and the clip 1.00 s"),
        ("broken", "not numbers (NaN or infinite)"),
        ("text", "audio"),
    ],
)
def test_a_misbehaving_program_fails_its_stimulus_with_a_sentence(
    mood: str, says: str, program: Callable[[str], System], clip: Clip, study: Study
) -> None:
    row = rendered(clip, program(mood), study)
    assert row.state == StimulusState.FAILED
    assert says in row.error
    assert "Unexpected" not in row.error
    assert row.file == ""


def test_what_a_failed_program_said_is_kept_whole_until_another_try(
    program: Callable[[str], System], clip: Clip, study: Study, tmp_path: Path
) -> None:
    failed = rendered(clip, program("away"), study)
    assert "ended with exit status 1" in failed.error
    kept = Path(settings.MEDIA_ROOT) / failed.artefacts["stderr.txt"]
    assert kept.read_text() == "the model is away\n"
    assert list(Path(settings.MEDIA_ROOT).glob("render-*")) == []
    (tmp_path / "up").touch()
    assert stimuli.retry_one(stimulus=failed, by=None)
    stimuli.render_stimulus(stimulus_id=failed.pk, worker="w")
    failed.refresh_from_db()
    assert failed.artefacts == {}


def test_the_rest_of_the_study_goes_on_and_what_failed_is_made_once_its_cause_is_gone(
    program: Callable[[str], System], clip: Clip, study: Study, tmp_path: Path
) -> None:
    failed = rendered(clip, program("away"), study)
    silence = rendered(clip, make_system("silence"), study)
    assert "the model is away" in failed.error
    assert (silence.state, silence.lufs) == (StimulusState.READY, -70.0)
    (tmp_path / "up").touch()
    assert stimuli.retry_one(stimulus=failed, by=None)
    stimuli.render_stimulus(stimulus_id=failed.pk, worker="w")
    failed.refresh_from_db()
    assert (failed.state, failed.error) == (StimulusState.READY, "")


def test_a_program_that_was_mended_is_run_as_it_is_now(
    program: Callable[[str], System], clip: Clip, study: Study, tmp_path: Path
) -> None:
    failed = rendered(clip, program("crashes"), study)
    (tmp_path / "program.py").write_text(PROGRAM.replace("no weights in /models", "").replace("sys.exit", "print"))
    assert stimuli.retry_one(stimulus=failed, by=None)
    stimuli.render_stimulus(stimulus_id=failed.pk, worker="w")
    before = failed.key
    failed.refresh_from_db()
    assert (failed.state, failed.error) == (StimulusState.READY, "")
    assert failed.key != before


def test_loops_that_changed_while_the_worker_ran_are_played_as_they_are_now(
    clip: Clip, study: Study, tmp_path: Path
) -> None:
    """The worker keeps systems it has built; one built from other files is not the one that is asked for."""
    library = tmp_path / "library"
    shutil.copytree(registry.ROOM / "loops", library)
    clip.caption = "slow reggae with a deep bass"
    clip.save()
    system = make_system("loop-retrieval", settings={"library": str(library)})
    before = rendered(clip, system, study)
    table = (library / "loops.csv").read_text().splitlines()
    (library / "loops.csv").write_text("\n".join([table[0], *(row for row in table[1:] if "reggae" not in row)]))
    after = rendered(clip, system, study)
    assert (before.error, after.error) == ("", "")
    assert before.key != after.key
    rendering._player.cache_clear()
    Stimulus.objects.filter(pk=after.pk).update(state=StimulusState.REQUESTED, file="")
    stimuli.render_stimulus(stimulus_id=after.pk, worker="w")
    afresh = Stimulus.objects.get(pk=after.pk)
    assert afresh.error == ""
    assert before.file_sha256 != after.file_sha256 == afresh.file_sha256


def test_a_band_without_its_sound_font_says_so(clip: Clip, study: Study, tmp_path: Path) -> None:
    font = tmp_path / "font.sf2"
    font.write_bytes(b"RIFF\0\0\0\0sfbk")
    system = make_system("cmt", preset="tiny", settings={"font": str(font)})
    row = stimuli.request_stimulus(clip=clip, system=system, study=study)
    font.unlink()
    stimuli.render_stimulus(stimulus_id=row.pk, worker="w")
    row.refresh_from_db()
    assert row.state == StimulusState.FAILED
    assert "the sound font font.sf2 is not there; set `font`" in row.error
