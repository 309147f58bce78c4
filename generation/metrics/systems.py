"""Whole systems side by side: what each makes of the same clips, what it costs, and what it listens to.

Each system plays in a process of its own, so that its memory is its own. Time is the processor's, with what ffmpeg
and other children took, which waiting for a busy machine does not stretch.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from generation import registry
from generation.contracts import ClipFacts, GenerationError, Progress, Request
from generation.media.decode import resample
from generation.metrics.intervals import SHUFFLES, Estimate, correlation_difference_of, derangements
from generation.metrics.onsets import onset_rate, onsets_s, tempo_bpm
from generation.metrics.tagger import SAMPLE_RATE_HZ, TAGS, load_tagger, tag
from generation.metrics.timbre import loudness_lufs

Wave = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]

WINDOW_S = 2.5
TAGS_SHOWN = 3
_SURE = 1e-4


@dataclass(frozen=True, slots=True)
class Contender:
    """A system of the registry with its preset and settings, under the name it is shown by."""

    key: str
    preset: str
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in self.settings)
        return registry.spec(self.key).slug(self.preset) + (f" ({told})" if told else "")


@dataclass(frozen=True, slots=True)
class Played:
    """One soundtrack, mono at 16 kHz, with what it took; or the sentence why there is none.

    peak_mib: the most that the process, or one that it started, has held so far.
    """

    system: str
    clip: str
    wave: Wave | None
    seconds: float = 0.0
    peak_mib: float = 0.0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table. lufs: before matching. tempo_bpm: None where nothing repeats. tags: the likeliest."""

    system: str
    clip: str
    lufs: float
    onset_rate: float
    tempo_bpm: float | None
    tags: tuple[tuple[str, float], ...]
    seconds: float
    peak_mib: float


def play(contender: Contender, requests: Sequence[Request], progress: Progress) -> list[Played]:
    """Let one system answer every request in a process of its own.

    One that borrows the clips' own audio is asked with one seed for all of them, for a shuffle without fixed
    points and repetitions holds within a seed; where clips come twice, with another for the second time.
    """
    progress(0.0, contender.name)
    if registry.spec(contender.key).donors:
        requests = _one_shuffle(requests)
    # A forked child of a process that has used threads may hang; a spawned one starts clean.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_play, contender, list(requests)).result()


def _one_shuffle(requests: Sequence[Request]) -> list[Request]:
    times: Counter[str] = Counter()
    asked = []
    for request in requests:
        times[request.clip_id] += 1
        asked.append(replace(request, seed=times[request.clip_id]))
    return asked


def _play(contender: Contender, requests: list[Request]) -> list[Played]:
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    spec = registry.spec(contender.key)
    settings = dict(contender.settings)
    done: list[Played] = []
    system = None
    for request in requests:
        sounding = frozenset(request.original_audio)
        facts = ClipFacts(request.clip_id, request.duration_s, sounding, request.text or "")
        refused = registry.refusal(contender.key, facts, settings) or ""
        began, wave = _spent_s(), None
        if not refused:
            asked = request if spec.reads_text else replace(request, text=None)
            try:
                # Built with the first clip that it can score; later ones find it loaded, as a worker's do.
                system = system or registry.build(contender.key, contender.preset, settings)
                made = system.generate(asked, lambda share, doing: None)
            except GenerationError as error:
                refused = str(error)
            else:
                mono = resample(
                    made.waveform, made.sample_rate_hz, sample_rate_hz=SAMPLE_RATE_HZ, channels=2
                ).mean(0)
                wave = np.asarray(mono, dtype=np.float32)
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        peak_mib = max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024
        done.append(Played(contender.name, request.clip_id, wave, _spent_s() - began, peak_mib, refused))
    return done


def _spent_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measure(played: Sequence[Played]) -> list[Line]:
    """A row for each soundtrack there is; silence has no tag."""
    tagger = load_tagger()
    lines = []
    for one in played:
        if one.wave is None:
            continue
        sounding = bool(np.abs(one.wave).max() > 0)
        chances = tag(tagger, one.wave).probabilities.mean(0) if sounding else np.zeros(len(TAGS))
        best = np.argsort(-chances)[: TAGS_SHOWN if sounding else 0]
        lines.append(
            Line(
                one.system,
                one.clip,
                loudness_lufs(one.wave, SAMPLE_RATE_HZ),
                onset_rate(one.wave, SAMPLE_RATE_HZ),
                tempo_bpm(one.wave, SAMPLE_RATE_HZ),
                tuple((TAGS[index], float(chances[index])) for index in best),
                one.seconds,
                one.peak_mib,
            )
        )
    return lines


@dataclass(frozen=True, slots=True)
class Listens:
    """How much closer two soundtracks are that share a prompt, or a video, than two that share neither.

    In standard deviations of all pairs' likeness; above 0 where it is followed. 95 % t intervals over clips.
    """

    prompt: Estimate
    video: Estimate


def swapped(requests: Sequence[Request]) -> list[Request]:
    """Every clip with its own prompt, then with the next clip's; each under a seed of its own.

    So each prompt is heard under two videos and each video with two prompts, and nothing but they repeats.
    """
    prompts = [request.text for request in requests]
    own = [replace(request, seed=2 * index + 1) for index, request in enumerate(requests)]
    other = [
        replace(request, text=prompts[(index + 1) % len(prompts)], seed=2 * index + 2)
        for index, request in enumerate(requests)
    ]
    return [*own, *other]


def listens(waves: Sequence[Wave]) -> Listens:
    """What soundtracks of ``swapped`` requests follow, by the tags and the onset rate that are heard in them.

    Raises ValueError for fewer than three clips.
    """
    count = len(waves) // 2
    if count < 3:
        raise ValueError(f"{count} clips cannot be swapped; three are needed")
    tagger = load_tagger()
    heard = np.stack([_heard(tag(tagger, wave).probabilities.mean(0), wave) for wave in waves])
    apart = heard - heard.mean(0)
    apart /= np.maximum(apart.std(0), 1e-9)
    likeness = -np.sqrt(np.square(apart[:, None] - apart[None]).mean(2))
    own, other = np.arange(count), count + np.arange(count)
    last, following = np.roll(other, 1), np.roll(own, -1)
    # last[i] is clip i - 1 with prompt i, following[i] clip i + 1 with its own. What two cells that share a video
    # are compared with has the same two prompts under different videos, so that neighbouring prompts that are
    # alike count for nothing; and the other way round.
    by_video = likeness[own, other] - np.mean(
        [likeness[own, following], likeness[last, other], likeness[last, following]], axis=0
    )
    before = np.roll(own, 1)
    by_prompt = likeness[own, last] - np.mean(
        [likeness[own, before], likeness[other, last], likeness[other, before]], axis=0
    )
    spread = float(likeness[np.triu_indices(2 * count, 1)].std())
    return Listens(_mean(by_prompt / spread), _mean(by_video / spread))


def _heard(chances: npt.NDArray[np.float32], wave: Wave) -> Values:
    """Log odds of the tags, and the onset rate with the weight of ten of them."""
    odds = logit(np.clip(chances.astype(np.float64), _SURE, 1 - _SURE))
    return np.concatenate([odds, np.full(10, onset_rate(wave, SAMPLE_RATE_HZ))])


def _mean(values: Values) -> Estimate:
    """Mean and t interval of values around a ring, of which each shares soundtracks with two on either side.

    The variance counts those neighbours' covariances, and is never less than that of independent values.
    """
    from scipy.stats import t

    apart, count = values - values.mean(), len(values)
    alone = float(apart @ apart)
    beside = 2 * sum(float(apart @ np.roll(apart, lag)) for lag in (1, 2))
    half = float(t.ppf(0.975, count - 1)) * float(np.sqrt(max(alone, alone + beside) / (count - 1) / count))
    return Estimate(float(values.mean()), float(values.mean()) - half, float(values.mean()) + half)


@dataclass(frozen=True, slots=True)
class MotionFollowing:
    """Rank correlation of onsets and motion over windows of WINDOW_S: own video, others', and the difference."""

    own: float
    other: float
    difference: Estimate


def motion_following(
    waves: Sequence[Wave], speeds: Sequence[tuple[Values, Values]], seed: int = 0, shuffles: int = SHUFFLES
) -> MotionFollowing:
    """Whether there are more onsets where a video moves more; intervals over clips.

    speeds: times in seconds and mean |flow| of each clip's video.
    """
    duration_s = min(len(wave) for wave in waves) / SAMPLE_RATE_HZ
    edges = np.arange(0, duration_s + 1e-6, WINDOW_S)
    heard = np.stack([np.histogram(onsets_s(wave, SAMPLE_RATE_HZ), edges)[0] for wave in waves])
    seen = np.stack([_windowed(times, speed, edges) for times, speed in speeds])
    orders = derangements(len(waves), seed, shuffles)
    return MotionFollowing(*correlation_difference_of(heard, seen, seen[orders], seed))


def _windowed(times: Values, speed: Values, edges: Values) -> Values:
    return np.array([speed[(times >= low) & (times < low + WINDOW_S)].mean() for low in edges[:-1]])


def originals(clips: Mapping[str, tuple[Path, float]], room: Path, duration_s: float) -> dict[str, Path]:
    """The sound of every video that has some, from its start on, by clip, written below ``room``."""
    from generation.media.errors import MediaError
    from generation.media.master import extract_audio

    found: dict[str, Path] = {}
    for clip, (video, start_s) in clips.items():
        try:
            sound = extract_audio(video, room / clip / "audio.wav", start_s=start_s, duration_s=duration_s)
        except MediaError:
            continue
        if sound is not None:
            found[clip] = sound
    return found
