"""gunicorn on PostgreSQL, in the compose file's settings."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
import requests

from tests.services.stack import COMPOSE, HOST, Server, Stack, wait_for

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def web(stack: Stack) -> Server:
    return stack.start_web()


def test_health_answers_the_container_engine_without_https(stack: Stack, web: Server) -> None:
    answer = requests.get(f"{stack.web_url}health/", headers={"Host": HOST}, timeout=5)
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_the_compose_files_own_health_check_passes(stack: Stack, web: Server) -> None:
    _, *command = COMPOSE["services"]["web"]["healthcheck"]["test"]
    command = [word.replace("127.0.0.1:8000", f"127.0.0.1:{stack.web_port}") for word in command]
    subprocess.run(command, env=stack.environment(), check=True, timeout=20)


def test_pages_come_only_over_https(stack: Stack, web: Server) -> None:
    plain = requests.get(f"{stack.web_url}admin/login/", headers={"Host": HOST}, timeout=5, allow_redirects=False)
    assert plain.status_code == 301
    assert plain.headers["Location"] == f"https://{HOST}/admin/login/"
    secure = stack.browser().get(f"{stack.web_url}admin/login/", timeout=5)
    assert secure.status_code == 200
    assert "max-age=31536000" in secure.headers["Strict-Transport-Security"]
    assert all(cookie.secure for cookie in secure.cookies)


def test_a_stranger_host_is_refused(stack: Stack, web: Server) -> None:
    answer = requests.get(
        f"{stack.web_url}admin/login/",
        headers={"Host": "evil.example.net", "X-Forwarded-Proto": "https"},
        timeout=5,
    )
    assert answer.status_code == 400


def test_static_files_of_the_admin_are_served_under_hashed_names(stack: Stack, web: Server) -> None:
    page = stack.browser().get(f"{stack.web_url}admin/login/", timeout=5).text
    sheet = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = stack.browser().get(f"{stack.web_url.rstrip('/')}{sheet}", timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/css")
    assert "immutable" in answer.headers["Cache-Control"]


def test_gunicorn_replaces_a_killed_process(stack: Stack, web: Server) -> None:
    children = subprocess.run(
        ["pgrep", "-P", str(web.process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    os.kill(int(children[0]), signal.SIGKILL)
    wait_for(
        "a new process",
        lambda: (
            children[0]
            not in (
                now := subprocess.run(
                    ["pgrep", "-P", str(web.process.pid)], capture_output=True, text=True, check=True
                ).stdout.split()
            )
            and len(now) == len(children)
        ),
    )
    assert requests.get(f"{stack.web_url}health/", headers={"Host": HOST}, timeout=10).status_code == 200
