"""Which addresses may be asked: http and https, no credentials, and only hosts of the server's own list."""

from __future__ import annotations

from urllib.parse import urlsplit

from generation.baselines.outside.configuration import MANUAL, Outside

PORTS = {"http": 80, "https": 443}
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def problem_with(url: str, outside: Outside) -> str | None:
    """Why an address may not be asked, in one sentence, or None when it may.

    It is judged by what it says and never looked up: a listed name is trusted wherever it points.
    """
    # Backslashes and what is not ASCII are where two readers of one address may come to different hosts.
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return f"the address {url!r} holds spaces or letters beyond ASCII; write them as %20 and so on"
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        return f"the address {url!r} cannot be read ({error}); write it as https://host:port/path"
    if parts.scheme not in PORTS or not host:
        return f"the address {url!r} is not one of http or https; write it as https://host:port/path"
    if "@" in parts.netloc:
        return "an address may hold no user name or password; name a variable with a token by token_env instead"
    usual = PORTS[parts.scheme]
    name = f"[{host}]" if ":" in host else host
    spelt = {f"{name}:{usual if port is None else port}"} | ({name} if port in (None, usual) else set())
    if outside.endpoints.token_env and parts.scheme == "http" and host not in LOOPBACK:
        return f"the address {url!r} would send the token of [endpoints] in clear; write it as https://"
    if spelt.isdisjoint(outside.endpoints.allowed_hosts):
        allowed = ", ".join(outside.endpoints.allowed_hosts) or "none"
        return (
            f"{parts.netloc} is not a host this server may ask; allowed: {allowed}. Let the administrator add it "
            f"to allowed_hosts of [endpoints] in {outside.path} ({MANUAL})"
        )
    return None
