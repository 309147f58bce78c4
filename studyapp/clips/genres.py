"""Music genres of AudioSet, and the stated rules that make one genre of many labels.

Ids, names and their tree are the AudioSet ontology's (Gemmeke et al. 2017, CC BY-SA 4.0), below "Music genre".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

RULE = "audioset-1"
"""Kept with every clip whose genre it made; another rule gets another name."""
DANCE_RULE = "aist-1"

STATEMENT = (
    "Of a clip's labels, only those below “Music genre” in the AudioSet ontology count: instruments, moods and "
    "occasions say nothing of the genre.",
    "The most specific labels decide, those deepest in the ontology: “House music” goes before “Pop music”.",
    "Each of these counts as the nearest genre above it that results are split by: the thirteen of the V2Meow "
    "paper's Table 3, or else the top genre of the ontology (Jazz, Country …).",
    "“Rock” is all rock that is neither punk nor heavy metal, as in the paper: Grunge is Rock; Punk rock and "
    "Heavy metal are genres of their own, and beside either of them Rock is left out.",
    "One genre left: it is the clip's. None or several: the clip stays unlabelled and is listed with what is to "
    "choose from, for nothing is guessed. A genre that a person gives goes before the rule, always.",
)
"""What `one_genre` does, sentence by sentence, as it is shown to researchers."""
DANCE_STATEMENT = "The two letters after “g” in an AIST sequence's name are its dance genre: gBR is Break dance."

_ROCK = "/m/06by7"
_OWN_GENRES = {"/m/05r6t": "Punk rock", "/m/03lty": "Heavy metal"}
"""Below another genre and yet split apart from it."""
_LEFT_OUT_BESIDE = {"Rock": frozenset(_OWN_GENRES.values())}
_RENAMED = {_ROCK: "Rock"}

PAPERS = (
    ("/m/02lkt", "Electronic music"),
    ("/m/0glt670", "Hip hop music"),
    ("/m/064t9", "Pop music"),
    ("/m/05r6t", "Punk rock"),
    ("/m/05rwpb", "Independent music"),
    ("/m/06j6l", "Rhythm and blues"),
    ("/m/03lty", "Heavy metal"),
    ("/m/028sqc", "Music of Asia"),
    ("/m/06cqb", "Reggae"),
    ("/m/02mscn", "Christian music"),
    ("/m/0g293", "Music of Latin America"),
    ("/m/0164x2", "Music of Africa"),
    ("/m/06by7", "Rock"),
)
"""Table 3 of V2Meow (arXiv:2305.06594): what MV100K's clips were balanced by."""
IN_PAPERS_HUMAN_STUDY = tuple(
    name
    for _, name in PAPERS
    if name not in {"Independent music", "Rhythm and blues", "Christian music", "Music of Latin America"}
)

_TOP = "/m/0kpv1t"
_ONTOLOGY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "/m/064t9": ("Pop music", (_TOP,)),
    "/m/0glt670": ("Hip hop music", (_TOP,)),
    "/m/04j_h4": ("Grime music", ("/m/0glt670",)),
    "/m/0n8zsc8": ("Trap music", ("/m/0glt670",)),
    "/m/02cz_7": ("Beatboxing", ("/m/0glt670", "/m/0y4f8")),
    "/m/06by7": ("Rock music", (_TOP,)),
    "/m/03lty": ("Heavy metal", ("/m/06by7",)),
    "/m/05r6t": ("Punk rock", ("/m/06by7",)),
    "/m/0dls3": ("Grunge", ("/m/06by7",)),
    "/m/0dl5d": ("Progressive rock", ("/m/06by7",)),
    "/m/07sbbz2": ("Rock and roll", ("/m/06by7",)),
    "/m/05w3f": ("Psychedelic rock", ("/m/06by7",)),
    "/m/06j6l": ("Rhythm and blues", (_TOP,)),
    "/m/0gywn": ("Soul music", (_TOP,)),
    "/m/06cqb": ("Reggae", (_TOP,)),
    "/m/0190y4": ("Dub", ("/m/06cqb",)),
    "/m/01lyv": ("Country", (_TOP,)),
    "/m/015y_n": ("Swing music", ("/m/01lyv",)),
    "/m/0gg8l": ("Bluegrass", ("/m/01lyv",)),
    "/m/02x8m": ("Funk", (_TOP,)),
    "/m/02w4v": ("Folk music", (_TOP,)),
    "/m/06j64v": ("Middle Eastern music", (_TOP,)),
    "/m/03_d0": ("Jazz", (_TOP,)),
    "/m/026z9": ("Disco", (_TOP,)),
    "/m/0ggq0m": ("Classical music", (_TOP,)),
    "/m/05lls": ("Opera", ("/m/0ggq0m",)),
    "/m/02lkt": ("Electronic music", (_TOP,)),
    "/m/03mb9": ("House music", ("/m/02lkt",)),
    "/m/07gxw": ("Techno", ("/m/02lkt",)),
    "/m/07s72n": ("Dubstep", ("/m/02lkt",)),
    "/m/029h7y": ("Electro", ("/m/02lkt",)),
    "/m/0283d": ("Drum and bass", ("/m/02lkt",)),
    "/m/01f9gb": ("Oldschool jungle", ("/m/0283d",)),
    "/m/0m0jc": ("Electronica", ("/m/02lkt",)),
    "/m/08cyft": ("Electronic dance music", ("/m/02lkt",)),
    "/m/0fd3y": ("Ambient music", ("/m/02lkt",)),
    "/m/052smk": ("Drone music", ("/m/0fd3y",)),
    "/m/07lnk": ("Trance music", ("/m/02lkt",)),
    "/m/0m0fw": ("Noise music", ("/m/02lkt",)),
    "/m/0bmfpc": ("UK garage", ("/m/02lkt",)),
    "/m/0g293": ("Music of Latin America", (_TOP,)),
    "/m/02ccj9": ("Cumbia", ("/m/0g293",)),
    "/m/0ln16": ("Salsa music", ("/m/0g293",)),
    "/m/0kpck": ("Soca music", ("/m/0g293",)),
    "/m/080nby": ("Kuduro", ("/m/0g293",)),
    "/m/05q7ms": ("Funk carioca", ("/m/0g293",)),
    "/m/0326g": ("Flamenco", ("/m/0g293",)),
    "/m/0155w": ("Blues", (_TOP,)),
    "/m/05fw6t": ("Music for children", (_TOP,)),
    "/m/02v2lh": ("New-age music", (_TOP,)),
    "/m/0y4f8": ("Vocal music", (_TOP,)),
    "/m/0z9c": ("A capella", ("/m/0y4f8",)),
    "/m/02bk07": ("Chant", ("/m/0y4f8",)),
    "/m/0164x2": ("Music of Africa", (_TOP,)),
    "/m/0145m": ("Afrobeat", ("/m/0164x2",)),
    "/m/022dgg": ("Kwaito", ("/m/0164x2",)),
    "/m/02mscn": ("Christian music", (_TOP,)),
    "/m/016cjb": ("Gospel music", ("/m/02mscn",)),
    "/m/028sqc": ("Music of Asia", (_TOP,)),
    "/m/015vgc": ("Carnatic music", ("/m/028sqc",)),
    "/m/0dq0md": ("Music of Bollywood", ("/m/028sqc",)),
    "/m/06rqw": ("Ska", (_TOP,)),
    "/m/02p0sh1": ("Traditional music", (_TOP,)),
    "/m/05rwpb": ("Independent music", (_TOP,)),
}
"""Id to name and parents. Beatboxing alone has two."""

DANCES: Mapping[str, str] = {
    "BR": "Break dance",
    "PO": "Pop dance",
    "LO": "Lock dance",
    "MH": "Middle hip-hop dance",
    "LH": "LA-style hip-hop dance",
    "HO": "House dance",
    "WA": "Waack dance",
    "KR": "Krump dance",
    "JS": "Street jazz dance",
    "JB": "Ballet jazz dance",
}
"""Genres of AIST (Tsuchida et al. 2019) by code. Each says “dance”, for pop and house are music's as well."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule makes of labels: a genre, or none; candidates are the several that it cannot choose among."""

    genre: str
    candidates: tuple[str, ...] = ()


def label_id(label: str) -> str:
    """The AudioSet id of a music genre that is given by its name or id; any other label as it is."""
    return _ids_by_name().get(label.casefold(), label)


def name_of(label: str) -> str:
    """A label as it can be read: a music genre's name, any other label as it is."""
    return _ONTOLOGY[label][0] if label in _ONTOLOGY else label


def one_genre(labels: Iterable[str]) -> Verdict:
    """One genre of AudioSet ids or names, by the rule that STATEMENT states."""
    depths = {label: _depth(label) for label in map(label_id, labels) if label in _ONTOLOGY}
    deepest = max(depths.values(), default=0)
    found = {name for label, depth in depths.items() if depth == deepest for name in _reported(label)}
    found -= {name for name, others in _LEFT_OUT_BESIDE.items() if name in found and found & others}
    if len(found) == 1:
        return Verdict(found.pop())
    return Verdict("", tuple(sorted(found)))


def _depth(label: str) -> int:
    """1 for the children of “Music genre”."""
    return 0 if label == _TOP else 1 + min(_depth(parent) for parent in _ONTOLOGY[label][1])


def _reported(label: str) -> frozenset[str]:
    """The genres that results are split by which a label lies in: two for what has two parents."""
    if label in _OWN_GENRES:
        return frozenset({_OWN_GENRES[label]})
    name, parents = _ONTOLOGY[label]
    if _TOP in parents:
        return frozenset({_RENAMED.get(label, name)})
    return frozenset().union(*map(_reported, parents))


@cache
def _ids_by_name() -> dict[str, str]:
    names = {name.casefold(): label for label, (name, _) in _ONTOLOGY.items()}
    return names | {name.casefold(): label for label, name in PAPERS}
