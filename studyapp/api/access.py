"""Who is asking: a token in a header, never a session cookie, so that no other site can ask along."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils import timezone
from ninja.errors import AuthorizationError
from ninja.security import HttpBearer

from studyapp.actions.tokens import holder_of
from studyapp.models import ApiToken

_READING = frozenset({"GET", "HEAD"})


class Token(HttpBearer):
    """Makes the token's owner the user of the request, so that the pages' own checks hold."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        """The token, or None for one that lets nobody in. Raises AuthorizationError where it may only read."""
        known = holder_of(token, now=timezone.now())
        if known is None:
            return None
        if request.method not in _READING and known.scope != ApiToken.Scope.WRITE:
            raise AuthorizationError(message="This token may only read. Make one that may change things.")
        request.user = known.user
        return known
