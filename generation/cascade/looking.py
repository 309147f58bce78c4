"""What the variants see of a video, decoded and encoded once for all of them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from torch import Tensor

from generation.cascade.visual.sights import Sights
from generation.contracts import GenerationError
from generation.media.errors import MediaError

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """The values last asked for, at most ``most``; of threads that ask at once, one makes what is missing."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, made now when it is not there."""
        with self._lock:
            if key not in self._values:
                self._values[key] = make()
                while len(self._values) > self.most:
                    self._values.popitem(last=False)
            self._values.move_to_end(key)
            return self._values[key]


class Looking:
    """Decoded pictures of the last few videos, and features of the last few hundred.

    Keyed by what a video file holds, so that one that was replaced is looked at anew. Decoded pictures of one
    video take 50 MB at the paper's sizes, features a few kilobytes.
    """

    def __init__(self, read: Callable[[Path, float], Sights], encode: Callable[[str, Sights], Tensor]) -> None:
        self._read, self._encode = read, encode
        self._sights: Kept[Sights] = Kept(2)
        self._features: Kept[Tensor] = Kept(512)

    def features(self, video: Path, duration_s: float, kinds: Sequence[str]) -> dict[str, Tensor]:
        """Kind to features of every second begun, [1, S, ...]. GenerationError when the video cannot be read."""
        try:
            with video.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            return {kind: self._feature(kind, content, video, duration_s)[None] for kind in kinds}
        except (MediaError, OSError) as error:
            raise GenerationError(f"the video cannot be looked at: {error}") from error

    def _feature(self, kind: str, content: str, video: Path, duration_s: float) -> Tensor:
        def encoded() -> Tensor:
            return self._encode(
                kind, self._sights.get((content, duration_s), lambda: self._read(video, duration_s))
            )

        return self._features.get((kind, content, duration_s), encoded)
