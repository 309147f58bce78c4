"""Started by ``running`` in between: sets limits on itself, then becomes the program.

A process of its own, for what subprocess offers instead (``preexec_fn``) may deadlock in a worker with threads.
"""

from __future__ import annotations

import os
import resource
import signal
import sys


def main(arguments: list[str]) -> None:
    """Become ``arguments[1:]`` with ``arguments[0]`` bytes of address space, 0 for no limit."""
    asked = int(arguments[0])
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    allowed = asked if most == resource.RLIM_INFINITY else min(asked, most)
    # Python ignores these two, and what is ignored stays so in the program.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if asked:
        resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
    try:
        os.execv(arguments[1], arguments[1:])  # noqa: S606 - without a shell is how it is meant
    except OSError as error:
        sys.exit(f"{arguments[1]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
