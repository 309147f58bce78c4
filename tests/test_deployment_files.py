"""docker-compose.yml, .env.example and the settings agree with each other, and none of them holds a secret."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from studyapp.work.queues import QUEUES

ROOT = Path(__file__).parent.parent
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
LONG_RUNNING = sorted(set(SERVICES) - {"migrate"})
INTERPOLATED = re.compile(r"(?<!\$)\$\{([A-Z_]+)(:[-?+])?([^}]*)\}")
SECRETS = {"DUET_SECRET_KEY", "POSTGRES_PASSWORD", "DUET_TLS_KEY"}


def _example() -> dict[str, str]:
    """Every variable .env.example names, commented out or not, with what it gives."""
    lines = re.findall(r"^#?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), flags=re.MULTILINE)
    return dict(lines)


def _read_by_the_settings() -> set[str]:
    text = (ROOT / "studyapp" / "settings.py").read_text()
    return set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", text)) | _read_by_systems()


def _read_by_systems() -> set[str]:
    """What systems of other makers are opened with; generation knows no settings."""
    sources = (ROOT / "generation" / "baselines").rglob("*.py")
    return {name for source in sources for name in re.findall(r'"((?:DUET|MUBERT)_[A-Z_]+)"', source.read_text())}


def test_every_variable_the_settings_read_is_in_the_example() -> None:
    assert _read_by_the_settings() <= set(_example())


def test_every_variable_the_compose_file_asks_for_is_in_the_example() -> None:
    assert {name for name, _, _ in INTERPOLATED.findall(COMPOSE_TEXT)} <= set(_example())


def test_the_example_names_nothing_that_nobody_reads() -> None:
    asked = {name for name, _, _ in INTERPOLATED.findall(COMPOSE_TEXT)}
    assert set(_example()) <= asked | _read_by_the_settings() | {"COMPOSE_PROFILES"}


@pytest.mark.parametrize("service", OURS)
def test_what_a_service_is_given_is_what_the_settings_read(service: str) -> None:
    assert set(SERVICES[service]["environment"]) <= _read_by_the_settings()


def test_secrets_are_demanded_and_have_no_default() -> None:
    found = [(name, operator) for name, operator, _ in INTERPOLATED.findall(COMPOSE_TEXT) if name in SECRETS]
    assert {name for name, _ in found} == SECRETS
    assert {operator for _, operator in found} == {":?"}
    assert all(_example()[name] == "" for name in SECRETS)


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_a_long_running_service_is_watched_restarted_and_not_root(service: str) -> None:
    definition = SERVICES[service]
    assert definition["healthcheck"]["test"]
    assert definition["restart"] == "unless-stopped"
    assert "no-new-privileges:true" in definition["security_opt"]
    assert definition["cap_drop"] == ["ALL"]
    if "build" in definition:
        user = re.findall(r"^USER (\S+)$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[-1]
    else:
        user = definition["user"]
    assert user.split(":")[0] not in {"root", "0"}


@pytest.mark.parametrize("service", sorted(set(OURS) - {"migrate"}))
def test_nothing_of_duet_starts_before_the_migrations_are_through(service: str) -> None:
    assert SERVICES[service]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


@pytest.mark.parametrize(
    ("profile", "cpu_queues"), [("", "cpu,gpu"), ("gpu", "cpu")], ids=["without a GPU", "with a GPU"]
)
def test_every_queue_has_exactly_one_kind_of_worker(profile: str, cpu_queues: str) -> None:
    served: list[str] = []
    for service in (SERVICES[name] for name in OURS if name.startswith("worker")):
        if service.get("profiles", [profile]) == [profile]:
            (option,) = [word for word in service["command"] if word.startswith("--queues=")]
            served += (
                option.removeprefix("--queues=")
                .replace("${DUET_CPU_WORKER_QUEUES:-cpu,gpu}", cpu_queues)
                .split(",")
            )
    assert sorted(served) == sorted(QUEUES)


def test_only_nginx_can_be_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert COMPOSE["networks"]["backend"]["internal"] is True
    inside = ("postgres", "redis", "web", "migrate")
    assert all("outgoing" not in SERVICES[name]["networks"] for name in inside)


def test_the_schedulers_mail_about_alarms_can_leave() -> None:
    """That no worker comes, no worker can tell."""
    scheduler = SERVICES["scheduler"]
    assert scheduler["networks"] == ["backend", "outgoing"]
    assert {"EMAIL_HOST", "EMAIL_HOST_PASSWORD", "EMAIL_FROM"} <= set(scheduler["environment"])


def test_every_worker_reaches_what_its_tasks_ask() -> None:
    """Webhooks; Mubert's service, endpoints of outside models, model hubs."""
    workers = [service for name, service in SERVICES.items() if name.startswith("worker")]
    assert len(workers) == 3
    assert all("outgoing" in worker["networks"] for worker in workers)


def test_what_the_example_offers_to_the_deployed_reaches_its_services() -> None:
    deployed, _ = (ROOT / ".env.example").read_text().split("# --- set by docker-compose.yml itself")
    offered = set(re.findall(r"^#?([A-Z_]+)=", deployed, flags=re.MULTILINE))
    assert offered - {name for name, _, _ in INTERPOLATED.findall(COMPOSE_TEXT)} == {"COMPOSE_PROFILES"}


def test_the_image_can_have_what_published_models_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "published" in project["optional-dependencies"]
    assert "project['optional-dependencies'][extra]" in (ROOT / "Dockerfile").read_text()


def test_nginx_runs_as_the_user_whose_files_it_serves() -> None:
    assert f"USER {SERVICES['nginx']['user']}" in (ROOT / "Dockerfile").read_text()


def test_everything_the_image_needs_is_let_into_the_build() -> None:
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    allowed = (ROOT / ".dockerignore").read_text().split()
    for source in " ".join(copied).split():
        assert f"!{source}" in allowed
        assert (ROOT / source).exists()


def test_the_proxy_lets_through_what_the_site_takes_and_keeps_none_of_it_in_memory() -> None:
    nginx = COMPOSE["configs"]["nginx"]["content"]
    server, admin = nginx.split("location ~ ^/(?:admin|research|api)/")
    limit = f"${{DUET_MAX_UPLOAD_BYTES:-{settings.MAX_UPLOAD_BYTES}}}"
    assert f"client_max_body_size {limit};" in server.split("server {")[0]
    assert SERVICES["web"]["environment"]["DUET_MAX_UPLOAD_BYTES"] == limit
    admin = admin.split("}")[0]
    assert "proxy_request_buffering off;" in admin
    assert "client_max_body_size" not in admin
