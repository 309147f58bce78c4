"""One POST to an address that a researcher typed in: never into our own network, never for longer than told.

The name is resolved once and the connection goes to what it resolved to, so that a name which changes its mind in
between leads nowhere. Redirects are not followed, proxies are not used, and of the answer only the status counts.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

CONNECT_S = 5.0
ANSWER_S = 10.0
MOST_ANSWER_BYTES = 64 << 10
# All that is given out to be reached from everywhere (RFC 4291); what lies outside carries an IPv4 address inside,
# which a gateway would lead into a private network, or belongs to one site, as fec0::/10 does.
_UNICAST = ipaddress.ip_network("2000::/3")
# Inside of it: 6to4, which carries an IPv4 address too, and addresses for documents.
_NOT_REACHED = (ipaddress.ip_network("2002::/16"), ipaddress.ip_network("3fff::/20"))
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotPosted(Exception):
    """The address was not reached or may not be; the message says why and, where one can, what to do.

    status: of an answer that came but was not a success.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def check_url(url: str) -> SplitResult:
    """The address taken apart. Raises NotPosted for one that would never be sent to; looks no name up."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise NotPosted(f"{url!r} is not an address; write it like https://example.org/duet.") from None
    if parts.scheme not in ("http", "https") or not host or re.search(r"[\x00-\x20\x7f-\uffff]", url):
        raise NotPosted(f"{url!r} is not an http(s) address; write it like https://example.org/duet.")
    if parts.username is not None or parts.password is not None:
        raise NotPosted("The address holds a user name or password; messages are signed instead, so leave it out.")
    if parts.scheme == "http" and not (settings.EMBEDDED or _is_listed(host)):
        raise NotPosted("The address must begin with https://, so that nobody reads messages on their way.")
    with contextlib.suppress(ValueError):
        _must_be_public(ipaddress.ip_address(host), host)
    return parts


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send once; returns the status of a success (200 to 299). Raises NotPosted.

    Takes at most ``CONNECT_S`` to connect and ``ANSWER_S`` for all of the rest, beside looking up the name.
    """
    parts = check_url(url)
    assert parts.hostname is not None  # checked above
    try:
        with _connected(parts, parts.hostname) as line:
            status = _exchange(line, parts, body, headers)
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason or "it broke off"
        raise NotPosted(f"No secure connection to {parts.hostname}: {reason}.") from None
    except TimeoutError:
        raise NotPosted(f"{parts.hostname} did not answer in time.") from None
    except OSError as error:
        raise NotPosted(f"No connection to {parts.hostname}: {error.strerror or error}.") from None
    if 300 <= status < 400:
        raise NotPosted(f"It answered {status}; redirects are not followed, give the last one.", status=status)
    if not 200 <= status < 300:
        raise NotPosted(f"It answered {_said(status)}.", status=status)
    return status


def _is_listed(host: str) -> bool:
    return host.lower() in {name.lower() for name in settings.WEBHOOK_HOSTS}


def _must_be_public(address: Address, host: str) -> None:
    if _is_listed(host):
        return
    inner = getattr(address, "ipv4_mapped", None) or address
    elsewhere = inner.version == 6 and (inner not in _UNICAST or any(inner in network for network in _NOT_REACHED))
    if not inner.is_global or inner.is_multicast or elsewhere:
        raise NotPosted(
            f"{host} leads into a private network ({address}). Whoever runs this server can allow it by listing "
            "the host in DUET_WEBHOOK_HOSTS."
        )


def _connected(parts: SplitResult, host: str) -> socket.socket:
    """A connection to what the name resolves to now, with TLS for https. One private address refuses all."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotPosted(f"The name {host} is not known; check the address.") from None
    for *_, place in found:
        _must_be_public(ipaddress.ip_address(str(place[0]).partition("%")[0]), host)
    line = _first_to_answer([(family, place) for family, _, _, _, place in found])
    if parts.scheme == "http":
        return line
    line.settimeout(CONNECT_S)
    try:
        return ssl.create_default_context().wrap_socket(line, server_hostname=host)
    except BaseException:
        line.close()
        raise


def _first_to_answer(places: list[tuple[socket.AddressFamily, object]]) -> socket.socket:
    until = time.monotonic() + CONNECT_S
    refused: OSError = TimeoutError()
    for family, place in places:
        line = socket.socket(family, socket.SOCK_STREAM)
        line.settimeout(max(until - time.monotonic(), 0.01))
        try:
            line.connect(place)  # type: ignore[arg-type]
        except OSError as error:
            line.close()
            refused = error
        else:
            return line
    raise refused


def _exchange(line: socket.socket, parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> int:
    """Send the request and read the answer's status."""
    until = time.monotonic() + ANSWER_S
    line.settimeout(ANSWER_S)
    request = http.client.HTTPConnection(parts.netloc)
    # A connection of our own making: http.client would resolve the name a second time.
    request.sock = line
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request.request("POST", target, body, {**headers, "Connection": "close"})
    status = _STATUS.match(_read(line, until))
    if status is None:
        raise NotPosted(f"What answered at {parts.hostname} is no web server, or it said nothing.")
    return int(status[1])


def _read(line: socket.socket, until: float) -> bytes:
    """What comes until the other side is done, a limit of bytes or the moment ``until``."""
    # Not http.client's reader: it waits anew for each byte, which a slow server can draw out for hours.
    answer = b""
    while len(answer) < MOST_ANSWER_BYTES and (left := until - time.monotonic()) > 0:
        line.settimeout(left)
        try:
            came = line.recv(4096)
        except (TimeoutError, ConnectionResetError):
            break
        if not came:
            break
        answer += came
    return answer


def _said(status: int) -> str:
    with contextlib.suppress(ValueError):
        return f"{status} ({HTTPStatus(status).phrase})"
    return str(status)
