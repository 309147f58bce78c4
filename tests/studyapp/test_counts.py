"""One of something, and several."""

from __future__ import annotations

import pytest

from studyapp.counts import counted


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 new places"), (1, "1 new place"), (2, "2 new places"), (1200, "1,200 new places")]
)
def test_one_is_singular_and_thousands_have_commas(number: int, said: str) -> None:
    assert counted(number, "new place") == said
