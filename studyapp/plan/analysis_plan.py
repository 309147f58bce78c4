"""The declared plan of the analysis: what is wrong with it, and what it says in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from studyapp.errors import NotReady
from studyapp.models import Study

Pair = tuple[str, str]


def pairs_of(study: Study) -> list[Pair]:
    """The system pairs as two slugs each, in canonical order."""
    return list(study.pairs.values_list("system_1__slug", "system_2__slug"))


def problems(study: Study, pairs: Collection[Pair]) -> dict[str, str]:
    """What cannot be like that, by field: a primary pair that is not compared, raters at most below at least."""
    found: dict[str, str] = {}
    declared = study.primary_pairs
    if wrong := pairs_problem(declared):
        found["primary_pairs"] = wrong
    else:
        strange = [one for one in declared if not {tuple(one), tuple(reversed(one))} & set(pairs)]
        if strange:
            named = "; ".join(" vs ".join(one) for one in strange)
            found["primary_pairs"] = f"{named}: not among the pairs that the study compares"
    most, least = study.stop_most_raters, study.stop_least_raters
    if most is not None and most < max(least, 1):
        found["stop_most_raters"] = f"{most} raters at most are fewer than the {least} before it may stop"
    return found


def pairs_problem(declared: object) -> str:
    """Why a value cannot be the primary pairs of any study; empty where it can."""
    if isinstance(declared, list) and all(_is_pair(one) for one in declared):
        return ""
    return f"{repr(declared)[:80]} is no list of pairs of two slugs"


def check_plan(study: Study) -> None:
    """Raise NotReady where the plan cannot be like that: it is frozen as it stands."""
    wrong = problems(study, pairs_of(study))
    if wrong:
        raise NotReady(
            f"the analysis plan cannot be like that: {'; '.join(wrong.values())}; change it in the draft"
        )


def in_words(study: Study, pairs: Sequence[Pair]) -> list[str]:
    """The plan as sentences, for pages and for the pre-registration."""
    declared = [(first, second) for first, second in study.primary_pairs]
    family = f"the {len(declared)} declared primary pairs" if declared else f"all {len(pairs)} pairs"
    if len(declared or pairs) == 1:
        family = "the one declared primary pair" if declared else "the one pair there is"
    return [
        "Primary results: whether net preference (wins less losses, out of all answers), averaged over genres "
        f"with equal weight, differs from zero, for {family} and both questions. The tests are corrected together "
        "by Holm’s method at the 5 % level.",
        "Raters and clips are both taken as samples: the variance is clustered by rater and by clip, with "
        "Satterthwaite degrees of freedom.",
        f"A net preference within ±{study.margin:g} is too small to matter; a pair is called equivalent when two "
        "one-sided tests show that it lies within.",
        _stopping(study),
        *_exclusion(study),
    ]


def _stopping(study: Study) -> str:
    bounds = []
    if study.stop_least_raters:
        bounds.append(f"not before {study.stop_least_raters} raters")
    if study.stop_most_raters is not None:
        bounds.append(f"at {study.stop_most_raters} raters whatever was found")
    else:
        bounds.append("else when every planned block is answered")
    pairs = "primary pairs" if study.primary_pairs else "planned pairs"
    return (
        "Stopping rule: a pair is decided when its confidence sequence leaves zero, with a chance of a false "
        f"alarm of at most {study.stop_alpha:g} over all looks, {pairs} and questions; {', '.join(bounds)}."
    )


def _exclusion(study: Study) -> list[str]:
    rules = rules_in_words(study)
    if not rules:
        return ["No rule leaves a rater out: every rater’s answers count."]
    return [
        "Primary results take every rater. Beside them stand the same without raters who break one of these "
        f"rules: {'; '.join(rules)}."
    ]


def rules_in_words(study: Study) -> list[str]:
    """Each declared rule for raters, as what is asked of them."""
    rules = []
    if study.min_gold_right is not None:
        rules.append(f"at least {study.min_gold_right:.0%} of gold pairs right")
    if study.min_identical_near is not None:
        rules.append(f"at least {study.min_identical_near:.0%} of identical pairs within a step of no preference")
    if study.max_same_choice is not None:
        rules.append(f"at most {study.max_same_choice:.0%} of one question’s answers alike")
    if study.min_median_response_ms is not None:
        rules.append(f"a median time to answer of at least {study.min_median_response_ms} ms")
    return rules


def _is_pair(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(one, str) for one in value)
