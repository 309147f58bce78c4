"""Started by ``running`` in between: sets limits on itself, then becomes the program.

A process of its own, for what subprocess offers instead (``preexec_fn``) may deadlock in a worker with threads.
"""

from __future__ import annotations

import os
import resource
import signal
import sys


def main(arguments: list[str]) -> None:
    """Become ``arguments[2:]`` with that many bytes of address space and bytes a file, 0 for no limit."""
    # Python ignores these two, and what is ignored stays so in the program.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit(resource.RLIMIT_FSIZE, int(arguments[1]))
    _limit(resource.RLIMIT_AS, int(arguments[0]))
    try:
        os.execv(arguments[2], arguments[2:])  # noqa: S606 - without a shell is how it is meant
    except OSError as error:
        sys.exit(f"{arguments[2]} cannot be started: {error.strerror}")


def _limit(what: int, asked: int) -> None:
    if not asked:
        return
    _, most = resource.getrlimit(what)
    allowed = asked if most == resource.RLIM_INFINITY else min(asked, most)
    resource.setrlimit(what, (allowed, allowed))


if __name__ == "__main__":
    main(sys.argv[1:])
