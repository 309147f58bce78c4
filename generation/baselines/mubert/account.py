"""Where the service is and who asks it: from the environment, never from settings, which are stored and shown."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from generation.contracts import GenerationError

CUSTOMER, TOKEN, ADDRESS = "MUBERT_CUSTOMER_ID", "MUBERT_ACCESS_TOKEN", "MUBERT_API_URL"
API = "https://music-api.mubert.com/api/v3"
_LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Account:
    """The service's address and a customer's credentials, which are left out of its repr."""

    api: str
    customer_id: str = field(repr=False)
    access_token: str = field(repr=False)

    def without_secrets(self, text: str) -> str:
        """A text of the service's with our own credentials blotted out, should it repeat them."""
        for secret in (self.access_token, self.customer_id):
            text = text.replace(secret, "…")
        return text


def account() -> Account:
    """The account of this process. Raises GenerationError saying which variable is missing or wrong."""
    missing = [name for name in (CUSTOMER, TOKEN) if not os.environ.get(name, "").strip()]
    if missing:
        raise GenerationError(
            f"mubert needs {' and '.join(missing)} in the environment of the site and its workers, with the "
            "credentials of a customer of Mubert's API; without an account take loop-retrieval instead"
        )
    values = [os.environ[name].strip() for name in (CUSTOMER, TOKEN)]
    if not all(value.isascii() and value.isprintable() for value in values):
        raise GenerationError(f"{CUSTOMER} or {TOKEN} holds a character no header can carry; copy them again")
    return Account(address(), *values)


def address() -> str:
    """The service's address without a slash at its end. Raises GenerationError when it is not https."""
    api = os.environ.get(ADDRESS, "").strip().rstrip("/") or API
    parts = urlsplit(api)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise GenerationError(f"{ADDRESS} is {api!r}; credentials are sent to https addresses only")
    return api
