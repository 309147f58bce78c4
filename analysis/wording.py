"""How numbers and results are written for a reader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.ranking import Ranking
from analysis.results import Estimate, PairRate, WinRates

if TYPE_CHECKING:
    from analysis.costs import Cost, Way
    from analysis.power import Power, StudyPlan
    from analysis.sequential import Watched

QUESTION_TITLES = {"visual_relevance": "Visual relevance", "music_preference": "Music preference"}
QUESTION_TASKS = {
    "visual_relevance": "Which music goes best with the video? (ignore the sound quality)",
    "music_preference": "Which music do you prefer to hear? (ignore the video and the sound quality)",
}
AVERAGE = "average over genres"
NAMED_WITH_FIGURES = 2


def average_row(rates: WinRates) -> str:
    """What a row over all genres is called."""
    return AVERAGE if rates.only_genre is None else _all_clips(rates.only_genre)


def averaged(rates: WinRates) -> str:
    """How figures over all genres came about, for titles."""
    return "averaged over genres" if rates.only_genre is None else _all_clips(rates.only_genre)


def _all_clips(genre: str) -> str:
    return f"all clips (one genre: {genre})"


def percent(share: float) -> str:
    """0.384 → "38%"."""
    return f"{round(100 * share) + 0:d}%"


def level_percent(level: float) -> str:
    """0.95 → "95%", 0.995 → "99.5%"."""
    return f"{100 * level:g}%"


def signed_percent(net: float) -> str:
    """0.12 → "+12%", with a true minus sign."""
    points = round(100 * net)
    return "0%" if points == 0 else f"{'+' if points > 0 else '−'}{abs(points)}%"


def interval(estimate: Estimate, *, signed: bool = False) -> str:
    """ "[31, 46]" in percent, or a dash where there is none."""
    if estimate.low is None or estimate.high is None:
        return "–"
    write = signed_bound if signed else percent
    return f"[{write(estimate.low)[:-1]},\N{NO-BREAK SPACE}{write(estimate.high)[:-1]}]"


def signed_bound(net: float) -> str:
    """A limit of net preference, with its side of zero: "+0.4%" where "0%" would hide it."""
    points = 100 * net
    if round(points) or not points:
        return signed_percent(net)
    return f"{'+' if points > 0 else '−'}{abs(points):.1f}%"


def signed_number(value: float) -> str:
    """ "+0.31" or "−0.31"."""
    return f"{value:+.2f}".replace("-", "−")


def number_interval(low: float | None, high: float | None) -> str:
    """ "[0.10, 0.52]", or nothing where there is none."""
    if low is None or high is None:
        return ""
    return f"[{low:.2f},\N{NO-BREAK SPACE}{high:.2f}]".replace("-", "−")


def p_value(p: float) -> str:
    """APA style: no leading zero, three decimals, "< .001" below; more where three would hide the side of .05."""
    if p < 0.001:
        return "< .001"
    told = f"{p:.3f}" if round(p, 3) != 0.05 or p == 0.05 else f"{p:.4f}"
    return told.lstrip("0") if p < 0.9995 else "1"


def found(rates: WinRates) -> tuple[str, ...]:
    """What the primary family shows: each preference in a sentence, then the other pairs of each question.

    Where only some pairs are primary, those that are not come last, as what they are.
    """
    primary, level = rates.primary, rates.level
    preferences = [_preference(rate, level) for rate in primary if _is_shown(rate, level)]
    others = []
    for question, title in QUESTION_TITLES.items():
        rest = [r for r in primary if r.question == question and r.test and not _is_shown(r, level)]
        if rest:
            brief = "; ".join(_pair_in_brief(r, level, figures=len(rest) <= NAMED_WITH_FIGURES) for r in rest)
            others.append(f"{title}: no preference was shown between {brief}.")
        untested = [r for r in primary if r.question == question and not r.test]
        if untested:
            brief = "; ".join(f"{r.system_1} and {r.system_2} ({r.net.reason}, n = {r.n})" for r in untested)
            others.append(f"{title}: not tested: {brief}.")
    if not primary:
        others.append("No pair that was declared primary has an answer yet.")
    return (*preferences, *others, *_explored(rates))


def _explored(rates: WinRates) -> tuple[str, ...]:
    """One sentence on the pairs that were not declared, none where there are none."""
    if not rates.undeclared:
        return ()
    shown = [_preferred_in_brief(rate) for rate in rates.undeclared if _is_shown(rate, rates.level)]
    told = "; ".join(shown) if shown else "none of them shows a preference"
    pairs = len({(rate.system_1, rate.system_2) for rate in rates.undeclared})
    pair = "One pair was" if pairs == 1 else f"{pairs} pairs were"
    return (f"Exploratory: {pair} not declared primary; {told}.",)


def _preferred_in_brief(rate: PairRate) -> str:
    net, test = rate.net, rate.test
    assert test is not None
    first, second = (rate.system_1, rate.system_2) if net.value > 0 else (rate.system_2, rate.system_1)
    return (
        f"{QUESTION_TITLES[rate.question]}: {first} over {second} (net {signed_percent(abs(net.value))}, "
        f"q (Benjamini–Hochberg) {p_sign(test.p_adjusted)})"
    )


def _is_shown(rate: PairRate, level: float) -> bool:
    return rate.test is not None and rate.test.p_adjusted < 1 - level


def _preference(rate: PairRate, level: float) -> str:
    net, test = rate.net, rate.test
    assert test is not None
    assert net.low is not None
    assert net.high is not None
    first, second, low, high = rate.system_1, rate.system_2, net.low, net.high
    if net.value < 0:
        first, second, low, high = second, first, -high, -low
    return (
        f"{QUESTION_TITLES[rate.question]}: {first} was preferred to {second} "
        f"(net {signed_percent(abs(net.value))}, {level_percent(level)} interval {signed_bound(low)} to "
        f"{signed_bound(high)}, t({test.df:.1f}) = {abs(test.statistic):.2f}, p (Holm) "
        f"{p_sign(test.p_adjusted)}, {rate.n} ratings of {rate.raters} raters on {rate.clips} clips)."
    )


def _pair_in_brief(rate: PairRate, level: float, *, figures: bool) -> str:
    if not figures:
        return f"{rate.system_1} and {rate.system_2}"
    assert rate.test is not None
    told = f"p (Holm) {p_sign(rate.test.p_adjusted)}"
    net = f"net {signed_percent(rate.net.value)} for {rate.system_1}"
    if rate.net.low is not None:
        net += f", {level_percent(level)} interval {interval(rate.net, signed=True)}"
    return f"{rate.system_1} and {rate.system_2} ({net}, {told}, n = {rate.n})"


def p_sign(p: float) -> str:
    told = p_value(p)
    return told if told.startswith("<") else f"= {told}"


def estimand(rates: WinRates | None) -> str:
    """What net preference is a number of."""
    one = rates is not None and rates.only_genre is not None
    weighed = "" if one else " averaged over genres that all weigh the same,"
    return (
        "Net preference is the share of all ratings that prefer the first system, strongly or weakly, minus the "
        f"share that prefer the second,{weighed} for the raters and the clips that those of this study are a "
        "sample of. Ratings without a preference stay in the denominator, so win, tie and loss add up to 100%."
    )


def ranking_methods(rankings: Sequence[Ranking], *, five: bool = True, genres: bool = False) -> str:
    """The paragraph on strengths; empty where no question has three systems.

    ``five``: answers have degrees; ``genres``: strengths by genre are shown too.
    """
    if not any(len(ranking.strengths) > 2 for ranking in rankings):
        return ""
    model = (
        "an adjacent-category Bradley–Terry model of the five answers with an effect of standing on the left "
        "(Agresti, 1992)"
        if five
        else "a Bradley–Terry model with ties (Davidson, 1970) and an effect of standing on the left"
    )
    return (
        f"Strengths over all opponents come from {model}. They are logits around the mean of the systems: a "
        f"difference is the log odds of “{'much better' if five else 'better'}” for the one against the other. "
        "Their covariance is clustered by rater and by clip. Ranks that hold are rank sets from "
        "simultaneous intervals of all differences (Mogstad, Romano, Shaikh & Wilhelm, 2024). Genres weigh by "
        "their answers here, not equally."
        + (
            " Quasi standard errors are those of Firth and de Menezes (2004)."
            if any(one.quasi_se is not None for ranking in rankings for one in ranking.strengths)
            else ""
        )
        + (
            " Whether one strength a system explains every pair is tested by Hotelling’s T² with the clustered "
            "covariance, against a strength for each pair."
            if any(ranking.transitivity for ranking in rankings)
            else ""
        )
        + (
            " Strengths by genre are fitted within each genre and drawn towards the system’s average over genres "
            "(empirical Bayes, REML); whether genres differ is tested by Hotelling’s T² too."
            if genres
            else ""
        )
    )


def figures_note(rates: WinRates) -> str:
    """How the points of the forest plots are read."""
    level = level_percent(rates.level)
    grey = "fewer than 5 raters or clips, or no interval at all"
    if rates.only_genre is not None:
        return (
            f"All clips are of one genre, {rates.only_genre}, so nothing is averaged. Diamonds are net preference "
            f"with {level} intervals. Open diamonds with grey intervals: {grey}."
        )
    return (
        f"Points are net preference with {level} intervals; the diamond is the {AVERAGE}. Open points with grey "
        f"intervals: {grey}. Results per genre are exploratory."
    )


def systems_note(ranked: Sequence[Ranking]) -> str:
    """How the pictures of systems are read."""
    if not ranked:
        return ""
    return (
        "In the matrices blue is for the row, orange against it. In the pictures of strengths the thin line is a "
        "system’s interval and the thick one compares: where two thick lines miss each other, the two systems "
        "differ (quasi standard errors). Ranks at the right hold together."
    )


def methods(rates: WinRates, *, declared: bool = True, five: bool = True) -> tuple[str, ...]:
    """Paragraphs ready to paste into a paper.

    ``declared``: whether pairs were declared primary; ``five``: whether answers have degrees of preference.
    """
    level = level_percent(rates.level)
    one = rates.only_genre is not None
    over_genres = (
        "Averages over genres weigh genres equally; their variance comes from the influence of each rating, "
        "so that a rater who served several genres counts as one rater, and clips are compared within their "
        "genre.",
    )
    primary = len({(rate.system_1, rate.system_2) for rate in rates.primary})
    family = "each system pair and question"
    if declared:
        family = f"each {'question of the pair' if primary == 1 else f'question of each of the {primary} pairs'}"
        family += " declared primary"
    undeclared = "" if declared else " No pair was declared primary, so all pairs are one family."
    scale = (
        "on a five-point scale from “A is much better” to “B is much better”. A win is a strong or weak preference"
        if five
        else "and preferred the one, the other, or neither. A win is a preference"
    )
    exploratory = (
        ""
        if one
        else " Tests per genre are exploratory; their q values are Benjamini–Hochberg corrected over all pairs, "
        "genres and questions."
    )
    if rates.undeclared:
        exploratory += (
            " The other pairs are exploratory too, their q values corrected over them and all questions."
        )
    shrunken = (
        "Beside each genre’s net preference stands the same drawn towards the average of its pair, the more the "
        "less certain it is (empirical Bayes with normal errors, variance between genres by REML, intervals of "
        "Morris, 1983); it is for reading, and tests are of the genre’s own.",
    )
    return (
        f"Raters compared two versions of one video that differed in the music only, {scale}; shares count out "
        f"of all ratings ({rates.convention}).",
        f"All intervals are {level} intervals that treat raters and clips as crossed random samples: the "
        "variance is that of rater × clip cells plus what raters and what clips add to it (two-way "
        "clustering after Cameron, Gelbach & Miller, 2011), at the effective number of raters and of clips "
        "(Carter, Schnepel & Steigerwald, 2017), with Satterthwaite degrees of freedom. Shares have Wilson "
        "intervals at the effective sample size of that variance; where no answers of a genre differ the mean "
        "design effect of the other cells is used. The interval of net preference follows from those of the two "
        "shares and their correlation (MOVER; Zou & Donner, 2008); 0 lies in it where the t test of net "
        "preference says so. Where no answers of a genre differ, the limits give the test too. Intervals are not "
        "corrected for the number of comparisons and p values are, so an interval that leaves zero out can go "
        "with a p value that shows no preference. Percentages are rounded and may not add up.",
        *(() if one else over_genres),
        *(shrunken if any(rate.shrunken for rate in rates.cells) else ()),
        f"The primary results are the tests that the net preference{'' if one else ' averaged over genres'} is "
        f"zero, one for {family}, corrected together by Holm’s method.{undeclared}{exploratory}",
        "Beside the primary results stand the same without raters who break a rule that was declared before the "
        "study opened, if there was one; with raters weighted by the chance of attention given their own gold "
        "pairs, identical pairs and repeats, if there were any (Bayes’ rule from a prior of .9; how often "
        "attending raters pass is estimated by EM); and for the clips of the study alone, with raters as the "
        "only sample. Two further tests stand there, their p values uncorrected: one that flips each rater’s part "
        "of the net preference at random (exact under symmetry, for these clips), and two one-sided tests that "
        "the net preference is smaller than the margin named there.",
        "Agreement between raters is Krippendorff’s alpha for ordered answers, and Gwet’s AC2 with quadratic "
        "weights, which does not fall when answers are one-sided; intervals are delete-one jackknives over "
        "comparisons or over raters, whichever is wider. In questions of taste low agreement is no fault, and "
        "nobody is left out for it.",
    )


WATCHING = (
    "Net preference by rater who has finished, with bounds that hold however often one looks: by betting "
    "(guaranteed, thin), and from ten raters on asymptotically (thick, to plan by). Clips are taken as they "
    "are, so this says nothing of other clips yet. There is no p value: one that is looked at while raters come "
    "is none."
)


def watched_so_far(watched: Sequence[Watched]) -> tuple[str, ...]:
    """What to do now, in a sentence or two."""
    done = [one for one in watched if one.decision.startswith("stop")]
    told = [
        f"{QUESTION_TITLES[one.question]}, {one.system_1} against {one.system_2}: {one.decision} "
        f"(net {signed_percent(one.net)} after {one.raters} raters)."
        for one in done
    ]
    rest = len(watched) - len(done)
    return (*told, f"{rest} of {len(watched)} comparisons go on.") if rest else tuple(told)


def told_power(found: Power, price: Cost) -> tuple[str, ...]:
    """What a simulated plan comes to, in lines."""
    plan, assumed = found.plan, found.assumed
    pair = "primary pair" if plan.primary else "pair"
    told = [
        f"Plan: {plan.systems} systems, {_told_pairs(plan)}, {plan.genres} genres × {plan.clips} clips, "
        f"{plan.ratings} ratings of each comparison, {plan.trials} comparisons a rater: "
        f"{found.raters} raters, {plan.answers:,} answers to each question.",
        f"Assumed ({assumed.source}): net preference {signed_percent(assumed.net)}, ties {percent(assumed.tie)}, "
        f"rater SD {assumed.rater_sd:.2f} and clip SD {assumed.clip_sd:.2f} logits, {percent(assumed.dropout)} "
        f"leave early, {percent(assumed.careless)} answer at random.",
        f"Power: {percent(found.power)} (simulation error {percent(found.low)} to {percent(found.high)}) to show "
        f"it for one given {pair} and question, Holm over all {len(plan.family) * plan.questions}; without "
        f"careless raters {percent(found.kept)}; for all {pair}s and questions at once {percent(found.together)}.",
        f"Width of the {level_percent(found.level)} interval of net preference: {100 * found.width:.0f} points.",
    ]
    if found.false_alarms is not None:
        told.append(f"A study calls a preference where there is none in {100 * found.false_alarms:.1f}% of runs.")
    told.append(
        f"Cost: {price.hours:.0f} hours of raters, {price.minutes_each:.0f} minutes each, {price.money:,.0f} in "
        "the currency of your prices."
    )
    return tuple(told)


def _told_pairs(plan: StudyPlan) -> str:
    """Which systems are compared with which, and how many of the pairs are declared primary."""
    if plan.pairs == plan.systems * (plan.systems - 1) // 2:
        told = "every pair"
    elif plan.edges == tuple((0, n) for n in range(1, plan.systems)):
        told = "one against all"
    else:
        told = f"{plan.pairs} pairs"
    return f"{told} ({len(plan.primary)} declared primary)" if plan.primary else told


def told_way(way: Way) -> str:
    """One way to more power, in a line."""
    if way.found is None:
        return f"{way.name}: {way.reason}"
    plan = way.found.plan
    what = (
        f"{plan.genres * plan.clips} clips, {way.found.raters} raters, {plan.trials} comparisons each, "
        f"{plan.ratings} ratings a comparison"
    )
    if way.cost is None:
        return f"{way.name}: {way.reason} ({what})"
    return f"{way.name}: {percent(way.found.power)} with {what}; {way.cost.hours:.0f} hours, {way.cost.money:,.0f}"
