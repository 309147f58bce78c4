"""For which clips the cascade can work."""

import subprocess
import sys

import pytest

from generation import registry
from generation.contracts import ClipFacts


@pytest.mark.parametrize("key", ["v2meow-clip", "v2meow-clip-i3d"])
def test_a_minute_is_accepted_and_its_outside_refused_with_the_length(key: str) -> None:
    def judged(duration_s: float) -> str | None:
        return registry.refusal(key, ClipFacts("a", duration_s, frozenset()), {})

    assert judged(1.0) is None
    assert judged(10.0) is None
    assert judged(60.04) is None
    assert "0.40 s; V2Meow needs at least 1 s" in str(judged(0.4))
    assert "600.00 s; V2Meow writes up to 60 s" in str(judged(600.0))


def test_judging_does_not_import_torch() -> None:
    code = "import sys, generation.cascade.limits; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
