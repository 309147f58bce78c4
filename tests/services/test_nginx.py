"""The compose file's own nginx configuration under Debian's nginx: TLS, static files, media after Django's yes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from tests.services.rater import Rater
from tests.services.stack import COMPOSE, HOST, Server, Stack, free_port, interpolate, wait_for

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(NGINX is None, reason="no nginx; run `apt-get install nginx-light`"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl; run `apt-get install openssl`"),
]
HTTPS = {"Host": HOST}


class Front:
    """nginx's configuration for this test's ports and folders, and a client that trusts its certificate."""

    def __init__(self, stack: Stack, upstream_port: int) -> None:
        self.http, self.https = free_port(), free_port()
        certificate, key = stack.folder / "tls.pem", stack.folder / "tls.key"
        names = f"subjectAltName=DNS:{HOST},IP:127.0.0.1"
        request = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            f"/CN={HOST}",
        ]
        files = ["-addext", names, "-keyout", str(key), "-out", str(certificate)]
        subprocess.run([*request, *files], check=True, capture_output=True)
        self.certificate = str(certificate)
        text = interpolate(COMPOSE["configs"]["nginx"]["content"], stack.given)
        for old, new in {
            "/tmp/": f"{stack.folder}/",
            "/var/lib/duet": str(stack.var),
            "/run/secrets/tls_certificate": str(certificate),
            "/run/secrets/tls_key": str(key),
            "http://web:8000": f"http://127.0.0.1:{upstream_port}",
            "listen 8080": f"listen 127.0.0.1:{self.http}",
            "listen 8443": f"listen 127.0.0.1:{self.https}",
            "/dev/stdout": f"{stack.folder}/access.log",
        }.items():
            assert old in text, f"the compose file's nginx.conf no longer says {old}"
            text = text.replace(old, new)
        self.configuration = stack.folder / "nginx.conf"
        # As root nginx would give its processes away to a user who cannot read this test's folder.
        self.configuration.write_text(f"user root;\n{text}")
        self.access_log = stack.folder / "access.log"

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(
            f"https://127.0.0.1:{self.https}{path}", headers=HTTPS | headers, verify=self.certificate, timeout=10
        )

    def post(self, path: str, body: bytes) -> requests.Response:
        return requests.post(
            f"https://127.0.0.1:{self.https}{path}", body, headers=HTTPS, verify=self.certificate, timeout=30
        )


@pytest.fixture(scope="module")
def front(stack: Stack) -> Front:
    assert NGINX is not None
    stack.start_web()
    front = Front(stack, stack.web_port)
    server = stack.start("nginx", [NGINX, "-c", str(front.configuration), "-g", "daemon off;"])
    wait_for("nginx", lambda: _alive(front, server))
    return front


def _alive(front: Front, server: Server) -> bool:
    assert server.running, server.log.read_text()
    try:
        return requests.get(f"http://127.0.0.1:{front.http}/nginx-alive", timeout=1).status_code == 204
    except requests.ConnectionError:
        return False


def test_plain_http_is_sent_to_https(front: Front) -> None:
    answer = requests.get(
        f"http://127.0.0.1:{front.http}/admin/?a=b", headers=HTTPS, timeout=5, allow_redirects=False
    )
    assert (answer.status_code, answer.headers["Location"]) == (308, f"https://{HOST}/admin/?a=b")


def test_pages_come_through_and_know_they_are_secure(front: Front) -> None:
    answer = front.get("/admin/login/")
    assert answer.status_code == 200
    assert "Strict-Transport-Security" in answer.headers
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("path", ["/admin/", "/research/import/", "/research/archives/read/", "/api/v1/studies"])
def test_what_researchers_upload_is_not_cut_off_and_what_raters_send_is_small(front: Front, path: str) -> None:
    assert front.post(path, b"x" * 3_000_000).status_code != 413
    assert front.post("/take/x/", b"x" * 3_000_000).status_code == 413


def test_a_client_cannot_claim_or_deny_https_itself(front: Front) -> None:
    answer = front.get("/admin/login/", **{"X-Forwarded-Proto": "http"})
    assert (answer.status_code, answer.history) == (200, [])


def test_scripts_come_packed_to_who_can_unpack_them(front: Front) -> None:
    script = "/static/studyapp/js/rater/trial.js"
    packed, plain = (front.get(script, **{"Accept-Encoding": wanted}) for wanted in ("gzip", "identity"))
    assert (packed.status_code, packed.headers.get("Content-Encoding")) == (200, "gzip")
    assert int(packed.headers["Content-Length"]) < len(plain.content) / 2


def test_static_files_come_from_the_volume(front: Front) -> None:
    page = front.get("/admin/login/").text
    sheet = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert sheet is not None
    answer = front.get(sheet[1])
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/css"
    assert "ETag" in answer.headers  # nginx's own file serving, not Django's


def test_media_cannot_be_had_past_django(front: Front, stack: Stack) -> None:
    (stack.var / "media").mkdir(exist_ok=True)
    (stack.var / "media" / "secret.mp4").write_bytes(b"0123456789")
    assert front.get("/protected/secret.mp4").status_code == 404
    assert front.get("/protected/../protected/secret.mp4").status_code == 404
    assert front.get("/media/secret.mp4").status_code == 404


MAKE_STUDY = """
import json
from tests.studyapp.factories import open_study

study = open_study(clips=1, blocks=1, real_media=True)
sides = study.blocks.get().trials.get().sides
print(json.dumps([study.token, sides.left.file, sides.right.file]))
"""


def test_media_comes_by_range_to_its_session_only_and_says_nothing_of_the_file(front: Front, stack: Stack) -> None:
    token, *files = json.loads(stack.script(MAKE_STUDY))
    rater = Rater(f"https://127.0.0.1:{front.https}", token, certificate=front.certificate)
    rater.consent()
    trial = rater.trial()
    assert trial is not None
    assert len(trial.sources) == 2
    for source, file in zip(trial.sources, files, strict=True):
        content = (stack.var / "media" / file).read_bytes()
        whole = rater.get(source)
        assert (whole.status_code, whole.headers["Accept-Ranges"]) == (200, "bytes")
        assert whole.content == content
        part = rater.get(source, Range="bytes=100-199")
        assert (part.status_code, part.content) == (206, content[100:200])
        assert part.headers["Content-Range"] == f"bytes 100-199/{len(content)}"
        assert part.headers["Content-Type"] == "video/mp4"
        assert part.headers["Cache-Control"] == "private, max-age=3600"
        assert part.headers["X-Content-Type-Options"] == "nosniff"
        # A validator or a date could show that two trials play one file, or when it was rendered.
        assert not {"ETag", "Last-Modified", "X-Accel-Redirect"} & set(part.headers)
        assert file not in str(part.headers)
        assert rater.get(source, Range="bytes=999999999-").status_code == 416
        assert front.get(source).status_code == 404


def test_the_log_holds_neither_addresses_nor_links(front: Front) -> None:
    front.get("/admin/login/?token=very-secret")
    lines = Path(front.access_log).read_text()
    assert " GET 200 " in lines
    assert "very-secret" not in lines
    assert "127.0.0.1" not in lines


def test_a_flood_of_consents_is_slowed_and_nothing_else_is(front: Front) -> None:
    # The last test here: this address has used up its consents for a while.
    address = f"https://127.0.0.1:{front.https}/take/no-such-study/consent/"
    with requests.Session() as session:
        statuses = [
            session.post(address, headers=HTTPS, verify=front.certificate, timeout=10).status_code
            for _ in range(60)
        ]
    # Django refuses a form without its token; that it was asked is what counts here.
    assert statuses[:30] == [403] * 30
    assert statuses[-5:] == [429] * 5
    assert front.get("/take/no-such-study/").status_code == 404
