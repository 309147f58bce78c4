"""Published files: found, compared with what was published, and refused when they are another."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from generation.cascade.published import resolve as module
from generation.cascade.published.resolve import (
    Component,
    PublishedFile,
    components,
    from_hub,
    published_keys,
    resolve,
)
from generation.contracts import GenerationError

CONTENT = b"weights of somebody"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FILE = PublishedFile(
    "huggingface", "some/body", "model.safetensors", len(CONTENT), DIGEST, "here", "dac-16khz.json"
)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Component:
    """A manifest of one component with one file, whose digest is published."""
    return listed(monkeypatch, FILE)


def listed(monkeypatch: pytest.MonkeyPatch, *files: PublishedFile) -> Component:
    wanted = Component("example", "codec", "An example", "the paper's", "MIT", True, files)
    monkeypatch.setattr(module, "components", lambda: {"example": wanted})
    return wanted


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.usefixtures("example")
@pytest.mark.parametrize("place", ["example/model.safetensors", "some/body/model.safetensors"])
def test_a_local_file_is_found_and_verified(tmp_path: Path, place: str) -> None:
    path = put(tmp_path / place)
    found = resolve("example", tmp_path)
    assert (found.path, found.sha256, found.verified) == (path, DIGEST, True)


@pytest.mark.usefixtures("example")
def test_another_file_is_refused_naming_both_digests(tmp_path: Path) -> None:
    put(tmp_path / "example/model.safetensors", b"something else")
    with pytest.raises(GenerationError) as caught:
        resolve("example", tmp_path)
    assert DIGEST in str(caught.value)
    assert hashlib.sha256(b"something else").hexdigest() in str(caught.value)


def test_a_digest_that_nobody_publishes_is_worked_out_and_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listed(monkeypatch, replace(FILE, sha256=None))
    put(tmp_path / "example/model.safetensors")
    found = resolve("example", tmp_path)
    assert (found.sha256, found.verified) == (DIGEST, False)


@pytest.mark.usefixtures("example")
def test_a_missing_file_is_said_where_to_get(tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match=r"some/body/model\.safetensors.*MIT"):
        resolve("example", tmp_path)


@pytest.mark.usefixtures("example")
def test_what_lies_here_is_not_fetched(tmp_path: Path) -> None:
    put(tmp_path / "example/model.safetensors")

    def fetch(file: PublishedFile, folder: Path) -> Path:
        raise AssertionError(f"{file.address} was fetched")

    resolve("example", tmp_path, fetch)


@pytest.mark.usefixtures("example")
def test_what_is_fetched_is_verified_too(tmp_path: Path) -> None:
    def fetch(file: PublishedFile, folder: Path) -> Path:
        return put(folder / file.file, b"tampered with")

    with pytest.raises(GenerationError, match=DIGEST):
        resolve("example", tmp_path, fetch)


def test_a_file_that_holds_code_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listed(monkeypatch, replace(FILE, file="code.pt", unreadable="it holds code"))
    put(tmp_path / "example/code.pt")
    with pytest.raises(GenerationError, match="it holds code"):
        resolve("example", tmp_path)


def test_an_unknown_component_is_named_with_the_options(tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match="w2v-bert"):
        resolve("wav2lip", tmp_path)


def test_a_hub_out_of_reach_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def unreachable(**asked: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(hub, "hf_hub_download", unreachable)
    with pytest.raises(GenerationError, match="no route"):
        from_hub(FILE, tmp_path)


@pytest.mark.parametrize("name", sorted(components()))
def test_the_manifest_says_licence_digest_and_keys_of_every_file(name: str) -> None:
    entry = components()[name]
    assert entry.licence
    assert entry.files
    for file in entry.files:
        assert file.digest_from
        assert file.sha256 is None or len(file.sha256) == 64
        keys = published_keys(file)
        assert keys
        assert all(size > 0 for shape in keys.values() for size in shape)


def test_weights_not_for_commercial_use_are_marked() -> None:
    assert [name for name, entry in components().items() if not entry.commercial] == ["mert"]
