"""The work queues, and which task goes where."""

from __future__ import annotations

from generation import registry

GPU = "gpu"  # systems whose networks want an accelerator, one at a time
CPU = "cpu"  # every other rendering
SHORT = "short"  # sweeps, reports and simulated raters, which must not wait behind a night of renderings
QUEUES = (GPU, CPU, SHORT)


def queue_of(key: str) -> str:
    """The queue that renders a system of the registry."""
    return GPU if registry.spec(key).needs_accelerator else CPU
