"""What the demo compares, and what it lets play besides."""

from __future__ import annotations

import pytest

from generation import registry
from studyapp.models import Stimulus, System
from studyapp.work import demo_study
from tests.studyapp.factories import make_clip, make_researcher


@pytest.mark.django_db
def test_on_clips_of_ones_own_every_other_system_is_asked_and_what_it_cannot_is_told() -> None:
    whole = make_clip(clip_id="whole", caption="slow reggae")
    mute = make_clip(clip_id="mute", caption="", with_audio=False)
    asked, told = demo_study.try_others([whole, mute], by=make_researcher())
    assert asked + len(told) == 2 * len(demo_study.OTHERS)
    assert Stimulus.objects.filter(clip=whole).count() == len(demo_study.OTHERS)
    assert {line.split(" leaves out ")[0] for line in told} == {
        *(f"{key}-tiny" for key, preset in demo_study.OTHERS if key.endswith("-text")),
        "foil-shifted",
    }
    assert demo_study.try_others([whole, mute], by=make_researcher()) == (0, [])
    assert all(line.split(" leaves out ")[1].startswith("mute: ") for line in told)


@pytest.mark.django_db
def test_a_demo_made_by_an_older_registry_goes_on() -> None:
    clips, by = [make_clip() for _ in range(2)], make_researcher()
    first = demo_study.make_studies(dataset="demo", clips=clips, by=by)
    System.objects.update(digest="0" * 64)
    assert demo_study.make_studies(dataset="demo", clips=clips, by=by) == first


def test_the_demo_leaves_out_only_what_needs_the_network_or_somebody_elses_model() -> None:
    named = {*demo_study.FIRST, *demo_study.VARIANTS, *demo_study.BASELINES, *demo_study.GOLD, *demo_study.OTHERS}
    elsewhere = {key for key, spec in registry.SYSTEMS.items() if key not in {name for name, _ in named}}
    assert elsewhere == {"mubert", "imported", "command", "endpoint"}
