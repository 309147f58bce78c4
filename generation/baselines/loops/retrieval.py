"""Loop retrieval, not Mubert: what Mubert's text → tags → loops does, offline and on a library that can be read.

It stands in where no account at the service is at hand, and shows what the principle alone is worth; its loops are
the shipped ones, synthesised by this project, or a researcher's own. Nothing here imports torch before music is
asked for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from generation.baselines.loops.arrange import HALVES, Arrangement, arrange
from generation.baselines.loops.choose import Chosen, choose
from generation.baselines.loops.library import Loop, check_sound, read_loops, table
from generation.baselines.loops.mix import RATE_HZ, mix
from generation.baselines.mubert.tags import CHOSEN, Match, cosines_to
from generation.contracts import ClipFacts, GenerationError, Progress, Request, Settings, Soundtrack
from generation.text import weights
from generation.text.script import prompt_of

LABEL = "loop retrieval, not Mubert"


@dataclass(frozen=True, slots=True)
class LoopRetrieval:
    """Arranges the loops of one library by a prompt; the seed chooses among what fits equally well."""

    loops: tuple[Loop, ...]

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """48-kHz stereo and "arrangement.json". Raises GenerationError without a prompt that can be read."""
        prompt = prompt_of(request.clip_id, request.text)
        progress(0.0, "reading the prompt")
        tags = tuple(sorted({tag for loop in self.loops for tag in loop.tags}))
        # Said of music, "rock" and "house" are what they mean here.
        cosines = dict(zip(tags, cosines_to(prompt, tuple(f"{tag} music" for tag in tags)).tolist(), strict=True))
        chosen = choose(self.loops, cosines.__getitem__, request.seed)
        plan = arrange(chosen.loops, chosen.bpm, request.duration_s, request.seed, fill=chosen.fill is not None)
        progress(0.4, "arranging loops")
        waveform = mix(chosen, plan, request.duration_s)
        nearest = sorted(cosines, key=lambda tag: -cosines[tag])[:CHOSEN]
        matches = [Match(tag, round(cosines[tag], 4)) for tag in nearest]
        return Soundtrack(waveform, RATE_HZ, {"arrangement.json": _written(matches, chosen, plan)})


def build(preset: str, settings: Settings, device: str) -> LoopRetrieval:
    """Raises GenerationError when the library's folder or table is missing or wrong."""
    return LoopRetrieval(read_loops(str(settings["library"])))


def refusal(facts: ClipFacts, settings: Settings) -> str | None:
    """Refuses a library with anything wrong in it."""
    try:
        loops = read_loops(str(settings["library"]))
        # The shipped files are tested with the project; looking into each would hold a page up for seconds.
        for loop in loops if str(settings["library"]).strip() else ():
            check_sound(loop)
    except GenerationError as error:
        return str(error)
    return None


def inputs(facts: ClipFacts, settings: Settings) -> tuple[Path, ...]:
    """The table, all its files and what reads the prompt. Raises GenerationError when one is missing."""
    library = str(settings["library"])
    return (table(library), *dict.fromkeys(loop.path for loop in read_loops(library)), *weights.files())


def _written(matches: list[Match], chosen: Chosen, plan: Arrangement) -> bytes:
    half_s = plan.bar_s / HALVES
    rows = []
    for span in plan.spans:
        loop = chosen.fill if span.fill and chosen.fill else chosen.loops[span.role]
        rows.append(
            {
                "file": loop.path.name,
                "role": span.role,
                "start_s": round(span.start * half_s, 4),
                "end_s": round(span.end * half_s, 4),
                "fill": span.fill,
                "tempo_ratio": round(chosen.bpm / loop.bpm, 4),
                "tags": loop.tags,
                "licence": loop.licence,
            }
        )
    said = {
        "system": LABEL,
        "tags": [{"tag": match.tag, "cosine": match.cosine} for match in matches],
        "bpm": chosen.bpm,
        "key": chosen.key,
        "bar_s": round(plan.bar_s, 4),
        "fade_out_s": round(plan.fade_s, 4),
        "loops": rows,
    }
    return json.dumps(said, indent=1).encode()
