"""An HTTP session with an end: when its time is up its connections are cut, whatever they are doing.

The time-outs of requests count from byte to byte; a server that sends one byte a second never meets them.
"""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

CONNECT_S = 10.0


class Deadline:
    """``session``, usable for ``seconds`` from entering.

    trust_env: whether proxies of the environment are used; a connection through one is cut from byte to byte only.
    """

    def __init__(self, seconds: float, *, trust_env: bool = False) -> None:
        self._end = time.monotonic() + seconds
        self._lines: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self.session = requests.Session()
        self.session.trust_env = trust_env
        adapter = _Watched(self)
        self.session.mount("http://", adapter)
        self.session.mount("https://", adapter)

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self.session.close()
        with self._lock:
            for line in self._lines:
                line.close()
            self._lines.clear()

    @property
    def left_s(self) -> float:
        """Seconds that are left, 0 when the time is up."""
        return max(0.0, self._end - time.monotonic())

    @property
    def timeouts(self) -> tuple[float, float]:
        """To connect and between two bytes, as requests takes them: never 0, which it refuses."""
        left = max(0.001, self.left_s)
        return min(CONNECT_S, left), left

    def watch(self, line: socket.socket) -> None:
        """Cut this connection too when the time is up."""
        # A second handle: wrapping the first one for TLS takes it away.
        with self._lock:
            self._lines.append(line.dup())
        if not self.left_s:
            self._cut()

    def _cut(self) -> None:
        with self._lock:
            for line in self._lines:
                try:
                    line.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # It was closed by the other side already.


class _Watched(HTTPAdapter):
    """Connections that a deadline knows from their first moment on."""

    def __init__(self, deadline: Deadline) -> None:
        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                line = super()._new_conn()
                deadline.watch(line)
                return line

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                line = super()._new_conn()
                deadline.watch(line)
                return line

        self._pools = {
            "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": Plain}),
            "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": Secure}),
        }
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools
