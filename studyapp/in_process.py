"""HTTP without a server: a transport for requests that hands each request to the WSGI application of this process.

With it a simulated rater walks the same pages, through the same middleware, whether a server runs or not.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from http.client import responses as reasons
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from requests.adapters import BaseAdapter
from requests.cookies import extract_cookies_to_jar
from requests.structures import CaseInsensitiveDict

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class WSGIAdapter(BaseAdapter):
    """Mount it on a requests.Session for the addresses that this process answers itself."""

    def __init__(self, application: WSGIApplication) -> None:
        super().__init__()
        self._application = application

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Answer one request; the body is read to its end."""
        answered: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            answered.update(status=int(status.split()[0]), headers=headers)

        with _connection_kept():
            body = self._application(_environ(request), start_response)
            try:
                content = b"".join(body)
            finally:
                getattr(body, "close", lambda: None)()
        return _response(request, answered["status"], answered["headers"], content)

    def close(self) -> None:
        """There is no connection to close."""


@contextmanager
def _connection_kept() -> Iterator[None]:
    """A server may drop its database connection around a request; the caller here may be inside a transaction."""
    around = (request_started, request_finished)
    for signal in around:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in around:
            signal.connect(close_old_connections)


def _environ(request: requests.PreparedRequest) -> dict[str, Any]:
    url = urlsplit(request.url or "")
    body = request.body or b""
    content = body.encode() if isinstance(body, str) else bytes(body)
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
    return {
        **headers,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        # WSGI carries the path's bytes as latin-1.
        "PATH_INFO": unquote(url.path, "latin-1"),
        "QUERY_STRING": url.query,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(content)),
        "HTTP_HOST": url.netloc,
        "SERVER_NAME": url.hostname or "",
        "SERVER_PORT": str(url.port or (443 if url.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def _response(
    request: requests.PreparedRequest, status: int, headers: list[tuple[str, str]], content: bytes
) -> requests.Response:
    message = Message()
    for name, value in headers:
        message.add_header(name, value)
    response = requests.Response()
    response.status_code = status
    response.reason = reasons.get(status, "")
    response.headers = CaseInsensitiveDict(headers)
    response.url = request.url or ""
    response.request = request
    response._content = content
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    # requests reads cookies from where http.client keeps its headers, also while it follows redirects.
    response.raw = SimpleNamespace(
        _original_response=SimpleNamespace(msg=message),
        read=lambda *_, **__: b"",
        release_conn=lambda: None,
        close=lambda: None,
    )
    extract_cookies_to_jar(response.cookies, request, response.raw)  # type: ignore[no-untyped-call]
    return response
