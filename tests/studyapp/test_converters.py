"""Numbers in addresses: one that no row can have is not found, before a page has begun its work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import IntConverter

from tests.studyapp.factories import make_researcher, open_study


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from patterns(one)
        else:
            yield one


def test_every_number_in_an_address_of_ours_is_bounded() -> None:
    free = [
        str(one.pattern)
        for one in patterns(get_resolver())
        if any(type(converter) is IntConverter for converter in one.pattern.converters.values())
    ]
    # Django's own, which looks its number up as text.
    assert [one for one in free if one != "r/<int:content_type_id>/<path:object_id>/"] == []


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["{n}/1/a.mp4", "1/{n}/a.mp4", "{n}/"])
def test_a_number_longer_than_any_id_is_not_found(client: Client, address: str) -> None:
    study = open_study(clips=1, blocks=1)
    client.force_login(make_researcher())
    assert client.get(f"/research/studies/{study.slug}/sessions/{address.format(n=10**30)}").status_code == 404
