"""What Riffusion refuses, and that planning needs no torch."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from generation.baselines.riffusion.limits import guidance_of, refusal, steps_of
from generation.contracts import ClipFacts, GenerationError

SETTINGS: dict[str, Any] = {
    "guidance": 7.0,
    "steps": 30,
    "model": "riffusion/riffusion-model-v1",
    "download": "no",
}


def facts(duration_s: float = 10.0, caption: str = "slow reggae") -> ClipFacts:
    return ClipFacts("clip", duration_s, frozenset(), caption)


@pytest.mark.parametrize("duration_s", [1.0, 10.0, 30.0, 30.5])
def test_a_captioned_clip_is_taken(duration_s: float) -> None:
    assert refusal(facts(duration_s), SETTINGS) is None


@pytest.mark.parametrize(("duration_s", "why"), [(0.5, "at least 1 s"), (31.0, "up to 30 s"), (60.0, "cut it")])
def test_a_clip_of_a_length_that_no_picture_has_is_refused(duration_s: float, why: str) -> None:
    assert why in str(refusal(facts(duration_s), SETTINGS))


@pytest.mark.parametrize(
    ("name", "value"),
    [("guidance", -1), ("guidance", "much"), ("guidance", 51), ("guidance", float("nan")), ("steps", 0),
     ("steps", 2.5), ("steps", 1001), ("steps", float("inf")), ("steps", None)],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(name: str, value: object) -> None:
    assert name in str(refusal(facts(), {**SETTINGS, name: value}))


def test_numbers_may_come_as_text() -> None:
    assert guidance_of({"guidance": "3.5"}, "tiny") == 3.5
    assert steps_of({"steps": "20"}) == 20
    with pytest.raises(GenerationError, match="steps 'ten' is not a number"):
        steps_of({"steps": "ten"})


def test_each_preset_has_its_own_guidance() -> None:
    assert guidance_of({"guidance": "auto"}, "v1") == 7.0
    assert 1.0 < guidance_of({"guidance": "auto"}, "tiny") < 7.0


def test_planning_does_not_import_torch() -> None:
    code = "import sys, generation.baselines.riffusion.limits as l; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
