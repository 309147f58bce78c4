"""A model that is a program on this machine: it is told what to write and where, and its file is what is heard."""

from __future__ import annotations

import json
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from generation.baselines.outside.audio_file import RATE_HZ, waveform_of
from generation.baselines.outside.configuration import Command, load
from generation.baselines.outside.running import Ending, run
from generation.baselines.outside.words import last_words
from generation.contracts import ClipFacts, Failed, GenerationError, Progress, Request, Settings, Soundtrack

LONGEST_TEXT_BYTES = 100_000
"""Linux takes 128 KiB in one argument."""


@dataclass(frozen=True, slots=True)
class CommandSystem:
    """Runs the command of that name as the server's file has it when the soundtrack is made.

    The file is read each time and not once, for its command is part of what a soundtrack's key stands for.
    """

    name: str

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """48 kHz stereo, ``request.duration_s`` long; what the program said is kept as ``stderr.txt``.

        Raises Failed with the program's exit status and last words, or what is wrong with its file, and the tail
        of its stderr; GenerationError where it was not run.
        """
        command = load().command(self.name)
        problem = _unreadable_text(command, request.clip_id, request.text or "")
        if problem:
            raise GenerationError(problem)
        program = _program(command)
        # Whatever the program leaves there, without rights or without end, must not fail the soundtrack.
        with TemporaryDirectory(prefix="duet-command-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            output = folder / "soundtrack.wav"
            # A copy: the program could write into what it is given, and all systems are shown the same master.
            video = shutil.copyfile(request.video, folder / "video.mp4")
            filled = command.arguments(
                {
                    "video": str(video),
                    "text": request.text or "",
                    "seed": str(request.seed),
                    "duration": f"{request.duration_s:.3f}",
                    "output": str(output),
                }
            )
            ending = _ended(command, [str(program), *filled[1:]], folder, progress)
            if not output.is_file():
                raise Failed(
                    f"{command.name} ended well and wrote no file{_said(ending)}; "
                    "let it write the audio to {output}",
                    _left(ending),
                )
            progress(0.95, f"reading what {command.name} wrote")
            try:
                waveform = waveform_of(output, command.name, request.duration_s)
            except GenerationError as error:
                raise Failed(str(error), _left(ending)) from error
        return Soundtrack(waveform, RATE_HZ, _left(ending))


def build(preset: str, settings: Settings, device: str) -> CommandSystem:
    """Raises GenerationError when the setting names no command of the server's file."""
    return CommandSystem(_chosen(settings).name)


def refusal(facts: ClipFacts, settings: Settings) -> str | None:
    """Refuses an unknown command, one whose program is missing, and a clip without the caption it reads."""
    try:
        command = _chosen(settings)
        _program(command)
    except GenerationError as error:
        return str(error)
    return _unreadable_text(command, facts.clip_id, facts.caption)


def inputs(facts: ClipFacts, settings: Settings) -> tuple[str | Path, ...]:
    """The command line as the server's file has it, the program, and those of its arguments that are files."""
    command = _chosen(settings)
    arguments = [Path(argument) for argument in command.argv[1:]]
    files = [path for path in arguments if path.is_absolute() and path.is_file()]
    return (json.dumps(command.argv), _program(command).resolve(), *files)


def _chosen(settings: Settings) -> Command:
    name = str(settings.get("command", "")).strip()
    outside = load()
    if not name:
        options = ", ".join(sorted(outside.commands)) or f"none; add [commands.NAME] to {outside.path}"
        raise GenerationError(f"command needs the setting `command`, one of the server's list: {options}")
    return outside.command(name)


def _program(command: Command) -> Path:
    found = shutil.which(command.argv[0])
    if found is None:
        raise GenerationError(
            f"the program {command.argv[0]!r} of [commands.{command.name}] is not here or may not be run; "
            "install it, or give its whole path as the first of argv"
        )
    return Path(found)


def _unreadable_text(command: Command, clip_id: str, text: str) -> str | None:
    if not command.reads_text:
        return None
    if not text.strip():
        return (
            f"{command.name} reads a text and {clip_id} has no caption; add one, or leave that command out for it"
        )
    if "\0" in text or len(text.encode()) > LONGEST_TEXT_BYTES:
        return (
            f"the caption of {clip_id} cannot be given to a program: it holds a NUL character or has more than "
            f"{LONGEST_TEXT_BYTES // 1000} KB; shorten it"
        )
    return None


def _ended(command: Command, argv: list[str], folder: Path, progress: Progress) -> Ending:
    """The end of the program. Raises Failed unless it is a good one, GenerationError where it never began."""

    def tick(passed_s: float) -> None:
        progress(0.9 * passed_s / command.timeout_s, f"{command.name} has been running for {passed_s:.0f} s")

    progress(0.0, f"starting {command.name}")
    try:
        ending = run(
            argv,
            folder=folder,
            timeout_s=command.timeout_s,
            memory_mib=command.memory_mib,
            disk_mib=command.disk_mib,
            tick=tick,
        )
    except OSError as error:
        raise GenerationError(f"{command.name} could not be started: {error.strerror}; mend its argv") from None
    if ending.stopped == "disk":
        raise Failed(
            f"{command.name} was stopped: it filled more than {command.disk_mib} MiB of disk{_said(ending)}; "
            f"raise disk_mib of [commands.{command.name}] or let it write less",
            _left(ending),
        )
    if ending.status is None:
        raise Failed(
            f"{command.name} was stopped after {command.timeout_s:g} s without an end{_said(ending)}; raise "
            f"timeout_s of [commands.{command.name}] or make it quicker",
            _left(ending),
        )
    if ending.status:
        raise Failed(
            f"{command.name} {_how(ending.status)}{_said(ending)}; it may use {_memory(command)} and write "
            f"{_disk(command)}. Run it by hand on this clip to see why",
            _left(ending),
        )
    return ending


def _how(status: int) -> str:
    # A shell that started what was ended by a signal says so with 128 and the signal's number.
    if status in (-signal.SIGXFSZ, 128 + signal.SIGXFSZ):
        return "was ended for writing too large a file (SIGXFSZ)"
    if status > 0:
        return f"ended with exit status {status}"
    known = -status in {int(number) for number in signal.Signals}
    return f"was ended by {signal.Signals(-status).name if known else f'signal {-status}'}"


def _memory(command: Command) -> str:
    return f"{command.memory_mib} MiB of memory" if command.memory_mib else "all memory"


def _disk(command: Command) -> str:
    return f"files of {command.disk_mib} MiB" if command.disk_mib else "files of any size"


def _left(ending: Ending) -> dict[str, bytes]:
    return {"stderr.txt": ending.stderr} if ending.stderr else {}


def _said(ending: Ending) -> str:
    words = last_words(ending.stderr) or last_words(ending.stdout)
    return f", its last words: “{words}”" if words else " and said nothing"
