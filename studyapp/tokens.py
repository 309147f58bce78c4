"""Names that nobody can guess."""

from __future__ import annotations

import secrets


def new_token() -> str:
    """An unguessable name for something a stranger's browser will see: 96 bits, 16 characters of URL alphabet."""
    return secrets.token_urlsafe(12)
