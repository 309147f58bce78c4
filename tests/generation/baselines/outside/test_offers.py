"""What the server's list offers, and what it says of the chosen command."""

from __future__ import annotations

from pathlib import Path

import pytest

from generation import registry
from generation.contracts import GenerationError

LIST = """
[commands.composer]
argv = ["python3", "/srv/compose.py", "{video}", "--text={text}", "{output}"]
licence = "MIT"
citation = "Doe 2025"

[commands.blind]
argv = ["/usr/bin/true", "{output}"]
"""


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "outside.toml").write_text(LIST)
    monkeypatch.setenv("DUET_OUTSIDE", str(tmp_path / "outside.toml"))


@pytest.mark.usefixtures("listed")
def test_only_what_the_list_holds_can_be_chosen() -> None:
    assert registry.options("command")["command"] == ("blind", "composer")
    assert registry.options("endpoint") == {"sends_video": ("no", "yes")}


@pytest.mark.usefixtures("listed")
def test_a_commands_card_says_what_it_is_given_and_whose_it_is() -> None:
    card = registry.card("command", "default", {"command": "composer"})
    assert (card.sees, card.code_licence, card.citation) == ("video and text", "MIT", "Doe 2025")
    assert registry.card("command", "default", {"command": "blind"}).sees == "neither"


def test_without_a_list_there_is_a_reason_and_a_plain_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUET_OUTSIDE", raising=False)
    with pytest.raises(GenerationError, match="this server allows no outside systems"):
        registry.options("command")
    assert registry.card("command", "default", {"command": "composer"}).sees == "whatever it is given"
