from __future__ import annotations

import pytest

from generation.baselines.mubert.account import API, account, address
from generation.contracts import GenerationError


def test_credentials_come_from_the_environment_and_stay_out_of_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUBERT_CUSTOMER_ID", " one ")
    monkeypatch.setenv("MUBERT_ACCESS_TOKEN", "two")
    monkeypatch.delenv("MUBERT_API_URL", raising=False)
    found = account()
    assert (found.api, found.customer_id, found.access_token) == (API, "one", "two")
    assert repr(found) == f"Account(api={API!r})"


def test_missing_credentials_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUBERT_CUSTOMER_ID", "one")
    monkeypatch.delenv("MUBERT_ACCESS_TOKEN", raising=False)
    with pytest.raises(GenerationError, match=r"needs MUBERT_ACCESS_TOKEN in the environment.*loop-retrieval"):
        account()


def test_credentials_no_header_can_carry_are_refused_unquoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUBERT_CUSTOMER_ID", "one")
    monkeypatch.setenv("MUBERT_ACCESS_TOKEN", "two\r\nHost: elsewhere")
    with pytest.raises(GenerationError) as caught:
        account()
    assert "elsewhere" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["http://mubert.example/api", "mubert.example", "ftp://mubert.example"])
def test_credentials_are_sent_over_https_only(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("MUBERT_API_URL", wrong)
    with pytest.raises(GenerationError, match="https addresses only"):
        address()


def test_another_address_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUBERT_API_URL", "https://proxy.example/mubert/")
    assert address() == "https://proxy.example/mubert"
