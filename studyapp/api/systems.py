"""Systems with their cards, and what the registry can make."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from generation import registry
from generation.cards import Card
from studyapp.actions.systems import ensure_system
from studyapp.api.shapes import REFUSALS, Body, Page, Paging, page_of
from studyapp.errors import DuetError
from studyapp.models import System
from studyapp.views.staff import researcher

router = Router(tags=["Systems"])


class CardItem(BaseModel):
    """What is to be known of a system before it is chosen."""

    standing: str = Field(description="Published model, reproduction, tiny stand-in, control or outside system.")
    sees: str
    sample_rate_hz: int | None = Field(description="Null where it varies.")
    code_licence: str
    weights_licence: str
    citation: str
    note: str
    name: str

    @classmethod
    def of(cls, card: Card) -> CardItem:
        return cls(**{name: getattr(card, name) for name in cls.model_fields})


class SystemItem(BaseModel):
    slug: str
    label: str
    key: str
    preset: str
    settings: dict[str, Any]
    digest: str = Field(description="SHA-256 of key, preset and settings.")
    created_at: datetime
    card: CardItem

    @classmethod
    def of(cls, system: System) -> SystemItem:
        plain = set(cls.model_fields) - {"card"}
        return cls(card=CardItem.of(system.card), **{name: getattr(system, name) for name in plain})


class RegistryItem(BaseModel):
    """A system that can be made, with the defaults of its settings."""

    key: str
    label: str
    presets: list[str]
    settings: dict[str, Any]
    choices: dict[str, list[str]]
    reads_text: bool
    loudness_matched: bool
    needs_accelerator: bool
    cards: dict[str, CardItem] = Field(description="The card of each preset.")


class NewSystem(Body):
    key: str = Field(description="Of the registry.")
    preset: str = "default"
    settings: dict[str, Any] = Field(default_factory=dict)
    slug: str | None = Field(None, max_length=120, description="Must carry the preset; empty for Duet's own.")
    label: str | None = Field(None, max_length=200)


@router.get("/systems", response={200: Page[SystemItem], **REFUSALS})
def list_systems(request: HttpRequest, asked: Query[Paging]) -> dict[str, Any]:
    """Systems, which all researchers share."""
    return page_of(request, asked, System.objects.all(), SystemItem.of)


@router.post("/systems", response={201: SystemItem, **REFUSALS})
def make_system(request: HttpRequest, asked: NewSystem) -> Status[SystemItem]:
    """Make a system of the registry, or find it where it is there with the same settings.

    Not an imported one: that is its files, which are brought on the page of systems.
    """
    if asked.key == "imported":
        raise DuetError(
            "an imported system is its files; bring them under “Bring your own files” where systems are added"
        )
    return Status(201, SystemItem.of(ensure_system(**asked.model_dump(), by=researcher(request))))


@router.get("/systems/{slug}", response={200: SystemItem, **REFUSALS})
def read_system(request: HttpRequest, slug: str) -> SystemItem:
    """One system."""
    system = System.objects.filter(slug=slug).first()
    if system is None:
        raise Http404(f"There is no system {slug!r}.")
    return SystemItem.of(system)


@router.get("/registry", response={200: list[RegistryItem], **REFUSALS})
def list_registry(request: HttpRequest) -> list[RegistryItem]:
    """Every system that this server can make."""
    return [_registered(key) for key in sorted(registry.SYSTEMS)]


def _registered(key: str) -> RegistryItem:
    spec = registry.spec(key)
    return RegistryItem(
        key=key,
        label=spec.label,
        presets=list(spec.presets),
        settings=dict(spec.settings),
        choices={name: list(words) for name, words in spec.choices.items()},
        reads_text=spec.reads_text,
        loudness_matched=spec.loudness_matched,
        needs_accelerator=spec.needs_accelerator,
        cards={preset: CardItem.of(registry.card(key, preset, {})) for preset in spec.presets},
    )
