"""Find a published weight file, here or on the hub, and make sure that it is the one that was published.

``manifest.json`` says of every component where its files are, their licence, and their digests where these are
stated in public. Nothing that a file holds is ever run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from generation.cascade.published.libraries import hub
from generation.contracts import GenerationError

MANIFEST = Path(__file__).parent / "manifest.json"
KEYS = Path(__file__).parent / "keys"


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of a component.

    host: ``huggingface``, or where else it is to be fetched by hand. sha256: None where no public source states
    it; ``digest_from`` says which does, or why none. keys: file in ``keys`` with the names and shapes it has.
    beside: further files of the repository that have to lie beside it. unreadable: why it cannot be read, if so.
    """

    host: str
    repository: str
    file: str
    bytes: int | None
    sha256: str | None
    digest_from: str
    keys: str
    beside: tuple[str, ...] = ()
    unreadable: str = ""

    @property
    def address(self) -> str:
        return f"{self.host}: {self.repository}/{self.file}"


@dataclass(frozen=True, slots=True)
class Component:
    """A published network. part: of the cascade that it fills. stands_for: what the paper has in its place."""

    name: str
    part: str
    network: str
    stands_for: str
    licence: str
    commercial: bool
    files: tuple[PublishedFile, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is there. verified: its digest is the published one, and not only its own."""

    path: Path
    sha256: str
    verified: bool
    file: PublishedFile


Fetch = Callable[[PublishedFile, Path], Path]
"""Bring a file, and those beside it, into a folder; gives its path."""


@cache
def components() -> dict[str, Component]:
    """Every component of the manifest by name."""
    return {
        name: Component(
            name=name,
            part=entry["part"],
            network=entry["network"],
            stands_for=entry["stands_for"],
            licence=entry["licence"],
            commercial=entry["commercial"],
            files=tuple(PublishedFile(**{**file, "beside": tuple(file["beside"])}) for file in entry["files"]),
        )
        for name, entry in json.loads(MANIFEST.read_text(encoding="utf-8")).items()
    }


def component(name: str) -> Component:
    """The component of a name. Raises GenerationError naming the options."""
    if name not in components():
        raise GenerationError(f"no published component {name!r}; there are {', '.join(components())}")
    return components()[name]


def resolve(name: str, folder: Path, fetch: Fetch | None = None) -> Found:
    """A component's file: in ``folder``, or brought there by ``fetch`` (``from_hub``, say) when it is given.

    It is looked for as ``<folder>/<name>/<file>`` and ``<folder>/<repository>/<file>``. A digest that no public
    source states is worked out and told in the result. Raises GenerationError when the file is missing or another.
    """
    wanted = component(name)
    found = local(wanted, folder)
    if found is None and fetch is not None:
        offered = next((file for file in wanted.files if file.host == "huggingface" and not file.unreadable), None)
        if offered is not None:
            found = offered, fetch(offered, folder / offered.repository)
    if found is None:
        raise GenerationError(_where_to_get(wanted, folder))
    return verify(*found)


def local(wanted: Component, folder: Path) -> tuple[PublishedFile, Path] | None:
    """The first of a component's files that lies in ``folder``. Raises GenerationError when it cannot be read."""
    unreadable = None
    for file in wanted.files:
        for path in (folder / wanted.name / Path(file.file).name, folder / file.repository / file.file):
            if path.is_file():
                if not file.unreadable:
                    return file, path
                unreadable = f"{path} cannot be read here: {file.unreadable}"
    if unreadable:
        raise GenerationError(unreadable)
    return None


def verify(file: PublishedFile, path: Path) -> Found:
    """Compare a file with what was published. Raises GenerationError naming both digests when they differ."""
    digest = digest_of(path)
    if file.sha256 is not None and digest != file.sha256:
        raise GenerationError(
            f"{path} is not what was published as {file.address}: its SHA-256 is {digest}, that of the published "
            f"file {file.sha256}; fetch it again"
        )
    return Found(path, digest, file.sha256 is not None, file)


def from_hub(file: PublishedFile, folder: Path) -> Path:
    """Bring a file and those beside it from Hugging Face's hub into ``folder``; needs a connection.

    Raises GenerationError when the hub cannot be reached or does not have it.
    """
    library = hub()
    try:
        for name in (*file.beside, file.file):
            library.hf_hub_download(repo_id=file.repository, filename=name, local_dir=folder)
    except (OSError, ValueError, library.errors.HfHubHTTPError) as error:
        raise GenerationError(
            f"{file.address} could not be fetched ({type(error).__name__}: {_first_line(error)}); fetch it where "
            f"there is a connection, and put it into {folder}"
        ) from error
    return folder / file.file


def published_keys(file: PublishedFile) -> dict[str, tuple[int, ...]]:
    """The names and shapes that a file has, as they were read from the source its listing names."""
    listing = json.loads((KEYS / file.keys).read_text(encoding="utf-8"))
    return {name: tuple(shape) for name, shape in listing["keys"].items()}


def digest_of(path: Path) -> str:
    """SHA-256 of a file, read once from end to end."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "no reason given")


def _where_to_get(wanted: Component, folder: Path) -> str:
    places: Sequence[str] = [
        f"{file.address}, as {folder / wanted.name / Path(file.file).name}"
        + (f" with {', '.join(file.beside)} beside it" if file.beside else "")
        for file in wanted.files
        if not file.unreadable
    ]
    return f"{wanted.network} is not in {folder}; get {'; or '.join(places)} ({wanted.licence})"
