"""For which clips the cascade can work."""

import subprocess
import sys

import pytest

from generation import registry
from generation.contracts import ClipFacts


@pytest.mark.parametrize("key", ["v2meow-clip", "v2meow-clip-i3d"])
def test_window_is_accepted_and_its_outside_refused_with_the_length(key: str) -> None:
    def judged(duration_s: float) -> str | None:
        return registry.refusal(key, ClipFacts("a", duration_s, frozenset()), {})

    assert judged(1.0) is None
    assert judged(10.0) is None
    assert judged(10.5) is None
    assert "0.90 s" in str(judged(0.9))
    assert "12.00 s" in str(judged(12.0))


def test_judging_does_not_import_torch() -> None:
    code = "import sys, generation.cascade.limits; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
