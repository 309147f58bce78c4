"""What import-linter cannot see: modules that may be imported, but not while the web process starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# 1.5 s and 200 MiB a worker for the statistics, more for torch.
HEAVY = {"torch", "torchvision", "open_clip", "cv2", "pandas", "statsmodels", "plotly", "scipy", "pyarrow"}

START_THE_WEB_PROCESS = """
import json, sys
import studyapp.wsgi
from django.urls import get_resolver

def walk(resolver):
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            yield from walk(pattern)
        else:
            yield str(pattern.pattern)

addresses = list(walk(get_resolver()))
print(json.dumps({"addresses": addresses, "modules": sorted({name.split(".")[0] for name in sys.modules})}))
"""


def test_the_web_process_starts_without_networks_and_statistics(tmp_path: Path) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "studyapp.settings", "DUET_VAR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", START_THE_WEB_PROCESS],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert "health/" in found["addresses"]
    assert len(found["addresses"]) > 20
    assert HEAVY.isdisjoint(found["modules"])
