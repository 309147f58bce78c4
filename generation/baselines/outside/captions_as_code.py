"""Whether a command of the server's list would run what a caption says.

Only what is known of shells, interpreters and programs that start them; what others do with a text is up to them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

JOINING = frozenset({"ssh", "slogin", "autossh", "rsh", "parallel", "watch", "powershell", "tmux"})
"""Programs that join their arguments and hand the whole to a shell, where a text is code wherever it stands."""

_VALUE = re.compile(r"(?:-{0,2}[A-Za-z][A-Za-z0-9_-]*=)?\{text\}")
_NONE = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a program reads its arguments.

    code: options that take code. flags: options without a value, so that a path behind them is the script.
    valued: options that take a word which is no code. first_word: code needs no option. once: behind the code come
    the code's own arguments. joining: so does all behind the option. script: behind a path come the script's own.
    """

    code: re.Pattern[str]
    flags: re.Pattern[str] = _NONE
    valued: frozenset[str] = frozenset()
    first_word: bool = False
    once: bool = False
    joining: bool = False
    script: bool = True


_SHELL = _Reading(re.compile(r"-[A-Za-z]*c"), flags=re.compile(r"-[abefhiklmnprtuvx]+|--"), once=True)
_PYTHON = _Reading(re.compile(r"-[A-Za-z]*c"), flags=re.compile(r"-[bBdEiIOPqsSuvx]+|-m"), once=True)
_LAUNCHER = _Reading(re.compile(r"-[A-Za-z]*S|--split-string\b"))
_USER = _Reading(re.compile(r"-[A-Za-z]*c|--(?:session-)?command\b"), script=False)

READINGS = {
    **dict.fromkeys(("sh", "bash", "rbash", "dash", "zsh", "ksh", "ash", "csh", "tcsh"), _SHELL),
    "fish": _Reading(re.compile(r"-[A-Za-z]*[cC]|--(?:init-)?command\b")),
    **dict.fromkeys(("python", "pypy", "ipython"), _PYTHON),
    "perl": _Reading(re.compile(r"-[A-Za-z]*[eE]"), flags=re.compile(r"-w|--")),
    "ruby": _Reading(re.compile(r"-[A-Za-z]*e"), flags=re.compile(r"-w|--")),
    **dict.fromkeys(("node", "nodejs", "bun"), _Reading(re.compile(r"-[A-Za-z]*[ep]|--(?:eval|print)\b"))),
    "deno": _Reading(re.compile(r"(?:--)?eval\b"), flags=re.compile(r"-A|--allow-.+")),
    "php": _Reading(re.compile(r"-[A-Za-z]*[rBRE]|--(?:run|process-\w+)\b")),
    **dict.fromkeys(("lua", "luajit"), _Reading(re.compile(r"-[A-Za-z]*e"))),
    **dict.fromkeys(("Rscript", "R"), _Reading(re.compile(r"-e"))),
    **dict.fromkeys(("octave", "octave-cli"), _Reading(re.compile(r"--eval\b"))),
    "matlab": _Reading(re.compile(r"-(?:batch|r)\b"), script=False),
    "julia": _Reading(re.compile(r"-[A-Za-z]*[eE]|--(?:eval|print)\b")),
    "pwsh": _Reading(re.compile(r"(?i)--?(?:c[a-z]*|e|ec|en[a-z]*)(?!\w)"), joining=True),
    "tclsh": _Reading(_NONE),
    "expect": _Reading(re.compile(r"-[A-Za-z]*c")),
    "guile": _Reading(re.compile(r"-[ce]")),
    "osascript": _Reading(re.compile(r"-e")),
    **dict.fromkeys(
        ("awk", "gawk", "mawk", "nawk"),
        _Reading(re.compile(r"-e|--source\b"), valued=frozenset({"-v", "-F"}), first_word=True),
    ),
    "sed": _Reading(re.compile(r"-[A-Za-z]*e|--expression\b"), first_word=True),
    **dict.fromkeys(
        ("env", "busybox", "xargs", "nice", "nohup", "timeout", "setsid", "stdbuf", "sudo", "doas"), _LAUNCHER
    ),
    **dict.fromkeys(("su", "runuser", "script", "flock"), _USER),
    "sbatch": _Reading(re.compile(r"--wrap\b")),
    "screen": _Reading(
        re.compile(r"-[A-Za-z]*X"),
        valued=frozenset({"-S", "-dmS", "-DmS", "-c", "-t"}),
        first_word=True,
        joining=True,
        script=False,
    ),
}


def joins(argv: tuple[str, ...]) -> str | None:
    """The program among these that joins its arguments for a shell, if any."""
    for before, argument in zip(("", *argv), argv, strict=False):
        # "--decoding parallel" is a word about another program.
        if _name(argument) in JOINING and not before.startswith("--"):
            return _name(argument)
    return None


def run_as_code(argv: tuple[str, ...]) -> str | None:
    """The argument by which a caption would be run, None where there is none.

    Where an interpreter, or a program that starts one, stands anywhere in argv, a text must be an argument by
    itself or the value of a named one, and never the first word after an option that takes code. Behind the path
    of a script, arguments are the script's.
    """
    reading: _Reading | None = None
    awaited = joined = False
    before = ""
    for argument in argv:
        takes_code = reading is not None and bool(reading.code.match(argument))
        valued = reading is not None and before in reading.valued
        if "{text}" in argument and reading is not None:
            code = joined or takes_code or (awaited and not valued)
            if code or not _VALUE.fullmatch(argument):
                return argument
        if found := READINGS.get(_name(argument)):
            reading, awaited = found, found.first_word
        elif takes_code:
            assert reading is not None
            awaited, joined = True, joined or reading.joining
        elif reading is not None and not valued and not argument.startswith("-"):
            if awaited:
                awaited = False
                reading = None if reading.once else reading
            elif _is_script(argument, before, reading):
                reading = None
        before = argument
    return None


def _is_script(argument: str, before: str, reading: _Reading) -> bool:
    """Whether a word is the program that all further arguments are for, and not the value of an option."""
    if not before.startswith("-"):
        return reading.script and argument.startswith("/")
    return bool(reading.flags.fullmatch(before)) and (argument.startswith("/") or before == "-m")


def _name(argument: str) -> str:
    """ "python3.11" and "/usr/bin/python3" are python."""
    return "" if "{" in argument else PurePosixPath(argument).name.rstrip("0123456789.")
