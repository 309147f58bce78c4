"""Tokens for scripts: shown once, kept as a digest, good until they expire or are revoked."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from studyapp.errors import DuetError, WrongState
from studyapp.models import ApiToken, AuditLine, User

PREFIX = "duet_"
MOST_TOKENS = 50
USE_NOTED_EVERY = timedelta(minutes=1)


@transaction.atomic
def make_token(*, user: User, name: str, scope: str, days: int | None, by: User | None) -> tuple[ApiToken, str]:
    """A token for what ``user`` may do, and the secret, to be shown this once.

    days: how long it is good for; None for without end. Raises DuetError.
    """
    name = name.strip()
    if not name or len(name) > 80:
        raise DuetError("a token needs a name of 1 to 80 characters that says what it is for")
    if scope not in ApiToken.Scope.values:
        raise DuetError(f"a token has no scope {scope!r}; it is one of {', '.join(ApiToken.Scope.values)}")
    if days is not None and not 1 <= days <= 3660:
        raise DuetError(f"a token cannot be good for {days} days; give 1 to 3660")
    if not user.is_active or not user.is_staff:
        raise DuetError(f"the account {user} is no researcher's, or not any more; only researchers have tokens")
    now = timezone.now()
    usable = ApiToken.objects.filter(user=user, revoked_at=None).exclude(expires_at__lte=now)
    if usable.count() >= MOST_TOKENS:
        raise DuetError(f"the account {user} has {MOST_TOKENS} tokens; revoke those that nobody uses")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        name=name,
        scope=scope,
        digest=digest_of(secret),
        expires_at=None if days is None else now + timedelta(days=days),
    )
    AuditLine.write("token made", by=by, token=token.pk, name=name, scope=scope, holder=user.get_username())
    return token, secret


@transaction.atomic
def revoke_token(*, token: ApiToken, by: User | None) -> None:
    """Let nobody in with it any more. Raises WrongState when it is revoked already."""
    if not ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        raise WrongState(f"the token {token.name!r} is revoked already")
    AuditLine.write("token revoked", by=by, token=token.pk, name=token.name, holder=token.user.get_username())


def holder_of(secret: str, *, now: datetime) -> ApiToken | None:
    """The token of a request with its user, if it still lets in; its use is noted, at most once a minute."""
    # Found by its digest: 256 random bits are neither guessed nor approached by how long an index takes.
    token = ApiToken.objects.select_related("user").filter(digest=digest_of(secret)).first()
    if token is None or not token.is_valid(now) or not (token.user.is_active and token.user.is_staff):
        return None
    before = now - USE_NOTED_EVERY
    if token.last_used_at is None or token.last_used_at <= before:
        stale = ApiToken.objects.filter(Q(last_used_at=None) | Q(last_used_at__lte=before), pk=token.pk)
        stale.update(last_used_at=now)
    return token


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
