"""One still picture of a video, for lists."""

from __future__ import annotations

from pathlib import Path

from generation.media.command import BITEXACT_OUTPUT, file_input, run, url, whole_file

HEIGHT = 144


def make_poster(video: Path, out_jpeg: Path, *, at_s: float) -> Path:
    """Write the frame at ``at_s`` seconds as a JPEG, HEIGHT pixels high. Raises MediaError when there is none."""
    picture = file_input(video, ss=at_s).video.filter("scale", -2, HEIGHT)
    with whole_file(out_jpeg) as part:
        run(picture.output(url(part), format="image2", vframes=1, vcodec="mjpeg", update=1, **BITEXACT_OUTPUT))
    return out_jpeg
