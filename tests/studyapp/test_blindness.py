"""A walk through a running study as a rater: every page, header and media file, and no system in any of them."""

from __future__ import annotations

import re

import pytest

from generation import registry
from studyapp.models import Response, Stimulus, Study, System, Trial
from studyapp.states import SessionState
from tests.studyapp.factories import make_clip, make_stimulus, make_system, open_study
from tests.studyapp.walk import Walk

pytestmark = pytest.mark.django_db


def study_with_names() -> Study:
    """Systems as a real study has them, with files of one size per clip as rendering makes them."""
    systems = (
        make_system("v2meow-clip", slug="v2meow-clip-tiny", preset="tiny"),
        make_system("ground-truth", slug="ground-truth"),
    )
    study = open_study(
        clips=4, blocks=1, systems=systems, slug="v2meow-against-truth", title="V2Meow against ground truth"
    )
    # Another pair over the same clip: headers must not show that one file comes in two trials.
    clip = study.clips.earliest("pk")
    third = make_stimulus(clip, make_system("random-shuffle", slug="random-shuffle"))
    block = study.blocks.get()
    comparison = block.trials.get(position=1).comparison
    comparison.pk, comparison.stimulus_2 = None, third
    comparison.save()
    Trial.objects.create(
        block=block, position=5, comparison=comparison, left_is_1=True, played_first=Trial.PlayedFirst.LEFT
    )
    return study


def telling_words(study: Study) -> set[str]:
    """Whatever would give a system, or the file it made, away."""
    words = {spec.key for spec in registry.SYSTEMS.values()} | {"v2meow", "tiny", "ground truth", study.slug}
    words |= {spec.label.lower() for spec in registry.SYSTEMS.values()}
    for system in System.objects.all():
        words |= {system.slug, system.label, system.key, system.digest}
    for stimulus in Stimulus.objects.all():
        words |= {
            stimulus.file,
            stimulus.file_sha256,
            stimulus.key,
            stimulus.file.split("/")[-1].removesuffix(".mp4"),
        }
    for clip in study.clips.all():
        words |= {clip.clip_id, clip.source_name, clip.master_file}
    return {word.lower() for word in words if word}


RANDOM = re.compile(r"[\w=:-]{16,}")  # tokens, signatures, tickets and cookies


def tells(word: str, text: str) -> bool:
    """Whether text holds the word; a short one as a word of its own, as random letters hold it now and then."""
    if len(word) > 5:
        return word in text
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", RANDOM.sub("#", text)) is not None


def test_a_walk_through_a_running_study_finds_no_systems_name() -> None:
    study = study_with_names()
    walk = Walk(study)
    walk.to_the_end()
    session = study.sessions.get()
    assert session.state == SessionState.COMPLETED
    assert Response.objects.count() == 10
    assert len(walk.media) == 10
    assert sum("/static/" in address for address in walk.seen) >= 5
    words = telling_words(study)
    assert len(words) > 25
    found = {(word, address) for address, text in walk.seen.items() for word in words if tells(word, text.lower())}
    assert not found


def test_every_media_reply_has_the_same_headers_and_a_clips_versions_one_length() -> None:
    study = study_with_names()
    walk = Walk(study)
    walk.to_the_end()
    assert len({tuple(sorted(headers.items())) for headers, _ in walk.media.values()}) == 1
    for trial in Trial.objects.filter(block__study=study):
        sizes = {len(body) for address, (_, body) in walk.media.items() if trial.token in address}
        assert len(sizes) == 1


def test_pages_of_two_trials_differ_in_nothing_but_numbers_and_tokens() -> None:
    study = study_with_names()
    walk = Walk(study)
    walk.to_the_end()
    shapes = set()
    for address, text in walk.seen.items():
        if "/trial/" not in address or "trial-config" not in text:
            continue
        _, _, body = text.partition("<main")
        body = re.sub(r'value="[^"]*"|/take/[^"<&]*|"(token|proof)": "[^"]*"|"elapsed": [\d.]+', "#", body)
        # The side played first is meant to differ, and so are place and what may be preloaded.
        body = re.sub(r"Play [AB]|Play (first|second)|data-(first|second)=\"[AB]\"|left|right|\d+", "#", body)
        body = re.sub(
            r'"preload": \[[^\]]*\]|Save and (go on|finish)|<span class="saved">.*?</span></span>', "#", body
        )
        shapes.add(re.sub(r"\s+", " ", body))
    assert len(shapes) == 1


def test_the_walk_would_notice() -> None:
    """The search itself finds a name where there is one."""
    study = study_with_names()
    clip = make_clip(clip_id="giveaway-ground-truth")
    study.clips.add(clip)
    words = telling_words(study)
    assert any(word in "/media/ground-truth/1.mp4" for word in words)
    assert any(word in "X-Clip: giveaway-ground-truth" for word in words)
