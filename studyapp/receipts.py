"""The code by which a rater finds what is kept of them, and has it erased. Derived, and stored as a digest."""

from __future__ import annotations

import base64
import hashlib

from django.utils.crypto import salted_hmac

LENGTH = 16
# Crockford's base32: no I, L, O, U, so that nothing is misread when it is copied by hand.
_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_WRITTEN = str.maketrans(_PLAIN, _CROCKFORD)
_MISREAD = str.maketrans("OIL", "011")


def receipt_of(token: str) -> str:
    """The code of the session with this token: 80 bits in four groups of four."""
    digest = salted_hmac("studyapp.receipts", token, algorithm="sha256").digest()
    letters = base64.b32encode(digest[: LENGTH * 5 // 8]).decode().translate(_WRITTEN)
    return "-".join(letters[start : start + 4] for start in range(0, LENGTH, 4))


def digest_of(code: str) -> str:
    """What is stored of a code, however it was typed: case, spaces, hyphens, and O for 0 do not matter."""
    letters = "".join(letter for letter in code.upper() if letter.isalnum()).translate(_MISREAD)
    return hashlib.sha256(letters.encode()).hexdigest()
