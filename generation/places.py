"""Files and folders that a setting names."""

from __future__ import annotations

from pathlib import Path

from generation.contracts import GenerationError


def path_of(setting: str, given: str) -> Path:
    """The path that a setting names, ``~`` filled in. Raises GenerationError for a home that nobody has."""
    try:
        return Path(given.strip()).expanduser()
    except RuntimeError:
        raise GenerationError(
            f"`{setting}` names {given!r}, whose home folder is unknown; write the whole path"
        ) from None


def is_dir(setting: str, path: Path) -> bool:
    """Whether a folder is there. Raises GenerationError where this server may not look."""
    try:
        return path.is_dir()
    except OSError as error:
        raise _unseen(setting, path, error) from None


def is_file(setting: str, path: Path) -> bool:
    """Whether a file is there. Raises GenerationError where this server may not look."""
    try:
        return path.is_file()
    except OSError as error:
        raise _unseen(setting, path, error) from None


def entries(setting: str, folder: Path) -> list[Path]:
    """What lies in a folder, by name. Raises GenerationError where this server may not list it."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise _unseen(setting, folder, error) from None


def _unseen(setting: str, path: Path, error: OSError) -> GenerationError:
    return GenerationError(
        f"`{setting}`: {path.name[:80]} cannot be looked at ({error.strerror}); "
        "check the name, and that this server may read it"
    )
