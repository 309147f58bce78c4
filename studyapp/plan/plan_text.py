"""The plan of a study in words, `plan.md` of the pre-registration: made from rows alone, so that it repeats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from django.db.models import Q

from studyapp.actions.designs import summary_of
from studyapp.languages import LANGUAGES
from studyapp.models import Study, System
from studyapp.overview import before_the_trials, clips_by_genre, follows
from studyapp.plan import analysis_plan
from studyapp.plan.freezing import AsFrozen
from studyapp.questions import SCALE, WORDINGS


def plan_text(plan: AsFrozen, *, lacking: Sequence[str], digest: str, versions: str) -> str:
    """Markdown. ``lacking`` is what a draft still lacks, ``digest`` the overall digest of a frozen plan."""
    study = plan.study
    parts = [
        f"# {study.title}: the plan",
        _standing(study, lacking, digest),
        *_section("Question", _questions()),
        *_section("Hypotheses", [study.hypotheses.strip() or "None is declared."]),
        *_section("Systems", _systems(study)),
        *_section("Clips", _clips(study)),
        *_section("Design", _design(study)),
        *_section("Sample size and stopping", _sample(study)),
        *_section("Raters", _raters(study)),
        *_section("Analysis", _analysis(study)),
        *_section("Deviations", _DEVIATIONS),
        *_section("What raters read", _texts(plan)),
        *_section("Versions", [versions or "Not recorded."]),
    ]
    return "\n\n".join(parts) + "\n"


_DEVIATIONS = [
    "Nothing of the design changes after opening. Texts, rules for raters and the analysis plan change by "
    "numbered amendments alone, each with its reason, what was before and after, and a digest that rests on the "
    "one before; every export and report lists them. Results that were not planned are called exploratory.",
    "Responses are never removed but by a rater’s own erasure, which leaves a count.",
]


def _section(title: str, paragraphs: Iterable[str]) -> Iterator[str]:
    yield f"## {title}"
    yield from paragraphs


def _standing(study: Study, lacking: Sequence[str], digest: str) -> str:
    if digest and study.opened_at:
        return (
            f"Frozen on {study.opened_at:%Y-%m-%d %H:%M} UTC. Overall SHA-256, that of `frozen.json`: `{digest}`."
        )
    if study.opened_at:
        return f"Opened on {study.opened_at:%Y-%m-%d %H:%M} UTC, before Duet kept an overall digest."
    open_still = "".join(f"\n- {line}" for line in lacking) or "\n- Nothing; it is frozen when the study opens."
    return f"**DRAFT: nothing is frozen yet.** Still open:\n{open_still}"


def _questions() -> Iterator[str]:
    yield (
        "Raters see one video twice with two soundtracks, A and B, play both to the end and answer two questions, "
        "in an order that is fixed for each rater and balanced over raters:"
    )
    yield "\n".join(f"- {one.question.label}: “{one.text} {one.note}”" for one in WORDINGS)
    yield "Scale: " + "; ".join(f"{value} “{words}”" for value, words in SCALE) + "."


def _systems(study: Study) -> Iterator[str]:
    first, second = study.pairs.values("system_1"), study.pairs.values("system_2")
    checks = Q(pk__in=[pk for pk in (study.gold_truth_id, study.gold_foil_id) if pk])
    shown = System.objects.filter(Q(pk__in=first) | Q(pk__in=second) | checks)
    for system in shown.order_by("slug"):
        yield _card(system)
    yield "Pairs:\n\n" + "\n".join(f"- {first} vs {second}" for first, second in analysis_plan.pairs_of(study))
    yield f"Every system gets the seed {study.generation_seed}; soundtracks are set to {study.target_lufs:g} LUFS."


def _card(system: System) -> str:
    card = system.card
    lines = [
        f"### {system.slug}",
        f"{system.label}. {card.standing.capitalize()}; sees {card.sees}; {card.sample_rate}. Registry key "
        f"`{system.key}`, preset `{system.preset}`, settings digest `{system.digest}`.",
        f"Licences: code {card.code_licence}; weights {card.weights_licence}.",
    ]
    lines += [words for words in (card.note, f"Source: {card.citation}" if card.citation else "") if words]
    return "\n\n".join(lines)


def _clips(study: Study) -> Iterator[str]:
    datasets = sorted(set(study.clips.values_list("dataset", flat=True)))
    yield f"From {', '.join(datasets) or 'no dataset yet'}:"
    yield "\n".join(f"- {genre}: {count} clips" for genre, count in clips_by_genre(study)) or "- none yet"
    yield (
        f"For each pair and genre {study.clips_per_cell} clips are drawn without replacement with seed "
        f"{study.seed}, among those that both systems can score. `stimuli.csv` lists every soundtrack with its "
        "digest and loudness."
    )


def _design(study: Study) -> Iterator[str]:
    known = summary_of(study)
    if known is None:
        yield "Not built yet."
        return
    yield (
        f"{known.comparisons} comparisons, each rated by {study.ratings_per_comparison} raters, dealt into "
        f"{known.blocks} blocks of {known.shortest_block} to {known.longest_block} trials: {known.trials} trials, "
        f"of which {known.ratings} count. One rater gets one block. Sides, what is played first, and the order "
        "are balanced and seeded; `design.csv` has every trial."
    )
    checks = [
        (study.gold_per_block, f"gold pairs ({study.gold_truth} is known to fit better than {study.gold_foil})"),
        (study.identical_per_block, "identical pairs"),
        (study.repeats_per_block, "repeats with sides swapped"),
        (study.training_per_block, "practice trials"),
    ]
    asked = [f"{number} {what}" for number, what in checks if number]
    yield f"Beside them each block has {', '.join(asked)}; none of these counts." if asked else "No checks."
    if known.shortfalls:
        yield "Fewer clips than asked for:\n\n" + "\n".join(f"- {line}" for line in known.shortfalls)


def _sample(study: Study) -> Iterator[str]:
    found = follows(study)
    if found:
        yield (
            f"{found.summary.blocks} raters, one block each, about {found.minutes_longest} minutes. What an ended "
            "session leaves unanswered is asked of a further rater."
        )
    yield analysis_plan.in_words(study, analysis_plan.pairs_of(study))[3]


def _raters(study: Study) -> Iterator[str]:
    yield f"A version must be played to {study.min_coverage:.0%} before answers open."
    steps = before_the_trials(study)
    yield "Before the trials:\n\n" + ("\n".join(f"- {line}" for line in steps) or "- nothing")
    rules = analysis_plan.rules_in_words(study)
    yield "Rules for raters:\n\n" + ("\n".join(f"- {line}" for line in rules) or "- none: nobody is left out")


def _analysis(study: Study) -> Iterator[str]:
    yield from analysis_plan.in_words(study, analysis_plan.pairs_of(study))
    if study.primary_pairs:
        yield "Primary pairs:\n\n" + "\n".join(f"- {first} vs {second}" for first, second in study.primary_pairs)
    yield (
        "Results per genre are exploratory (Benjamini–Hochberg over pairs, genres and questions). Clips are also "
        "taken as fixed, and raters weighted by their own checks, as sensitivity analyses. `python -m analysis "
        "report` computes all of it from the exported table."
    )


def _texts(plan: AsFrozen) -> Iterator[str]:
    study, names = plan.study, dict(LANGUAGES)
    yield f"Consent, version {study.consent_version}; every text is in `texts.json`."
    for language, consent, instructions in [
        (study.language, study.consent_text, study.instructions),
        *((text.language, text.consent_text, text.instructions) for text in plan.texts),
    ]:
        yield f"### {names[language]}"
        yield _quoted(consent)
        yield _quoted(instructions)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())
