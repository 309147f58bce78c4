"""A stimulus from request to file: one key a content, one winner an attempt, one sentence a failure."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import subprocess
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from generation.media.master import extract_audio, make_master
from generation.media.probe import probe
from studyapp.actions import stimuli
from studyapp.errors import NotReady
from studyapp.models import Block, Clip, Comparison, Rater, Response, Stimulus, Study, StudySession, Trial
from studyapp.questions import Question
from studyapp.states import StimulusState, StudyState
from studyapp.work import life
from tests.studyapp.factories import make_clip, make_study, make_system, sha

SECONDS = 1.0


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Masters and original audio of three clips, made once; every test gets copies."""
    folder = tmp_path_factory.mktemp("films")
    for name, tone in (("a", 300), ("b", 500), ("mute", 0)):
        sound = ["-f", "lavfi", "-i", f"sine={tone}:r=48000:d={SECONDS},volume=0.4"] if tone else []
        source = folder / f"{name}.mkv"
        subprocess.run(
            [
                *("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s=96x64:r=25:d={SECONDS}"),
                *sound,
                str(source),
            ],
            check=True,
        )
        make_master(source, folder / "clips" / f"{name}.mp4", duration_s=SECONDS)
        extract_audio(source, folder / "audio" / f"{name}.wav", duration_s=SECONDS)
    return folder


@pytest.fixture
def study(films: Path) -> Study:
    media = Path(settings.MEDIA_ROOT)
    for room in ("clips", "audio"):
        shutil.copytree(films / room, media / room)
    made = make_study(generation_seed=7, target_lufs=-23.0)
    for master in sorted((media / "clips").iterdir()):
        name = master.stem
        clip = make_clip(
            clip_id=name,
            duration_s=SECONDS,
            master_file=f"clips/{name}.mp4",
            master_sha256=sha(master.read_bytes()),
            master_bytes=master.stat().st_size,
            with_audio=name != "mute",
            audio_file="" if name == "mute" else f"audio/{name}.wav",
            audio_sha256="" if name == "mute" else sha(name),
        )
        made.clips.add(clip)
    return made


def request(study: Study, clip: str, key: str = "ground-truth", **fields: Any) -> Stimulus:
    system = make_system(key, slug=key) if not fields else make_system(key, **fields)
    return stimuli.request_stimulus(clip=Clip.objects.get(clip_id=clip), system=system, study=study)


def render(stimulus: Stimulus, worker: str = "w1") -> Stimulus:
    stimuli.render_stimulus(stimulus_id=stimulus.pk, worker=worker)
    stimulus.refresh_from_db()
    return stimulus


def answer_on(stimulus: Stimulus, study: Study) -> None:
    """A rater's answer to a comparison of this stimulus with another."""
    other = request(study, "b", slug="other")
    comparison = Comparison.objects.create(study=study, clip=stimulus.clip, stimulus_1=stimulus, stimulus_2=other)
    block = Block.objects.create(study=study, number=1)
    trial = Trial.objects.create(
        block=block, position=1, comparison=comparison, left_is_1=True, played_first=Trial.PlayedFirst.LEFT
    )
    now = timezone.now()
    moments = {"consented_at": now, "last_seen_at": now, "expires_at": now}
    session = StudySession.objects.create(
        study=study, rater=Rater.objects.create(), block=block, consent_version="1", **moments
    )
    Response.objects.create(
        session=session,
        trial=trial,
        question=Question.MUSIC_PREFERENCE,
        choice=3,
        coverage_left=1.0,
        coverage_right=1.0,
        response_time_ms=1,
        answered_at=now,
    )


@pytest.mark.django_db(transaction=True)
def test_ready_stimulus_is_measured_padded_and_opaquely_named(study: Study) -> None:
    system = make_system("ground-truth")
    rows = [
        render(stimuli.request_stimulus(clip=clip, system=system, study=study))
        for clip in Clip.objects.with_original_audio()
    ]
    shuffled = make_system("random-shuffle")
    clip = Clip.objects.get(clip_id="a")
    other = render(stimuli.request_stimulus(clip=clip, system=shuffled, study=study))
    first = next(row for row in rows if row.clip == clip)
    assert [row.error for row in [*rows, other]] == [""] * 3
    for row in [first, other]:
        assert row.state == StimulusState.READY
        assert row.lufs == pytest.approx(-23.0, abs=0.1)
        assert row.true_peak_dbtp is not None
        assert row.true_peak_dbtp <= -1.0
        assert row.path.stat().st_size == row.file_bytes
        assert hashlib.sha256(row.path.read_bytes()).hexdigest() == row.file_sha256
        assert "ffmpeg" in row.environment
        info = probe(row.path)
        assert (info.audio_codec, info.audio_rate_hz) == ("aac", 48_000)
        assert info.duration_s == pytest.approx(SECONDS, abs=0.01)
        assert row.worker == "w1"
        assert len(row.peaks) == 120
        # At -23 LUFS a tone's largest samples stand at about a tenth of full scale.
        assert 0.05 < max(row.peaks) <= 10 ** (row.true_peak_dbtp / 20) + 0.001
        assert row.took_s is not None
        assert 0.0 < row.took_s < 60.0
        assert "shuffle" not in row.file
        assert "truth" not in row.file
    assert first.file_bytes == other.file_bytes
    assert first.file_sha256 != other.file_sha256


@pytest.mark.django_db(transaction=True)
def test_rendering_again_gives_the_same_bytes(study: Study) -> None:
    row = render(request(study, "a"))
    before = row.file_sha256, row.file
    row.path.unlink()
    Stimulus.objects.filter(pk=row.pk).update(state=StimulusState.REQUESTED)
    assert (render(row).file_sha256, row.file) == before
    assert row.attempt == 2


@pytest.mark.django_db(transaction=True)
def test_a_lost_file_that_is_back_out_of_a_backup_is_not_made_again(study: Study) -> None:
    row = render(request(study, "a"))
    # As from another ffmpeg: this worker could not make it again.
    Stimulus.objects.filter(pk=row.pk).update(state=StimulusState.REQUESTED, key="0" * 64)
    changed = row.path.stat().st_mtime_ns
    assert (render(row).state, row.error) == (StimulusState.READY, "")
    assert row.path.stat().st_mtime_ns == changed


@pytest.mark.django_db(transaction=True)
def test_other_bytes_than_those_answered_on_are_not_taken_for_them(study: Study) -> None:
    row = render(request(study, "a"))
    heard = sha("what raters heard")
    row.path.unlink()
    changed = {"state": StimulusState.REQUESTED, "file_sha256": heard}
    Stimulus.objects.filter(pk=row.pk).update(**changed)
    assert (render(row).state, row.file_sha256 == heard) == (StimulusState.READY, False)
    answer_on(row, study)
    row.path.unlink()
    Stimulus.objects.filter(pk=row.pk).update(**changed)
    assert render(row).state == StimulusState.FAILED
    assert "other bytes than the one that raters have heard" in row.error
    assert f"restore {row.file}" in row.error
    assert not row.path.exists()
    assert row.file_sha256 == heard


@pytest.mark.django_db(transaction=True)
def test_other_bytes_than_those_that_an_open_study_froze_are_not_taken_for_them(study: Study) -> None:
    row, other = render(request(study, "a")), request(study, "b", slug="other")
    Comparison.objects.create(study=study, clip=row.clip, stimulus_1=row, stimulus_2=other)
    frozen = sha("what the study froze")
    changed = {"state": StimulusState.REQUESTED, "file_sha256": frozen}
    opened = {"state": StudyState.OPEN, "opened_at": timezone.now(), "plan_sha256": sha("plan")}
    for fields, expected in (({}, StimulusState.READY), (opened, StimulusState.FAILED)):
        Study.objects.filter(pk=study.pk).update(**{"state": StudyState.DRAFT, **fields})
        row.path.unlink()
        Stimulus.objects.filter(pk=row.pk).update(**changed)
        assert render(row).state == expected
    assert "other bytes than the one that a study froze when it opened" in row.error
    assert row.file_sha256 == frozen


@pytest.mark.django_db
def test_same_content_is_asked_for_once_and_every_difference_makes_a_key_of_its_own(study: Study) -> None:
    truth, shuffle = make_system("ground-truth"), make_system("random-shuffle")
    clip = Clip.objects.get(clip_id="a")

    def key(**changes: Any) -> str:
        for name, value in {"generation_seed": 7, "target_lufs": -23.0, **changes}.items():
            setattr(study, name, value)
        return stimuli.request_stimulus(clip=clip, system=changes.get("system", truth), study=study).key

    base = key()
    assert key() == base
    assert Stimulus.objects.count() == 1
    assert len({base, key(target_lufs=-20.0), key(generation_seed=8), key(system=shuffle)}) == 4
    clip.caption = "a caption that no system here reads"
    assert key() == base


@pytest.mark.django_db
def test_two_clips_with_one_picture_have_stimuli_of_their_own(study: Study) -> None:
    clip = Clip.objects.get(clip_id="a")
    twin = make_clip(
        master_file=clip.master_file,
        master_sha256=clip.master_sha256,
        audio_file=clip.audio_file,
        audio_sha256=clip.audio_sha256,
    )
    study.clips.add(twin)
    system = make_system("ground-truth")
    rows = [stimuli.request_stimulus(clip=one, system=system, study=study) for one in (clip, twin)]
    assert [row.clip for row in rows] == [clip, twin]


@pytest.mark.django_db
def test_other_clips_matter_only_when_their_audio_is_heard(study: Study, films: Path) -> None:
    clip = Clip.objects.get(clip_id="a")
    truth = make_system("ground-truth")
    everyone = stimuli.request_stimulus(clip=clip, system=truth, study=study)
    study.clips.set([clip])
    assert stimuli.request_stimulus(clip=clip, system=truth, study=study) == everyone
    shuffle = make_system("random-shuffle")
    study.clips.set(Clip.objects.all())
    before = stimuli.request_stimulus(clip=clip, system=shuffle, study=study)
    Clip.objects.exclude(clip_id="a").exclude(audio_file="").update(audio_sha256="0" * 64)
    assert stimuli.request_stimulus(clip=clip, system=shuffle, study=study).key != before.key


@pytest.mark.django_db
def test_clip_without_original_audio_is_refused_by_name(study: Study) -> None:
    with pytest.raises(NotReady, match="original audio of mute"):
        request(study, "mute")


@pytest.mark.django_db(transaction=True)
def test_lost_file_of_a_clip_fails_with_a_sentence_and_can_be_asked_for_again(study: Study) -> None:
    row = request(study, "a")
    Comparison.objects.create(study=study, clip=row.clip, stimulus_1=row, stimulus_2=request(study, "b", slug="x"))
    master = row.clip.master_path
    master.rename(master.with_suffix(".away"))
    assert render(row).state == StimulusState.FAILED
    assert "import the clip again" in row.error
    master.with_suffix(".away").rename(master)
    assert stimuli.retry_failed(study=study, by=None) == 1
    assert len(list((Path(settings.EMBEDDED_BROKER_DIR) / "queues" / "cpu").iterdir())) == 1
    row.refresh_from_db()
    assert (row.state, row.error) == (StimulusState.REQUESTED, "")
    assert render(row).state == StimulusState.READY
    assert row.attempt == 2


@pytest.mark.django_db(transaction=True)
def test_worker_with_other_sources_does_not_pretend(study: Study) -> None:
    row = request(study, "a")
    Stimulus.objects.filter(pk=row.pk).update(key="0" * 64)
    assert render(row).state == StimulusState.FAILED
    assert "restart the workers" in row.error


@pytest.mark.django_db(transaction=True)
def test_unknown_ready_and_taken_stimuli_are_left_alone(study: Study) -> None:
    assert stimuli.render_stimulus(stimulus_id=10**6, worker="w") is False
    row = render(request(study, "a"))
    changed = row.path.stat().st_mtime_ns
    assert stimuli.render_stimulus(stimulus_id=row.pk, worker="w2") is False
    row.refresh_from_db()
    assert (row.attempt, row.worker, row.path.stat().st_mtime_ns) == (1, "w1", changed)


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_at_one_moment_one_gets_the_stimulus(study: Study) -> None:
    row = request(study, "a")
    start = threading.Barrier(4)
    made: list[bool] = []

    def work(name: str) -> None:
        start.wait()
        made.append(stimuli.render_stimulus(stimulus_id=row.pk, worker=name))
        connection.close()

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False, False, False, True]
    row.refresh_from_db()
    assert (row.state, row.attempt) == (StimulusState.READY, 1)


@pytest.mark.django_db
def test_worker_that_lost_its_stimulus_changes_nothing(study: Study) -> None:
    row = request(study, "a")
    slow = life.claim(row.pk, "slow")
    assert slow is not None
    Stimulus.objects.filter(pk=row.pk).update(last_sign_of_life=timezone.now() - timedelta(minutes=1))
    assert stimuli.requeue_abandoned(now=timezone.now()) == 1
    quick = life.claim(row.pk, "quick")
    assert quick is not None
    assert quick.attempt == slow.attempt + 1
    assert slow.write(progress=0.9, error="too late") is False
    row.refresh_from_db()
    assert (row.progress, row.error, row.worker) == (0.0, "", "quick")
    assert quick.write(progress=0.1)


@pytest.mark.django_db(transaction=True)
def test_long_step_shows_signs_of_life_and_ends_when_the_claim_is_lost(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "BEAT_S", 0.05)
    row = request(study, "a")
    held = life.claim(row.pk, "w")
    assert held is not None
    long_ago = timezone.now() - timedelta(hours=1)
    Stimulus.objects.filter(pk=row.pk).update(last_sign_of_life=long_ago)
    with life.Life(held) as alive:
        alive.progress(0.4, "sampling")
        assert _eventually(lambda: _of(row).last_sign_of_life > timezone.now() - timedelta(minutes=1))
        assert (_of(row).progress, _of(row).doing) == (0.4, "sampling")
        Stimulus.objects.filter(pk=row.pk).update(state=StimulusState.REQUESTED)

        def told() -> bool:
            try:
                alive.progress(0.5, "sampling")
            except life.ClaimLost:
                return True
            return False

        assert _eventually(told)
    assert _of(row).progress == 0.4


@pytest.mark.django_db
def test_only_silent_renderings_are_taken_back(study: Study) -> None:
    now = timezone.now()
    lively, silent = request(study, "a"), request(study, "b", slug="other")
    for row in (lively, silent):
        assert life.claim(row.pk, "w") is not None
    Stimulus.objects.filter(pk=lively.pk).update(last_sign_of_life=now - timedelta(seconds=20))
    Stimulus.objects.filter(pk=silent.pk).update(last_sign_of_life=now - timedelta(seconds=40))
    assert stimuli.requeue_abandoned(now=now) == 1
    assert (_of(lively).state, _of(silent).state) == (StimulusState.RENDERING, StimulusState.REQUESTED)


@pytest.mark.django_db
def test_stimulus_that_keeps_killing_its_worker_stops_after_three_attempts(study: Study) -> None:
    row = request(study, "a")
    for _ in range(3):
        assert life.claim(row.pk, "doomed") is not None
        Stimulus.objects.filter(pk=row.pk).update(last_sign_of_life=timezone.now() - timedelta(minutes=1))
        stimuli.requeue_abandoned(now=timezone.now())
    failed = _of(row)
    assert failed.state == StimulusState.FAILED
    assert "3 attempts ended with a worker that died" in failed.error
    assert "doomed" in failed.error


@pytest.mark.django_db
def test_lost_message_is_sent_again_but_not_one_that_only_waits(study: Study) -> None:
    now = timezone.now()
    never_sent = request(study, "a", slug="draft")
    lost = request(study, "a")
    Stimulus.objects.filter(pk=lost.pk).update(last_sign_of_life=now - timedelta(minutes=5))
    assert stimuli.resend_lost(now=now) == 1
    assert _of(lost).last_sign_of_life > now - timedelta(minutes=1)
    assert _of(never_sent).last_sign_of_life is None
    # While somebody works on this queue, what waits in it is not lost.
    Stimulus.objects.filter(pk=lost.pk).update(last_sign_of_life=now - timedelta(minutes=5))
    busy = request(study, "b", slug="busy")
    assert life.claim(busy.pk, "w") is not None
    assert stimuli.resend_lost(now=now) == 0


@pytest.mark.django_db
def test_messages_do_not_pile_up_while_no_worker_runs(study: Study) -> None:
    row = request(study, "a")
    stimuli.enqueue(stimuli=[row])
    start = _of(row).last_sign_of_life
    assert start is not None
    sent: list[int] = []
    for minute in range(8 * 60):
        if stimuli.resend_lost(now=start + timedelta(minutes=minute, seconds=1)):
            sent.append(minute)
            # The action notes the clock on the wall; this night passes faster.
            Stimulus.objects.filter(pk=row.pk).update(last_sign_of_life=start + timedelta(minutes=minute))
    assert sent[:4] == [2, 6, 14, 30]
    assert max(later - earlier for earlier, later in itertools.pairwise(sent)) == 60
    assert len(sent) <= 12
    # Who takes it and dies starts anew.
    assert life.claim(row.pk, "w") is not None
    assert _of(row).sends == 0


@pytest.mark.django_db(transaction=True)
def test_request_stands_when_the_broker_is_away(study: Study) -> None:
    row = request(study, "a")
    Path(settings.EMBEDDED_BROKER_DIR).write_text("a file where the folder should be")
    assert stimuli.enqueue(stimuli=[row]) == 1
    sent = _of(row)
    assert sent.state == StimulusState.REQUESTED
    Path(settings.EMBEDDED_BROKER_DIR).unlink()
    assert stimuli.resend_lost(now=sent.last_sign_of_life + timedelta(minutes=3)) == 1
    assert len(list((Path(settings.EMBEDDED_BROKER_DIR) / "queues" / "cpu").iterdir())) == 1


def _of(row: Stimulus) -> Any:
    return Stimulus.objects.get(pk=row.pk)


def _eventually(condition: Any, seconds: float = 5.0) -> bool:
    waiter = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return True
        waiter.wait(0.05)
    return False
