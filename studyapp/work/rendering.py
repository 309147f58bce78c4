"""One stimulus from request to file: claim, generate, render, store. Runs in workers; holds no transaction."""

from __future__ import annotations

import errno
import hmac
import logging
import platform
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256
from importlib.metadata import version
from json import dumps, loads
from pathlib import Path
from shutil import disk_usage
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from generation import registry
from generation.contracts import Failed, GenerationError, OutOfMemory, Progress, Request, Soundtrack
from generation.contracts import System as Player
from generation.media.binaries import ffmpeg_version
from generation.media.mux import Rendered, padded_size, render
from generation.media.outline import outline
from studyapp.errors import DuetError, NotReady
from studyapp.media_store import keep, put, root
from studyapp.media_store import sha256 as digest_of
from studyapp.models import Clip, Comparison, Response, Stimulus, System
from studyapp.states import StimulusState, StudyState
from studyapp.work import device
from studyapp.work.life import ClaimLost, Life, claim
from studyapp.work.recipe import audio_seconds, recipe_for

logger = logging.getLogger(__name__)

GENERATION_SHARE = 0.85
"""How much of the progress shown belongs to the system; the rest is loudness, encoding and storing."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NO_ROOM_IN_WORDS = ("No space left on device", "Disk quota exceeded")
"""As ffmpeg says it, whose failure is no OSError of ours."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A finished file and what is to be known of it."""

    name: str
    rendered: Rendered
    peaks: list[float]
    took_s: float
    artefacts: dict[str, str]
    environment: dict[str, Any]

    def fields(self) -> dict[str, Any]:
        """As the row keeps them."""
        return {
            "file": self.name,
            "file_sha256": self.rendered.sha256,
            "file_bytes": self.rendered.size_bytes,
            "duration_s": self.rendered.duration_s,
            "lufs": self.rendered.lufs,
            "true_peak_dbtp": self.rendered.true_peak_dbtp,
            "gain_db": self.rendered.gain_db,
            "peaks": self.peaks,
            "took_s": self.took_s,
            "artefacts": self.artefacts,
            "environment": self.environment,
        }


def render_stimulus(*, stimulus_id: int, worker: str) -> bool:
    """Make the file of a requested stimulus; True when this call made it.

    Harmless to repeat: a stimulus that is not requested is left alone. What goes wrong is written into the row
    as a sentence. A worker whose stimulus was given to another in the meantime changes nothing.
    """
    held = claim(stimulus_id, worker)
    if held is None:
        return False
    stimulus = Stimulus.objects.select_related("clip", "system").get(pk=stimulus_id)
    left: Mapping[str, bytes] = {}
    with Life(held) as life:
        try:
            # A file that was lost may be back, out of a backup: then what the row says of it holds.
            fields = {} if _is_back(stimulus) else _make(stimulus, life.progress).fields()
        except ClaimLost:
            return False
        except (GenerationError, DuetError) as error:
            problem = _disk_full(error, stimulus.clip) or str(error)
            left = error.artefacts if isinstance(error, Failed) else {}
        except OSError as error:
            problem = _disk_full(error, stimulus.clip) or (
                f"{error.strerror or error}: {error.filename or 'a file'}; check the disk, then try again."
            )
        except Exception as error:
            logger.exception("Stimulus %s failed", stimulus_id)
            problem = f"Unexpected {type(error).__name__}: {error}. The worker's log has the details."
        else:
            return held.write(state=StimulusState.READY, progress=1.0, doing="", ready_at=timezone.now(), **fields)
    # What a file that was made once and lost had beside it stays.
    artefacts = (stimulus.artefacts if stimulus.file_sha256 else {}) | _kept_of_failure(left, stimulus)
    held.write(state=StimulusState.FAILED, doing="", error=problem or "No reason was given.", artefacts=artefacts)
    return False


def file_name(key: str) -> str:
    """The stimulus file's name, relative to the media folder: the same for the same key, and telling nothing."""
    secret: str = settings.SECRET_KEY
    opaque = hmac.new(secret.encode(), f"stimulus file {key}".encode(), sha256).hexdigest()[:32]
    return f"stimuli/{opaque[:2]}/{opaque}.mp4"


def _make(stimulus: Stimulus, progress: Progress) -> _Made:
    began = time.monotonic()
    clip, system = stimulus.clip, stimulus.system
    pool = list(Clip.objects.filter(pk__in=stimulus.audio_pool).order_by("pk"))
    recipe = recipe_for(clip=clip, system=system, seed=stimulus.seed, target_lufs=stimulus.target_lufs, pool=pool)
    if recipe.key != stimulus.key:
        raise NotReady(
            "This worker has other sources, weights, settings, audio or ffmpeg than this stimulus was asked "
            f"for with; restart the workers, or {_way_back(stimulus)}."
        )
    request = Request(
        clip_id=clip.clip_id,
        video=_there(clip.master_path, clip),
        duration_s=clip.duration_s,
        seed=stimulus.seed,
        text=stimulus.text if system.reads_text else None,
        original_audio={
            member.clip_id: _there(member.audio_path, member) for member in pool if member.audio_path is not None
        },
        audio_s=audio_seconds(pool),
    )
    soundtrack, used = _generated(stimulus, request, recipe.inputs, progress)
    progress(GENERATION_SHARE, "matching loudness and encoding")
    with tempfile.TemporaryDirectory(prefix="render-", dir=root()) as folder:
        rendered = render(
            clip.master_path,
            soundtrack,
            Path(folder) / "stimulus.mp4",
            target_lufs=stimulus.target_lufs if system.loudness_matched else None,
            pad_to_bytes=padded_size(clip.master_bytes, clip.duration_s),
        )
        if stimulus.file_sha256 not in ("", rendered.sha256) and (bound := _binds(stimulus)):
            raise NotReady(
                f"Made again, this file came out with other bytes than the one that {bound}, and was not kept; "
                f"{_way_back(stimulus)}."
            )
        peaks = outline(rendered.path)
        artefacts = {
            label: _kept(content, Path(folder) / f"artefact{Path(label).suffix}")
            for label, content in soundtrack.artefacts.items()
        }
        # Last, for it needs no more room: a disk that is full by now has stopped this before.
        name = file_name(stimulus.key)
        put(rendered.path, name)
    took_s = round(time.monotonic() - began, 3)
    return _Made(name, rendered, peaks, took_s, artefacts, _environment(used, rendered))


def _disk_full(error: Exception, clip: Clip) -> str:
    """The sentence for a disk without room, whoever met it; empty where it was something else."""
    met = isinstance(error, OSError) and error.errno in _NO_ROOM
    told = any(words in str(error) for words in _NO_ROOM_IN_WORDS)
    # ffmpeg that cannot write a file's first bytes names a codec and not the disk.
    if not met and not told and disk_usage(root()).free >= padded_size(clip.master_bytes, clip.duration_s):
        return ""
    return (
        "The disk is full: there was no room for this soundtrack, and nothing of it was kept. Free some room on "
        "the disk of the media folder or give it a larger one, then retry; finished soundtracks stand."
    )


def _is_back(stimulus: Stimulus) -> bool:
    return bool(stimulus.file) and stimulus.path.is_file() and digest_of(stimulus.path) == stimulus.file_sha256


def _binds(stimulus: Stimulus) -> str:
    """What rests on the bytes that the row tells of, empty where nothing does."""
    heard = Q(trial__comparison__stimulus_1=stimulus) | Q(trial__comparison__stimulus_2=stimulus)
    if Response.objects.filter(heard).exists():
        return "raters have heard and answered on"
    shown = Q(stimulus_1=stimulus) | Q(stimulus_2=stimulus)
    changeable = (StudyState.DRAFT, StudyState.PILOT)
    frozen = Comparison.objects.filter(shown, in_design=True).exclude(study__state__in=changeable)
    return "a study froze when it opened" if frozen.exists() else ""


def _way_back(stimulus: Stimulus) -> str:
    """What to do where this stimulus cannot be made here: a design that something rests on is not built again."""
    if _binds(stimulus):
        return f"restore {stimulus.file} of the media folder from a backup, then try again"
    return "build the study's design again"


def _there(path: Path, clip: Clip) -> Path:
    if not path.is_file():
        raise NotReady(f"A file of the clip {clip} is gone; import the clip again, its lost files are made anew.")
    return path


def _kept_of_failure(left: Mapping[str, bytes], stimulus: Stimulus) -> dict[str, str]:
    """What a failed system left, as artefacts are kept; nothing where even that has no room."""
    if not left:
        return {}
    try:
        with tempfile.TemporaryDirectory(prefix="render-", dir=root()) as folder:
            return {
                label: _kept(content, Path(folder) / f"artefact{Path(label).suffix}")
                for label, content in left.items()
            }
    except OSError:
        logger.exception("What the system of stimulus %s left could not be kept", stimulus.pk)
        return {}


def _kept(content: bytes, path: Path) -> str:
    path.write_bytes(content)
    return keep(path, "artefacts")[0]


def _generated(stimulus: Stimulus, request: Request, inputs: str, progress: Progress) -> tuple[Soundtrack, str]:
    """The soundtrack and the device it was made on.

    A device without enough memory is emptied and asked again; the processor, which has more, is asked last.
    """
    accelerated = registry.spec(stimulus.system.key).needs_accelerator
    kind = device.device() if accelerated else "cpu"
    tries = [kind] if kind == "cpu" else [kind, kind, "cpu"]
    for used in tries[:-1]:
        try:
            return _played(stimulus.system, request, inputs, progress, used), used
        except OutOfMemory as error:
            logger.warning("Stimulus %s, once more: %s", stimulus.pk, error)
        # After the handler: until then its traceback holds the tensors that were too many.
        _player.cache_clear()
        device.release()
    return _played(stimulus.system, request, inputs, progress, tries[-1]), tries[-1]


def _played(system: System, request: Request, inputs: str, progress: Progress, used: str) -> Soundtrack:
    progress(0.0, "loading the system")
    # One that was built from files which have changed since would play the old ones under the new key.
    made_of = inputs if registry.spec(system.key).built_from_inputs else ""
    player = _player(system.key, system.preset, dumps(system.placed_settings, sort_keys=True), used, made_of)
    return player.generate(request, partial(_scaled, progress))


def _scaled(progress: Progress, share: float, doing: str) -> None:
    progress(GENERATION_SHARE * share, doing)


@lru_cache(maxsize=4)
def _player(key: str, preset: str, chosen: str, used: str, made_of: str) -> Player:
    return registry.build(key, preset, loads(chosen), used)


def _environment(used: str, rendered: Rendered) -> dict[str, Any]:
    return {
        "ffmpeg": ffmpeg_version(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "numpy": version("numpy"),
        "device": device.description(used),
        "limiter_db": rendered.limiter_db,
    }
