"""What can be wrong with a media file or with the tools that read it."""

from __future__ import annotations

from generation.contracts import GenerationError


class MediaError(GenerationError):
    """A media file cannot be read, made or measured; one sentence on what is wrong and one on what to do."""


class ToolMissing(MediaError):
    """There is no usable ffmpeg or ffprobe."""


class NotAVideo(MediaError):
    """The file holds no moving picture."""


class UnreadFormat(MediaError):
    """The file is in a format that ffmpeg knows and that is not read here."""


class NoAudio(MediaError):
    """The file holds no sound."""


class TooShort(MediaError):
    """The file ends before the part that was asked for."""


class Truncated(MediaError):
    """The file promises more than it holds, as a broken download or copy does."""


class UnfitSoundtrack(MediaError):
    """A soundtrack that cannot be rendered: silent, not finite, of a wrong length, or beyond the peak limit."""
