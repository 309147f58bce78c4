"""In which formats others' files are read, and by which endings soundtracks are known."""

from __future__ import annotations

FORMATS = (
    *("mov", "matroska", "avi", "flv", "asf", "mpegts", "mpeg", "mpegvideo", "mxf", "dv", "gif", "apng"),
    *("nut", "ivf", "yuv4mpegpipe", "rm"),
    *("wav", "w64", "flac", "mp3", "ogg", "aac", "aiff", "caf", "au", "ac3", "eac3", "amr", "wv"),
    *("tta", "dts", "voc"),
    *("png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe"),
)
"""ffmpeg's names of the formats that are read; pictures, so that they are called what they are.

Playlists (hls, concat, dash and the like) are not among them: they make ffmpeg play other files of this server.
"""

SOUNDTRACK_SUFFIXES = (
    ".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".opus", ".aif", ".aiff", ".caf", ".au", ".mp4", ".m4v",
    ".mov", ".webm", ".mkv", ".avi",
)  # fmt: skip
"""Endings of an outside model's finished files, audio or video."""
