"""What is as large as it gets: a million answers, and an upload of three gigabytes. ``make slow`` runs them."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.embedded_site import NAME, PASSPHRASE, ROOT, Site, embedded_site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

GIB = 1024**3
BOUNDARY = "a-boundary-that-is-in-no-zero"
MOST_MORE_MIB = 100


def test_every_page_answers_in_time_at_a_million_answers() -> None:
    """The bench itself says which page is late, or asks too many queries, and ends with 1 then."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.million"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:]


def test_three_gigabytes_go_to_the_disk_and_not_into_memory(tmp_path: Path) -> None:
    with embedded_site(tmp_path / "site") as site:
        browser = requests.Session()
        login = browser.get(f"{site.url}/admin/login/")
        form = {"username": NAME, "password": PASSPHRASE, "csrfmiddlewaretoken": token_of(login.text)}
        browser.post(f"{site.url}/admin/login/", data=form, headers={"Referer": login.url})
        page = browser.get(f"{site.url}/admin/studyapp/clip/import/")
        before = memory_mib(site)
        peak = Peak(site)
        reply = browser.post(
            page.url,
            data=Form(token_of(page.text), 3 * GIB),
            headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Referer": page.url},
        )
        peak.stop()
        assert reply.status_code == 200
        assert "large.mp4" in reply.text  # no video, and said so by its name
        assert peak.mib - before < MOST_MORE_MIB
        left = [path for path in (site.folder / "scratch").rglob("*") if path.is_file()]
        assert left == []


def token_of(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found
    return found[1]


class Form:
    """The import form with one file of zeros, read piece by piece; its length is known, as a browser's is."""

    def __init__(self, token: str, size: int) -> None:
        fields = {"csrfmiddlewaretoken": token, "upload-dataset": "large", "upload-length_s": "10"}
        head = "".join(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        file = 'Content-Disposition: form-data; name="upload-uploads"; filename="large.mp4"'
        head += f"--{BOUNDARY}\r\n{file}\r\nContent-Type: video/mp4\r\n\r\n"
        self._parts = [head.encode(), size, f"\r\n--{BOUNDARY}--\r\n".encode()]
        self._length = sum(part if isinstance(part, int) else len(part) for part in self._parts)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        piece = bytes(4 * 1024**2)
        for part in self._parts:
            if isinstance(part, bytes):
                yield part
            else:
                yield from (piece for _ in range(part // len(piece)))


def memory_mib(site: Site) -> float:
    """Resident memory of the web server's processes."""
    master = site.processes[0].pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    total = 0.0
    for pid in (str(master), *children):
        status = Path(f"/proc/{pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        total += int(found[1]) / 1024 if found else 0.0
    return total


class Peak:
    """The most memory that was used while it looked."""

    def __init__(self, site: Site) -> None:
        self.mib = 0.0
        self._site, self._over = site, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.2):
            self.mib = max(self.mib, memory_mib(self._site))

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
