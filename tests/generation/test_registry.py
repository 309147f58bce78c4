from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from generation import registry
from generation.cards import Standing
from generation.contracts import ClipFacts, GenerationError

FACTS = ClipFacts("forest", 10.0, frozenset({"forest", "harbour"}))

DEFAULT_DIGESTS = {
    ("v2meow-clip", "tiny"): "7f00642821552ed7",
    ("v2meow-clip", "base"): "d1f76ac26e07748e",
    ("v2meow-i3d", "tiny"): "f888244136db7a2d",
    ("v2meow-i3d", "base"): "cdd27266f92f775f",
    ("v2meow-vit", "tiny"): "bfa32195a3bf7a36",
    ("v2meow-vit", "base"): "9c7dca6e351f0b99",
    ("v2meow-vit-i3d", "tiny"): "4501b99079c52eea",
    ("v2meow-vit-i3d", "base"): "5567cc989678faac",
    ("v2meow-clip-i3d", "tiny"): "b2402302c8913281",
    ("v2meow-clip-i3d", "base"): "ffd415fd8e920051",
    ("v2meow-clip-text", "tiny"): "117aef40520449ce",
    ("v2meow-clip-text", "base"): "84d80e5ed6120625",
    ("v2meow-i3d-text", "tiny"): "59757ce73377c67f",
    ("v2meow-i3d-text", "base"): "2e327817977da550",
    ("v2meow-vit-text", "tiny"): "e98a98f02d72fe3c",
    ("v2meow-vit-text", "base"): "a0173ba0c82628bf",
    ("v2meow-vit-i3d-text", "tiny"): "9bea17e357eadae0",
    ("v2meow-vit-i3d-text", "base"): "4da92b7c3e752263",
    ("v2meow-clip-i3d-text", "tiny"): "b1896bab965fdbe9",
    ("v2meow-clip-i3d-text", "base"): "617c39a51d02bd69",
    ("v2meow-clip-audio-stage2", "tiny"): "8246abea5e50e15b",
    ("v2meow-clip-audio-stage2", "base"): "5091ee93db930ccc",
    ("v2meow-clip-no-semantic", "tiny"): "ca5c52936894378c",
    ("v2meow-clip-no-semantic", "base"): "1a0876372ea82141",
    ("cmt", "tiny"): "8670ac049928b363",
    ("cmt", "published"): "6cba496ae751dd4e",
    ("riffusion", "tiny"): "09848633f9e7e390",
    ("riffusion", "v1"): "ca5bacfde92fcfda",
    ("mubert", "default"): "2b3ae2ec1b4b5118",
    ("loop-retrieval", "default"): "edc3e568e92d47e6",
    ("random-shuffle", "default"): "c3eddd45716b1f7c",
    ("ground-truth", "default"): "cac941498aa8ea0b",
    ("silence", "default"): "a369e9d3c8b95b0f",
    ("foil-other-clip", "default"): "93f92057c9b9febf",
    ("foil-shifted", "default"): "c51914f261776bca",
    ("imported", "default"): "9272b13f6abe8555",
    ("command", "default"): "73a4f55a61cb8151",
    ("endpoint", "default"): "1793de876f40c860",
}
"""The first 16 digits of each preset's digest with all settings at their defaults."""


@pytest.mark.parametrize("key", sorted(registry.SYSTEMS))
def test_every_path_of_a_spec_leads_somewhere(key: str) -> None:
    spec = registry.spec(key)
    assert spec.key == key
    assert not isinstance(spec.inputs, dict) or set(spec.inputs) == set(spec.presets)
    inputs = spec.inputs.values() if isinstance(spec.inputs, dict) else [spec.inputs]
    for path in filter(None, (spec.factory, spec.refusal, spec.donors, *inputs)):
        module, _, attribute = path.partition(":")
        assert callable(getattr(import_module(module), attribute))
    for source in spec.sources:
        assert (registry.ROOM / source).exists()
    assert spec.presets


@pytest.mark.parametrize("key", sorted(registry.SYSTEMS))
def test_every_preset_of_a_system_has_a_card(key: str) -> None:
    spec = registry.spec(key)
    assert set(spec.cards) == set(spec.presets)
    for card in spec.cards.values():
        assert card.code_licence
        assert card.weights_licence
        assert card.citation or card.standing in (Standing.CONTROL, Standing.OUTSIDE)


def test_a_stand_in_never_goes_by_the_published_name_alone() -> None:
    """Where the published model is a preset too, slug and label carry the preset; otherwise the name says it."""
    for spec in registry.SYSTEMS.values():
        for preset, card in spec.cards.items():
            if card.standing == Standing.STAND_IN:
                assert preset != "default" or "not " in spec.label, spec.key
                assert spec.slug(preset) != spec.key or "not " in spec.label, spec.key


def test_what_a_card_says_of_text_is_what_the_system_reads() -> None:
    for spec in registry.SYSTEMS.values():
        for card in spec.cards.values():
            if card.standing not in (Standing.CONTROL, Standing.OUTSIDE):
                assert ("text" in card.sees) == spec.reads_text, spec.key


def test_a_clip_without_a_caption_is_refused_by_whatever_needs_one() -> None:
    for key, spec in registry.SYSTEMS.items():
        if spec.reads_text and not spec.text_optional:
            assert "forest has no caption, and this system plays" in (registry.refusal(key, FACTS, {}) or ""), key
    assert registry.refusal("v2meow-clip-text", replace(FACTS, caption="slow reggae"), {}) is None
    assert registry.refusal("v2meow-clip", FACTS, {}) is None


@pytest.mark.parametrize("key", ["v2meow-clip-text", "riffusion", "loop-retrieval", "mubert"])
def test_a_caption_in_another_script_is_refused_by_whatever_learnt_english(key: str) -> None:
    refused = registry.refusal(key, replace(FACTS, caption="Медленный регги"), {})
    assert refused is not None
    assert "is in Cyrillic script" in refused


def test_only_silence_keeps_its_own_loudness() -> None:
    assert [key for key, spec in registry.SYSTEMS.items() if not spec.loudness_matched] == ["silence"]


def test_words_that_decide_what_is_heard_are_in_the_digest_of_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    said = ["python3 model.py"]
    monkeypatch.setattr("generation.baselines.imported.inputs", lambda facts, settings: tuple(said))
    before = registry.inputs_digest("imported", "default", FACTS, {})
    said[0] = "python3 other.py"
    assert registry.inputs_digest("imported", "default", FACTS, {}) != before


def test_sources_digest_follows_a_systems_own_files_and_no_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for source in ("baselines/ground_truth.py", "baselines/fit.py", "baselines/imported.py", "media/decode.py"):
        (tmp_path / source).parent.mkdir(exist_ok=True)
        (tmp_path / source).write_text(source)
    monkeypatch.setattr(registry, "ROOM", tmp_path)
    before = registry.sources_digest("ground-truth")
    (tmp_path / "baselines/imported.py").write_text("changed")
    assert registry.sources_digest("ground-truth") == before
    (tmp_path / "baselines/fit.py").write_text("changed")
    assert registry.sources_digest("ground-truth") != before


def test_how_a_network_is_trained_throws_no_soundtrack_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rooms = [source for source in registry.spec("v2meow-clip").sources if not source.endswith(".py")]
    for source in ("cascade/training/loop.py", "cascade/stages.py", "media/decode.py"):
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / source).write_text(source)
    for room in rooms:
        (tmp_path / room).mkdir(exist_ok=True)
    monkeypatch.setattr(registry, "ROOM", tmp_path)
    before = registry.sources_digest("v2meow-clip")
    (tmp_path / "cascade/training/loop.py").write_text("changed")
    assert registry.sources_digest("v2meow-clip") == before
    (tmp_path / "cascade/stages.py").write_text("changed")
    assert registry.sources_digest("v2meow-clip") != before


def test_settings_digest_knows_the_defaults() -> None:
    default = registry.settings_digest("v2meow-clip", "tiny", {})
    assert registry.settings_digest("v2meow-clip", "tiny", {"temperature_fine": 0.4}) == default
    assert registry.settings_digest("v2meow-clip", "tiny", {"temperature_fine": 0.5}) != default
    assert registry.settings_digest("v2meow-clip-i3d", "tiny", {}) != default


@pytest.mark.parametrize(("key", "preset"), DEFAULT_DIGESTS)
def test_a_systems_digest_is_that_of_the_rows_and_archives_that_there_are(key: str, preset: str) -> None:
    """Where this fails, name a new setting in the spec's ``later``, and leave the defaults of old ones alone."""
    assert registry.settings_digest(key, preset, {})[:16] == DEFAULT_DIGESTS[key, preset]


def test_the_digest_of_every_preset_is_pinned() -> None:
    assert set(DEFAULT_DIGESTS) == {
        (key, preset) for key, spec in registry.SYSTEMS.items() for preset in spec.presets
    }


def test_a_later_setting_is_in_the_digest_once_it_is_not_at_its_default() -> None:
    default = registry.settings_digest("riffusion", "v1", {})
    assert registry.settings_digest("riffusion", "v1", {"revision": "main"}) == default
    assert registry.settings_digest("riffusion", "v1", {"revision": "fp16"}) != default
    for key, spec in registry.SYSTEMS.items():
        assert spec.later <= set(spec.settings), key


def test_settings_are_the_same_by_what_they_come_to() -> None:
    assert registry.same_settings("riffusion", {}, {"revision": "main", "steps": 30})
    assert not registry.same_settings("riffusion", {}, {"steps": 31})
    assert registry.same_settings("riffusion", {"gone": 1}, {"gone": 1})
    assert not registry.same_settings("riffusion", {"gone": 1}, {})
    assert not registry.same_settings("nope", {}, {"steps": 30})


def test_rendering_digest_depends_on_the_code_that_renders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for source in (registry.ROOM / "media").glob("*.py"):
        (tmp_path / "media").mkdir(exist_ok=True)
        (tmp_path / "media" / source.name).write_bytes(source.read_bytes())
    before = registry.rendering_digest()
    monkeypatch.setattr(registry, "ROOM", tmp_path)
    assert registry.rendering_digest() == before
    (tmp_path / "media" / "mux.py").write_text("changed")
    assert registry.rendering_digest() != before


def test_unknown_names_are_answered_with_the_options() -> None:
    with pytest.raises(KeyError, match=r"no system 'nope'; there are cmt, command"):
        registry.spec("nope")
    with pytest.raises(ValueError, match="ground-truth has no preset 'base'; there are default"):
        registry.build("ground-truth", "base", {})
    with pytest.raises(ValueError, match="imported has no setting colour; its settings are: folder, model"):
        registry.effective_settings("imported", {"colour": "red"})
    with pytest.raises(ValueError, match="v2meow-clip: weights 'int4' is not one of float32, bfloat16, int8"):
        registry.effective_settings("v2meow-clip", {"weights": "int4"})


def test_systems_without_outside_files_or_donors_say_so() -> None:
    assert registry.inputs_digest("ground-truth", "default", FACTS, {}) == ""
    assert registry.donors("imported", FACTS, {}, 0) == ()
    assert registry.weights_digest("ground-truth", "default") == ""


def test_weights_digest_covers_what_the_variant_plays_with_and_no_more() -> None:
    files = registry.spec("v2meow-vit-i3d").weights["tiny"]
    assert set(files) == {
        f"tiny/{part}.safetensors" for part in ("vit", "i3d", "stage1", "stage2", "stage3", "codec")
    }
    assert "tiny/joint.safetensors" in registry.spec("v2meow-clip-text").weights["tiny"]
    assert "tiny/stage2.safetensors" not in registry.spec("v2meow-clip-audio-stage2").weights["tiny"]


def test_missing_weights_are_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(registry, "ROOM", tmp_path)
    with pytest.raises(
        GenerationError, match=r"v2meow-clip-base lacks its weights clip\.safetensors.*--preset base"
    ):
        registry.weights_digest("v2meow-clip", "base")


def test_slug_names_the_preset_where_there_is_a_choice() -> None:
    assert registry.spec("v2meow-clip").slug("tiny") == "v2meow-clip-tiny"
    assert registry.spec("ground-truth").slug("default") == "ground-truth"


def test_planning_needs_no_torch() -> None:
    plan = """
import sys
from generation import registry
from generation.contracts import ClipFacts, GenerationError
facts = ClipFacts("forest", 10.0, frozenset({"forest", "harbour"}))
for key in registry.SYSTEMS:
    registry.refusal(key, facts, {})
    registry.donors(key, facts, {}, 0)
sys.exit("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", plan], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
