"""Who works in the admin."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A researcher or administrator. Raters never have accounts."""
