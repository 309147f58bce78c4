"""The API's description: who may read it, that it is whole, and that nothing in it needs a looser policy."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse

from studyapp.api.docs import document
from tests.studyapp.api.caller import caller_for
from tests.studyapp.factories import make_researcher

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_researcher())
    return client


class _Inline(HTMLParser):
    """Collects what a strict policy forbids, ids, and links inside the page."""

    def __init__(self) -> None:
        super().__init__()
        self.forbidden: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        inline = tag == "style" or "style" in given or (tag == "script" and not given.get("src"))
        foreign = (given.get("src") or given.get("href") or "").startswith(("http:", "https:", "//"))
        if inline or (foreign and tag != "a") or any(name.startswith("on") for name in given):
            self.forbidden.append(f"{tag} {given}")
        if named := given.get("id"):
            self.ids.append(named)
        if (link := given.get("href") or "").startswith("#"):
            self.links.append(link[1:])


def test_the_document_names_every_route_with_words_and_its_refusals() -> None:
    described = document()
    assert described["openapi"].startswith("3.")
    routes = [one for methods in described["paths"].values() for one in methods.values()]
    assert len(routes) >= 28
    assert len({one["operationId"] for one in routes}) == len(routes)
    for one in routes:
        assert one["description"].endswith("."), one["operationId"]
        assert {"401", "403", "404", "409", "422"} <= {str(code) for code in one["responses"]}
        assert one["security"] == [{"Token": []}]
    assert described["components"]["securitySchemes"]["Token"] == {"type": "http", "scheme": "bearer"}


def test_every_reference_in_the_document_leads_somewhere() -> None:
    described = document()
    names = set(re.findall(r"#/components/schemas/([\w.-]+)", str(described)))
    assert names
    assert names <= set(described["components"]["schemas"])


def test_bodies_forbid_what_they_do_not_know() -> None:
    described = document()
    for methods in described["paths"].values():
        for one in methods.values():
            if "requestBody" in one:
                reference = one["requestBody"]["content"]["application/json"]["schema"]["$ref"]
                schema = described["components"]["schemas"][reference.rpartition("/")[2]]
                assert schema["additionalProperties"] is False, schema["title"]


def test_the_document_is_for_researchers_by_session_or_token(client: Client, staff: Client) -> None:
    address = reverse("api-openapi")
    assert staff.get(address).json()["info"]["title"] == "Duet"
    assert caller_for(make_researcher(), scope="read")("GET", "openapi.json").status == 200
    for headers in ({}, {"Authorization": "Bearer duet_no"}):
        assert Client().get(address, headers=headers).status_code == 401


def test_the_page_is_for_researchers(client: Client) -> None:
    address = reverse("api-docs")
    assert client.get(address).status_code == 302
    client.force_login(make_researcher(is_staff=False, is_superuser=False))
    assert client.get(address).status_code == 403


def test_the_page_shows_every_route_and_schema_and_its_links_lead_somewhere(staff: Client) -> None:
    response = staff.get(reverse("api-docs"))
    page = _Inline()
    page.feed(response.content.decode())
    assert page.forbidden == []
    assert len(set(page.ids)) == len(page.ids)
    assert set(page.links) <= set(page.ids)
    for methods in document()["paths"].values():
        assert {one["operationId"] for one in methods.values()} <= set(page.ids)
    assert "'unsafe-inline'" not in response["Content-Security-Policy"]
