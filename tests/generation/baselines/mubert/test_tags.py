from __future__ import annotations

import pytest

from generation.baselines.mubert.tags import VOCABULARY, nearest_tags
from generation.contracts import GenerationError


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("slow reggae with an offbeat organ", "reggae"),
        ("heavy metal with distorted guitars", "distorted guitar"),
        ("a string orchestra plays a tense scene", "orchestral"),
        ("an afternoon of cooking pasta", "cooking"),
        ("a saxophone solo in a smoky bar", "saxophone"),
        ("music to fall asleep to", "sleep"),
    ],
)
def test_the_nearest_tag_is_the_one_a_prompt_speaks_of(prompt: str, tag: str) -> None:
    found = nearest_tags(prompt)
    assert found[0].tag == tag
    assert [match.cosine for match in found] == sorted((match.cosine for match in found), reverse=True)
    assert len(found) == 3


def test_every_tag_is_nearest_to_itself_in_a_vocabulary_without_repeats() -> None:
    assert len(set(VOCABULARY)) == len(VOCABULARY) >= 100
    for tag in VOCABULARY[::10]:
        (match,) = nearest_tags(tag, count=1)
        assert match.tag == tag
        assert match.cosine == pytest.approx(1, abs=1e-3)


def test_a_prompt_in_another_script_is_refused() -> None:
    with pytest.raises(GenerationError, match="script"):
        nearest_tags("весёлая музыка")
