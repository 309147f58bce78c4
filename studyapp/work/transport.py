"""The embedded broker: a folder of messages that loses none, for a machine without Redis.

Kombu's own file transport shows readers half-written files and forgets what a killed worker held. Here a message
is a file that appears whole (written aside, then renamed), is taken by renaming it into its reader's private
folder, is removed when acknowledged, and is put back by the next reader when its reader has died, which shows in
a file lock that the operating system releases.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import IO, Any

from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES, virtual

logger = logging.getLogger(__name__)

SCHEME = "duetfs"
POLL_S = 0.1
_TAKEN = "taken"
_LOCK = "lock"


def register() -> None:
    """Make ``duetfs://`` known to kombu."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"


def is_embedded(broker_url: str) -> bool:
    return broker_url.startswith(f"{SCHEME}:")


class Channel(virtual.Channel):
    """Queues as folders below settings.EMBEDDED_BROKER_DIR."""

    # What is unacknowledged at the end is given back by renaming, not by sending it anew.
    do_restore = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._own: Path | None = None
        self._lock: IO[bytes] | None = None
        self._held: dict[str, Path] = {}

    @property
    def _folder(self) -> Path:
        return Path(settings.EMBEDDED_BROKER_DIR)

    def basic_consume(self, queue: str, *args: Any, **kwargs: Any) -> None:
        if self._own is None:
            self._own, self._lock = _private_folder(self._folder / _TAKEN)
            give_back_of_the_dead(self._folder)
        super().basic_consume(queue, *args, **kwargs)

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        super().basic_ack(delivery_tag, multiple)
        held = self._held.pop(delivery_tag, None)
        if held is not None:
            held.unlink(missing_ok=True)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        # The message itself is put back below, so the quality-of-service book need only forget it.
        super().basic_reject(delivery_tag, requeue=False)
        held = self._held.pop(delivery_tag, None)
        if held is not None and requeue:
            _give_back(held, self._folder)
        elif held is not None:
            held.unlink(missing_ok=True)

    def close(self) -> None:
        super().close()
        for held in self._held.values():
            _give_back(held, self._folder)
        self._held.clear()
        if self._own is not None and self._lock is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            self._lock.close()
            self._own = self._lock = None

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        folder = self._queue_folder(queue)
        # Wall-clock order: a monotonic clock starts anew with the machine.
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex}"
        part = folder / f".{name}"
        part.write_text(json.dumps(message))
        os.replace(part, folder / name)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        folder = self._queue_folder(queue)
        for name in _messages(folder):
            taken = self._place(queue, name)
            try:
                # Of two readers one finds the file gone; a rename inside one disk is all or nothing.
                os.rename(folder / name, taken)
            except FileNotFoundError:
                continue
            try:
                message: dict[str, Any] = json.loads(taken.read_bytes())
                self._held[message["properties"]["delivery_tag"]] = taken
            except (ValueError, KeyError, TypeError):
                logger.error("Message %s of queue %s is unreadable and was set aside", name, queue)
                aside = self._folder / "unreadable"
                aside.mkdir(exist_ok=True)
                os.replace(taken, aside / name)
                continue
            return message
        raise Empty

    def _size(self, queue: str) -> int:
        return len(_messages(self._queue_folder(queue)))

    def _purge(self, queue: str) -> int:
        folder = self._queue_folder(queue)
        names = _messages(folder)
        for name in names:
            (folder / name).unlink(missing_ok=True)
        return len(names)

    def _queue_folder(self, queue: str) -> Path:
        folder = self._folder / "queues" / queue
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _place(self, queue: str, name: str) -> Path:
        if self._own is None:
            self._own, self._lock = _private_folder(self._folder / _TAKEN)
        return self._own / f"{queue}@{name}"


class Transport(virtual.Transport):
    """``duetfs://``"""

    Channel = Channel
    polling_interval = POLL_S
    driver_type = driver_name = SCHEME
    implements = virtual.Transport.implements.extend(asynchronous=False, exchange_type=frozenset(["direct"]))
    # Bindings need not be shared between processes: whoever sends declares its queues itself.
    global_state = virtual.BrokerState()

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.state = self.global_state

    def driver_version(self) -> str:
        return "1"


def give_back_of_the_dead(folder: Path) -> int:
    """Put back what readers held that no longer run; returns how many messages came back."""
    returned = 0
    for own in sorted((folder / _TAKEN).glob("*")):
        with _lock_of_the_dead(own) as dead:
            if not dead:
                continue
            for held in own.glob("*@*"):
                _give_back(held, folder)
                returned += 1
            shutil.rmtree(own, ignore_errors=True)
    return returned


@contextmanager
def _lock_of_the_dead(own: Path) -> Iterator[bool]:
    """Whether the reader of this folder has died; while True, nobody else clears it up."""
    try:
        lock = (own / _LOCK).open("rb")
    except FileNotFoundError:
        yield False  # just being made or just being removed
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _private_folder(taken: Path) -> tuple[Path, IO[bytes]]:
    own = taken / uuid.uuid4().hex
    own.mkdir(parents=True)
    # Locked before it gets its name, so that nobody mistakes a folder just made for a dead reader's.
    lock = (own / f".{_LOCK}").open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.rename(own / f".{_LOCK}", own / _LOCK)
    return own, lock


def _give_back(held: Path, folder: Path) -> None:
    queue, _, name = held.name.partition("@")
    place = folder / "queues" / queue
    place.mkdir(parents=True, exist_ok=True)
    os.replace(held, place / name)


def _messages(folder: Path) -> list[str]:
    """Names of the whole messages, oldest first."""
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))
