"""What decides a stimulus file."""

import pytest

from studyapp.errors import NotReady
from studyapp.work import recipe
from studyapp.work.recipe import recipe_for
from tests.studyapp.factories import make_clip, make_system

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def weights_of_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "_weights", lambda key, preset: "weights")


def test_prompt_of_a_system_that_reads_text_is_the_caption() -> None:
    with_text, without = (make_system(key, preset="tiny") for key in ("v2meow-clip-text", "v2meow-clip"))
    clip = make_clip(caption="slow reggae")
    assert recipe_for(clip=clip, system=with_text, seed=1, target_lufs=-23.0, pool=[]).text == "slow reggae"
    assert recipe_for(clip=clip, system=without, seed=1, target_lufs=-23.0, pool=[]).text == ""


def test_another_caption_is_another_file_for_a_system_that_reads_text() -> None:
    system, clip = make_system("v2meow-clip-text", preset="tiny"), make_clip(caption="slow reggae")
    before = recipe_for(clip=clip, system=system, seed=1, target_lufs=-23.0, pool=[]).key
    clip.caption = "fast rock"
    assert recipe_for(clip=clip, system=system, seed=1, target_lufs=-23.0, pool=[]).key != before


def test_system_that_reads_text_needs_a_caption() -> None:
    system = make_system("v2meow-clip-text", preset="tiny")
    with pytest.raises(NotReady, match="has no caption; add one"):
        recipe_for(clip=make_clip(caption=" "), system=system, seed=1, target_lufs=-23.0, pool=[])
