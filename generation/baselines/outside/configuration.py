"""The server's own list of outside systems: which commands may be run, which hosts may be asked.

A TOML file named by the environment variable DUET_OUTSIDE. Nothing typed into a web page can extend it: a system's
setting picks a name out of it. docs/outside-systems.md is its manual.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Any

from generation.baselines.outside.captions_as_code import joins, run_as_code
from generation.baselines.outside.fields import Fields
from generation.contracts import GenerationError
from generation.places import path_of

VARIABLE = "DUET_OUTSIDE"
MANUAL = "docs/outside-systems.md"
PLACEHOLDERS = ("video", "text", "seed", "duration", "output")


@dataclass(frozen=True, slots=True)
class Command:
    """One program that may be run, by its name in the file.

    argv: the program and its arguments with ``{placeholders}``, each of which stays within its own argument.
    memory_mib: address space each of its processes may have; 0 for no limit, as CUDA needs.
    disk_mib: what each file that it writes, and all that it leaves in its folder, may take; 0 for no limit.
    reads_text: whether ``{text}`` occurs, so that the clip must have a caption.
    """

    name: str
    argv: tuple[str, ...]
    timeout_s: float
    memory_mib: int
    disk_mib: int
    reads_text: bool
    label: str
    licence: str
    citation: str

    def arguments(self, values: Mapping[str, str]) -> list[str]:
        """argv with its placeholders filled in once: what a value holds is never read as a placeholder."""
        return ["".join(_filled(argument, values)) for argument in self.argv]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Who may be asked over HTTP, and how patiently.

    allowed_hosts: "host:port", or "host" for the usual port of http and https.
    timeout_s: for one soundtrack with all its retries.
    token_env: the environment variable that holds a bearer token; empty for none.
    """

    allowed_hosts: tuple[str, ...] = ()
    timeout_s: float = 600.0
    retries: int = 3
    token_env: str = ""


@dataclass(frozen=True, slots=True)
class Outside:
    """The whole file."""

    path: Path
    commands: Mapping[str, Command] = field(default_factory=dict)
    endpoints: Endpoints = field(default_factory=Endpoints)

    def command(self, name: str) -> Command:
        """The command of that name. Raises GenerationError naming those there are."""
        if name not in self.commands:
            options = ", ".join(sorted(self.commands)) or "none"
            raise GenerationError(
                f"no command {name!r} in {self.path}; there are: {options}. Choose one of them, or let the "
                f"administrator add [commands.{name or 'NAME'}] there ({MANUAL})"
            )
        return self.commands[name]


def load() -> Outside:
    """Read the file that DUET_OUTSIDE names. Raises GenerationError naming file, entry and what to write."""
    named = os.environ.get(VARIABLE, "").strip()
    if not named:
        raise GenerationError(
            f"this server allows no outside systems; set {VARIABLE} to a TOML file that lists them ({MANUAL})"
        )
    path = path_of(VARIABLE, named)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GenerationError(
            f"{VARIABLE} names {path}, which cannot be read ({error.strerror}); write that file or name another"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GenerationError(f"{path} is not TOML: {error}; mend it ({MANUAL} has an example)") from None
    top = Fields(path, "the file", content)
    commands = top.table("commands")
    found = {name: _command(Fields(path, f"[commands.{name}]", entry), name) for name, entry in commands.items()}
    endpoints = _endpoints(Fields(path, "[endpoints]", top.table("endpoints")))
    top.done()
    return Outside(path, found, endpoints)


def _command(entry: Fields, name: str) -> Command:
    argv = entry.words("argv", 'argv = ["/usr/bin/python3", "/srv/model/run.py", "--out={output}"]')
    used = _placeholders(entry, argv)
    if "output" not in used:
        raise entry.wrong("argv never says {output}", "pass the file to write: --out={output}, say")
    if not os.path.isabs(argv[0]) and "/" in argv[0]:
        raise entry.wrong(f"the program {argv[0]!r} is a relative path", "give the whole path, from / on")
    _no_code_of_texts(entry, argv)
    reads_text = entry.flag("reads_text", default="text" in used)
    if reads_text != ("text" in used):
        there, mend = ("never says {text}", "add it") if reads_text else ("says {text}", "remove it")
        raise entry.wrong(
            f"reads_text is {str(reads_text).lower()} and argv {there}", f"{mend}, or turn reads_text"
        )
    command = Command(
        name=name,
        argv=argv,
        timeout_s=entry.seconds("timeout_s", default=600.0),
        memory_mib=entry.whole("memory_mib", default=8192),
        disk_mib=entry.whole("disk_mib", default=2048),
        reads_text=reads_text,
        label=entry.word("label"),
        licence=entry.word("licence"),
        citation=entry.word("citation"),
    )
    entry.done()
    return command


def _endpoints(entry: Fields) -> Endpoints:
    hosts = entry.words("allowed_hosts", 'allowed_hosts = ["127.0.0.1:9000", "models.example.org"]', default=())
    for host in hosts:
        if "/" in host or "@" in host or host != host.strip() or not host:
            raise entry.wrong(f"{host!r} is not a host", 'write "host" or "host:port", without http:// or a path')
    endpoints = Endpoints(
        allowed_hosts=tuple(host.lower() for host in hosts),
        timeout_s=entry.seconds("timeout_s", default=600.0),
        retries=entry.whole("retries", default=3),
        token_env=entry.word("token_env"),
    )
    entry.done()
    return endpoints


def _placeholders(entry: Fields, argv: tuple[str, ...]) -> set[str]:
    used: set[str] = set()
    for argument in argv:
        try:
            parts = list(Formatter().parse(argument))
        except ValueError:
            raise entry.wrong(
                f"the argument {argument!r} has a lone brace", "write {{ and }} for braces"
            ) from None
        for _, name, form, conversion in parts:
            if name is None:
                continue
            if name not in PLACEHOLDERS or form or conversion:
                options = ", ".join(f"{{{option}}}" for option in PLACEHOLDERS)
                raise entry.wrong(
                    f"the argument {argument!r} has an unknown placeholder",
                    f"there are {options}; write {{{{ and }}}} for braces",
                )
            used.add(name)
    return used


def _no_code_of_texts(entry: Fields, argv: tuple[str, ...]) -> None:
    """Refuses ``sh -c "sing {text}"`` and its kin, which would run what a caption says."""
    joining = joins(argv)
    if joining and any("{text}" in argument for argument in argv):
        raise entry.wrong(
            f"{joining} would run what a caption says: it joins its arguments for a shell",
            "let a script of yours quote the text, and list that script",
        )
    argument = run_as_code(argv)
    if argument is not None:
        raise entry.wrong(
            f"{argv[0]} would run what a caption says, in the argument {argument!r}",
            'give the text an argument of its own: ["sh", "-c", "sing \\"$1\\"", "sh", "{text}"]',
        )


def _filled(argument: str, values: Mapping[str, str]) -> list[str]:
    parts: list[tuple[str, Any, Any, Any]] = list(Formatter().parse(argument))
    return [literal + (values[name] if name is not None else "") for literal, name, _, _ in parts]
