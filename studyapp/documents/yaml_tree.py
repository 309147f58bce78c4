"""YAML as a tree that knows its lines. Nothing is constructed but text, numbers, dates, lists and mappings.

Read event by event, so that a file is refused before it is built: aliases (of which a few lines make gigabytes),
tags (which name classes), nesting without end, keys given twice (of which loaders keep the last in silence).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

import yaml

from studyapp.documents.problems import Problem, StudyFileError

MAX_BYTES = 2_000_000
MAX_DEPTH = 12
MAX_NODES = 200_000
# libyaml reads a study of thousands of clips ten times as fast; a wheel may come without it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCALARS = ("str", "int", "float", "bool", "null", "timestamp")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

Plain: TypeAlias = "str | int | float | bool | date | None"


@dataclass(frozen=True, slots=True)
class Scalar:
    """raw: as it is written, for what a number would round."""

    line: int
    value: Plain
    raw: str


@dataclass(slots=True)
class Listed:
    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapped:
    line: int
    items: dict[str, Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


Node: TypeAlias = "Scalar | Listed | Mapped"


def parse(content: bytes | str) -> tuple[Mapped, list[Problem]]:
    """The tree of a file whose outermost thing is a mapping, and every key that is given twice.

    Raises StudyFileError, naming the line, where it cannot be read on.
    """
    text = as_text(content)
    try:
        builder = _Builder()
        tree = builder.build(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(filter(None, (error.context, error.problem)))
        raise _refused(f"this is not YAML: {said}", mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise _refused(f"this is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(tree, Mapped):
        raise _refused("a study file is a mapping of headings; begin it with “duet_study: 1”")
    return tree, builder.problems


def plain(node: Node) -> Any:
    """A node without its lines."""
    if isinstance(node, Mapped):
        return {key: plain(item) for key, item in node.items.items()}
    if isinstance(node, Listed):
        return [plain(item) for item in node.items]
    return node.value


def as_text(content: bytes | str) -> str:
    """The file's text. Raises StudyFileError where it is too large, no text, or empty."""
    size = len(content) if isinstance(content, bytes) else len(content.encode(errors="replace"))
    if size > MAX_BYTES:
        raise _refused(f"the file has {size / 1e6:.1f} MB; a study file has {MAX_BYTES / 1e6:g} MB at most")
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise _refused("the file is not text in UTF-8; save it as such") from None
    if found := _CONTROL.search(content):
        line = content.count("\n", 0, found.start()) + 1
        raise _refused("the line holds a control character; take it out", line)
    if not content.strip():
        raise _refused("the file is empty")
    return content


def _refused(message: str, line: int | None = None) -> StudyFileError:
    return StudyFileError([Problem("", message, line)])


class _Builder:
    """One pass over the events of one document."""

    def __init__(self) -> None:
        self.stack: list[tuple[Listed | Mapped, str | None]] = []
        self.root: Node | None = None
        self.nodes = 0
        self.problems: list[Problem] = []

    def build(self, text: str) -> Node:
        loader = _Loader(text)
        try:
            documents = 0
            for event in _events(loader):
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        raise _refused("the file holds two documents; take the second “---” out", _line(event))
                elif isinstance(event, yaml.AliasEvent):
                    raise _refused(f"“*{event.anchor}”: no aliases; write it out", _line(event))
                elif isinstance(event, yaml.NodeEvent):
                    self._open(event, loader)
                elif isinstance(event, yaml.CollectionEndEvent):
                    self._close()
        finally:
            loader.dispose()
        if self.root is None:
            raise _refused("the file is empty but for comments")
        return self.root

    def _open(self, event: Any, loader: Any) -> None:
        line = _line(event)
        self.nodes += 1
        if event.anchor is not None:
            raise _refused(f"“&{event.anchor}”: no anchors; write it out where it is needed", line)
        if self.nodes > MAX_NODES:
            raise _refused(f"the file holds more than {MAX_NODES} values", line)
        if event.tag is not None:
            raise _refused(f"“{event.tag}”: no tags; write plain text, numbers, lists and mappings", line)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, loader, line)
        else:
            if len(self.stack) >= MAX_DEPTH:
                raise _refused(f"nested more than {MAX_DEPTH} deep", line)
            node = Mapped(line) if isinstance(event, yaml.MappingStartEvent) else Listed(line)
        self._put(node)
        if not isinstance(node, Scalar):
            self.stack.append((node, None))

    def _put(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        parent, key = self.stack[-1]
        if isinstance(parent, Listed):
            parent.items.append(node)
            return
        if key is None:
            if not isinstance(node, Scalar):
                raise _refused("a key is a word, not a list or mapping", node.line)
            # As written: an id like 007 or a language like no stays what it is.
            name = node.raw
            if name in parent.lines:
                here = f"“{name}” is given a second time; the first is in line {parent.lines[name]}"
                self.problems.append(Problem(self._path(), here, node.line))
            parent.lines[name] = node.line
            self.stack[-1] = (parent, name)
            return
        parent.items[key] = node
        if isinstance(node, Scalar):
            self.stack[-1] = (parent, None)

    def _close(self) -> None:
        self.stack.pop()
        # The key stays until its list or mapping ends: problems inside name it.
        if self.stack:
            self.stack[-1] = (self.stack[-1][0], None)

    def _path(self) -> str:
        return ".".join(key for _, key in self.stack if key)

    def _scalar(self, event: Any, loader: Any, line: int) -> Scalar:
        tag = loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        kind = tag.rpartition(":")[2]
        if kind not in _SCALARS:
            # "=" and "<<" have meanings of their own in YAML 1.1; nobody means them here.
            kind = "str"
        if found := _CONTROL.search(event.value):
            raise _refused(f"the text holds the control character {found[0]!r}; take it out", line)
        if kind == "str":
            return Scalar(line, event.value, event.value)
        try:
            value = loader.construct_object(yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark))
        except (ValueError, OverflowError, yaml.YAMLError):
            raise _refused(f"“{event.value[:40]}” is no number or date; put text in quotes", line) from None
        return Scalar(line, value, event.value)


def _events(loader: Any) -> Iterator[Any]:
    while loader.check_event():
        yield loader.get_event()


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
