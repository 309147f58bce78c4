"""A study file read and checked by itself: every key known, every value of its kind and within its bounds.

What depends on this Duet (clips, systems, a short name that is taken) is checked where the study is made.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from studyapp.documents.problems import Problem, StudyFileError
from studyapp.documents.reader import Reader
from studyapp.documents.schema import (
    FORMAT,
    HEADINGS,
    SYSTEM_FIELDS,
    TEXT_SETTINGS,
    ClipEntry,
    ClipRule,
    Pairs,
    Setting,
    StudyDocument,
    SystemEntry,
    TemplateHead,
    TextEntry,
)
from studyapp.documents.yaml_tree import Listed, Mapped, Node, Scalar, parse, plain
from studyapp.languages import LANGUAGES
from studyapp.models import Study, StudyText

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_PAIRS_KINDS = "a list of pairs such as [one, other], a mapping each_with: [slug], or the word all"


def read(content: bytes | str) -> StudyDocument:
    """The document of a study file or template. Raises StudyFileError with all that is wrong, a line each."""
    tree, twice = parse(content)
    _check_version(tree)
    reader = _StudyReader(twice)
    document = reader.document(tree)
    if reader.problems:
        raise StudyFileError(reader.problems)
    return document


def _check_version(tree: Mapped) -> None:
    """Before anything else: what is unknown in a newer file is no mistake of the file."""
    version = tree.items.get("duet_study")
    value = version.value if isinstance(version, Scalar) else None
    if version is None or isinstance(value, bool) or not isinstance(value, int) or value < 1:
        message = "this is no study file: it must say “duet_study: 1”"
        raise StudyFileError([Problem("duet_study", message, version.line if version else None)])
    if value > FORMAT:
        message = (
            f"the file is of version {value}; this Duet reads up to {FORMAT}. Update Duet, or export it there anew"
        )
        raise StudyFileError([Problem("duet_study", message, version.line if version else None)])


class _StudyReader(Reader):
    """Top down, in the order of the file."""

    def document(self, tree: Mapped) -> StudyDocument:
        keys = [heading.key for heading in HEADINGS]
        parts = self.mapping(
            tree, "", ["duet_study", "template", "study", "systems", "pairs", "clips", *keys, "texts"]
        )
        head = self.head(parts["template"]) if "template" in parts else None
        study = self.mapping(
            parts.get("study", Mapped(tree.line)), "study", ["title", "short_name", "language", "made_from"]
        )
        named = {
            name: self.field(Study, model_field, study[name], f"study.{name}")
            for name, model_field in (("title", "title"), ("short_name", "slug"), ("language", "language"))
            if name in study
        }
        for name in ("title", "short_name") if head is None else ():
            if name not in named:
                self.wrong("study", f"“{name}” is missing", getattr(parts.get("study"), "line", tree.line))
        if "made_from" in study:
            named["made_from"] = self.field(Study, "template", study["made_from"], "study.made_from")
        systems = self.systems(parts.get("systems"))
        slugs = [entry.slug for entry in systems if not entry.slug.startswith("?")]
        settings = self.settings(parts, slugs)
        return StudyDocument(
            title=named.get("title") or "",
            slug=named.get("short_name") or "",
            language=named.get("language") or "en",
            made_from=named.get("made_from") or "",
            head=head,
            systems=systems,
            pairs=self.pairs(parts.get("pairs"), slugs),
            clips=self.clips(parts.get("clips")),
            settings=settings,
            texts=self.texts(parts.get("texts"), str(named.get("language") or "en")),
            lines=self.lines,
        )

    def head(self, node: Node) -> TemplateHead:
        names = ("name", "describes", "source")
        parts = self.mapping(node, "template", names)
        for name in names:
            if name not in parts:
                self.wrong("template", f"“{name}” is missing", node.line)
        return TemplateHead(
            **{name: self.word(parts[name], f"template.{name}") if name in parts else "" for name in names}
        )

    def systems(self, node: Node | None) -> tuple[SystemEntry, ...]:
        found: dict[str, SystemEntry] = {}
        for number, item in enumerate(self.listing(node, "systems"), 1):
            path = f"systems[{number}]"
            entry = self.system(item, path)
            self.lines[f"systems.{entry.slug}"] = item.line
            if entry.slug in found:
                self.wrong(f"{path}.slug", f"the slug “{entry.slug}” is given twice", item.line)
            found[entry.slug] = entry
        return tuple(found.values())

    def system(self, node: Node, path: str) -> SystemEntry:
        parts = self.mapping(node, path, ["slug", "system", "preset", "settings", "label", "instead"])
        for name in ("slug", "system"):
            if name not in parts:
                self.wrong(path, f"“{name}” is missing", node.line)
        settings = plain(parts["settings"]) if "settings" in parts else None
        if not isinstance(settings or {}, dict) or any(
            isinstance(value, date) for value in (settings or {}).values()
        ):
            self.wrong(
                f"{path}.settings", "this must be a mapping of names to text, numbers, yes or no", node.line
            )
            settings = None
        return SystemEntry(
            slug=self.word(parts["slug"], f"{path}.slug") if "slug" in parts else f"?{path}",
            key=self.word(parts["system"], f"{path}.system") if "system" in parts else "",
            preset=self.word(parts["preset"], f"{path}.preset") if "preset" in parts else "default",
            settings=settings or {},
            label=self.word(parts["label"], f"{path}.label", empty=True) if "label" in parts else "",
            instead=self.system(parts["instead"], f"{path}.instead") if "instead" in parts else None,
        )

    def pairs(self, node: Node | None, slugs: Collection[str]) -> Pairs:
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return Pairs()
        if isinstance(node, Listed):
            return Pairs(listed=self.pairs_of(node, "pairs", slugs))
        if isinstance(node, Scalar) and node.value == "all":
            return Pairs(everything=True)
        if not isinstance(node, Mapped):
            self.wrong("pairs", f"this must be {_PAIRS_KINDS}", node.line)
            return Pairs()
        parts = self.mapping(node, "pairs", ["each_with"])
        with_ = parts.get("each_with")
        single = isinstance(with_, Scalar) and isinstance(with_.value, str)
        each = (self.word(with_, "pairs.each_with"),) if with_ and single else self.words(with_, "pairs.each_with")
        for slug in each:
            self.known(slug, slugs, "pairs.each_with", node.line)
        if not each:
            self.wrong("pairs", f"this must be {_PAIRS_KINDS}", node.line)
        return Pairs(each_with=each)

    def pairs_of(self, node: Node | None, path: str, slugs: Collection[str]) -> tuple[tuple[str, str], ...]:
        found: list[tuple[str, str]] = []
        for number, item in enumerate(self.listing(node, path), 1):
            at = f"{path}[{number}]"
            names = self.words(item, at)
            if len(names) != 2 or names[0] == names[1]:
                self.wrong(at, "a pair is two different systems: [one, other]", item.line)
                continue
            for name in names:
                self.known(name, slugs, at, item.line)
            one, other = names
            if (one, other) in found or (other, one) in found:
                self.wrong(at, f"the pair of {one} and {other} is given twice", item.line)
            found.append((one, other))
        return tuple(found)

    def known(self, slug: str, slugs: Collection[str], path: str, line: int) -> None:
        if slug and slug not in slugs:
            self.wrong(path, f"“{slug}” is none of the systems; there are {', '.join(slugs) or 'none'}", line)

    def clips(self, node: Node | None) -> tuple[ClipEntry, ...] | ClipRule:
        parts = self.mapping(node, "clips", ["list", "rule"]) if node else {}
        if node and len(parts) == 2:
            self.wrong("clips", "give a list or a rule, not both", node.line)
        if "rule" in parts:
            return self.rule(parts["rule"])
        listed = parts.get("list")
        if listed is None or (isinstance(listed, Scalar) and listed.value is None):
            return ()
        found: list[ClipEntry] = []
        if not isinstance(listed, Mapped):
            self.wrong("clips.list", "this must be a mapping of datasets", listed.line)
            return ()
        for dataset, inside in listed.items.items():
            at = f"clips.list.{dataset}"
            if not isinstance(inside, Mapped):
                self.wrong(at, "this must be a mapping of clip ids to SHA-256 digests, or to nothing", inside.line)
                continue
            for clip_id, digest in inside.items.items():
                sha256 = self.word(digest, f"{at}.{clip_id}", empty=True)
                if sha256 and not _SHA256.match(sha256):
                    self.wrong(f"{at}.{clip_id}", "a SHA-256 has 64 letters and digits 0-9, a-f", digest.line)
                self.lines[f"{at}.{clip_id}"] = inside.lines[clip_id]
                found.append(ClipEntry(dataset, clip_id, sha256))
        return tuple(found)

    def rule(self, node: Node) -> ClipRule:
        parts = self.mapping(node, "clips.rule", ["datasets", "genres", "tags", "per_genre", "in_all", "seed"])
        words = {
            name: self.words(parts.get(name), f"clips.rule.{name}") for name in ("datasets", "genres", "tags")
        }
        per_genre = self.number(parts.get("per_genre"), "clips.rule.per_genre", least=1, otherwise=None)
        in_all = self.number(parts.get("in_all"), "clips.rule.in_all", least=1, otherwise=None)
        seed = self.number(parts.get("seed"), "clips.rule.seed", least=0, otherwise=1)
        return ClipRule(**words, per_genre=per_genre, in_all=in_all, seed=1 if seed is None else seed)

    def settings(self, parts: Mapping[str, Node], slugs: Collection[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for heading in HEADINGS:
            if heading.key not in parts:
                continue
            names = {setting.name: setting for setting in heading.settings}
            for name, node in self.mapping(parts[heading.key], heading.key, list(names)).items():
                path, setting = f"{heading.key}.{name}", names[name]
                if setting.field == "primary_pairs":
                    found[setting.field] = [list(pair) for pair in self.pairs_of(node, path, slugs)]
                elif setting.field in SYSTEM_FIELDS:
                    found[setting.field] = self.system_name(node, path, slugs)
                else:
                    found[setting.field] = self.field(Study, setting.field, node, path)
        return found

    def system_name(self, node: Node, path: str, slugs: Collection[str]) -> str | None:
        if isinstance(node, Scalar) and node.value is None:
            return None
        slug = self.word(node, path)
        self.known(slug, slugs, path, node.line)
        return slug

    def texts(self, node: Node | None, own: str) -> tuple[TextEntry, ...]:
        codes = [code for code, _ in LANGUAGES if code != own]
        found: list[TextEntry] = []
        for language, inside in (self.mapping(node, "texts", codes) if node else {}).items():
            path = f"texts.{language}"
            names: dict[str, Setting] = {setting.name: setting for setting in TEXT_SETTINGS}
            values = {
                names[name].field: self.field(StudyText, names[name].field, item, f"{path}.{name}") or ""
                for name, item in self.mapping(inside, path, list(names)).items()
            }
            for name in ("consent", "instructions"):
                if names[name].field not in values:
                    self.wrong(path, f"“{name}” is missing", inside.line)
            found.append(TextEntry(language, values))
        return tuple(found)
