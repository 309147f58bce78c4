"""One thread: on a shared machine two wait for each other."""

from generation.threads import use_threads

use_threads(1)
