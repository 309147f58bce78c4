"""From a table of ratings to one frozen report, and from that to one self-contained page that needs no network."""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import re
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata, resources
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from analysis.agreement import agreements
from analysis.counts import StudyCounts, balance_table, counts_table
from analysis.figures import Figure, all_figures
from analysis.ranking import rankings
from analysis.raters import NO_RULES, PassRules
from analysis.results import AnalysisError, WinRates
from analysis.schema import COLUMN_NAMES, read
from analysis.sensitivity import sensitivity
from analysis.tables import (
    Table,
    agreement_table,
    flow_table,
    primary_table,
    ranking_table,
    sensitivity_table,
    system_table,
)
from analysis.win_rates import included, win_rates
from analysis.wording import (
    QUESTION_TASKS,
    QUESTION_TITLES,
    estimand,
    figures_note,
    found,
    methods,
    ranking_methods,
)

# plotly puts one empty <style> into the page.
_EMPTY = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page prints. ``rates`` is None when nothing could be estimated; ``found`` then says why.

    ``digest`` is the SHA-256 of the rows given, whatever their order or file format. ``only_genre`` is the genre
    of all clips where there is one. ``simulated_shown`` of the ``analysed`` answers were given by a program.
    """

    title: str
    rates: WinRates | None
    found: tuple[str, ...]
    estimand: str
    questions: tuple[tuple[str, str], ...]
    counts: Table
    balance: Table | None
    agreement: Table | None
    sensitivity: Table | None
    flow: Table | None
    tables: tuple[Table, ...]
    system_tables: tuple[Table, ...]
    ranking_tables: tuple[Table, ...]
    figures: tuple[Figure, ...]
    warnings: tuple[str, ...]
    methods: tuple[str, ...]
    only_genre: str | None
    figures_note: str
    analysed: int
    simulated_shown: int
    digest: str
    versions: tuple[tuple[str, str], ...]


def build(
    frame: pd.DataFrame,
    *,
    title: str,
    include_simulated: bool = False,
    study: StudyCounts | None = None,
    rules: PassRules = NO_RULES,
) -> Report:
    """Analyse a table of one study (as ``schema.read`` takes it) into a report.

    ``study`` adds what the table cannot say: what was planned, who left, what was never exported. ``rules`` are
    those for raters that were declared: the primary results take everybody, and beside them stand those without
    who breaks one.
    Only test trials count, and simulated answers only when asked for. Raises SchemaError for a broken table and
    AnalysisError for several studies in one table; one with nothing to estimate from gives a report saying so.
    """
    ratings = read(frame)
    used = included(ratings, include_simulated=include_simulated)
    common: dict[str, Any] = {
        "title": title,
        "questions": tuple((QUESTION_TITLES[q], QUESTION_TASKS[q]) for q in QUESTION_TITLES),
        "counts": counts_table(ratings, used, study),
        "analysed": len(used),
        "simulated_shown": int(used["simulated"].sum()),
        "digest": _digest(ratings),
        "versions": _versions(),
    }
    if used.empty:
        return Report(
            **common,
            estimand=estimand(None),
            only_genre=None,
            figures_note="",
            rates=None,
            found=(_nothing(ratings),),
            balance=None,
            agreement=None,
            sensitivity=None,
            flow=None,
            tables=(),
            system_tables=(),
            ranking_tables=(),
            figures=(),
            warnings=(),
            methods=(),
        )
    rates = win_rates(ratings, include_simulated=include_simulated)
    asked = dict.fromkeys(rate.question for rate in rates.averages)
    # Two systems have one difference, and the win rates say it all.
    ranked = [one for one in rankings(ratings, include_simulated=include_simulated) if len(one.strengths) > 2]
    other = sensitivity(ratings, rates, rules=rules, include_simulated=include_simulated)
    ranking_told = ranking_methods(ranked)
    return Report(
        **common,
        estimand=estimand(rates),
        only_genre=rates.only_genre,
        figures_note=figures_note(rates),
        rates=rates,
        found=found(rates),
        balance=balance_table(used, rates.level),
        sensitivity=sensitivity_table(other),
        flow=flow_table(other) if rules.declared else None,
        agreement=agreement_table(agreements(ratings, include_simulated=include_simulated, level=rates.level)),
        tables=tuple(primary_table(rates, question) for question in asked),
        system_tables=tuple(system_table(rates, question) for question in asked),
        figures=all_figures(rates),
        warnings=_warnings(rates),
        ranking_tables=tuple(ranking_table(one) for one in ranked),
        methods=(*methods(rates), *([ranking_told] if ranking_told else [])),
    )


def _nothing(ratings: pd.DataFrame) -> str:
    simulated = int(((ratings["kind"] == "test") & ratings["simulated"]).sum())
    if simulated:
        return f"No person has answered yet; {simulated} simulated answers are left out unless asked for."
    return "There is no answer to a test trial yet, so nothing can be estimated."


def _warnings(rates: WinRates) -> tuple[str, ...]:
    told = []
    cells = () if rates.only_genre else rates.cells
    few = sum(any(flag.startswith("fewer than") for flag in rate.flags) for rate in cells)
    bare = sum(rate.net.low is None for rate in cells)
    if few:
        told.append(f"{few} of {len(cells)} genre results rest on few raters or clips; their intervals are grey.")
    if bare:
        told.append(f"{bare} of {len(cells)} genre results have no interval; the remark beside each says why.")
    return tuple(
        told
        + [
            f"{rate.system_1} against {rate.system_2}, {QUESTION_TITLES[rate.question]}: {'; '.join(rate.flags)}."
            for rate in rates.averages
            if rate.flags
        ]
    )


def _digest(ratings: pd.DataFrame) -> str:
    rows = ratings[list(COLUMN_NAMES)].astype(object).astype(str)
    ordered = rows.sort_values(["study", "trial_id", "question"], kind="stable")
    return hashlib.sha256(ordered.to_csv(index=False).encode()).hexdigest()


def _versions() -> tuple[tuple[str, str], ...]:
    packages = []
    for name in ("duet", "numpy", "pandas", "scipy"):
        try:
            packages.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:  # the package can be run from a checkout
            packages.append((name, "not installed"))
    return (("python", platform.python_version()), *packages)


@cache
def _asset(name: str) -> str:
    return resources.files("analysis").joinpath("assets", name).read_text(encoding="utf-8")


def html(report: Report) -> str:
    """The report as one page: styles, plotly and data inline, no request to anywhere."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.loader = jinja2.FunctionLoader(_asset)
    figures = [(figure, _script_json({"data": figure.data, "layout": figure.layout})) for figure in report.figures]
    return environment.get_template("report.html.j2").render(
        report=report,
        figures=figures,
        css=Markup(_asset("report.css")),  # noqa: S704  our own file
        plotly=Markup(_asset("plotly-basic.min.js")),  # noqa: S704  vendored, digest checked by a test
        script=Markup(_asset("report.js")),  # noqa: S704  our own file
    )


def _script_json(value: object) -> Markup:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704


def csp_hashes(page: str) -> list[str]:
    """Hash sources for every inline script and style that runs in the page, plotly's empty style included."""
    found_elements = re.findall(r"<(script|style)([^>]*)>(.*?)</\1>", page, flags=re.DOTALL)
    inline = [text for _, attributes, text in found_elements if "application/json" not in attributes]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inline]
    return [*(f"'sha256-{digest}'" for digest in digests), _EMPTY]


def csp_policy(page: str) -> str:
    """A whole Content-Security-Policy under which the page works and can reach nothing."""
    hashes = " ".join(csp_hashes(page))
    return f"default-src 'none'; script-src {hashes}; style-src {hashes}; img-src data: blob:; base-uri 'none'"


def figures_for_site(report: Report) -> dict[str, Any]:
    """The report as plain JSON for the site's own page: texts, tables, and figures with the tables behind them."""
    return {
        "title": report.title,
        "found": list(report.found),
        "estimand": report.estimand,
        "warnings": list(report.warnings),
        "methods": list(report.methods),
        "only_genre": report.only_genre,
        "figures_note": report.figures_note,
        "analysed": report.analysed,
        "simulated_shown": report.simulated_shown,
        "digest": report.digest,
        "counts": asdict(report.counts),
        "balance": asdict(report.balance) if report.balance else None,
        "sensitivity": asdict(report.sensitivity) if report.sensitivity else None,
        "flow": asdict(report.flow) if report.flow else None,
        "agreement": asdict(report.agreement) if report.agreement else None,
        "tables": [asdict(table) for table in report.tables],
        "system_tables": [asdict(table) for table in report.system_tables],
        "ranking_tables": [asdict(table) for table in report.ranking_tables],
        "figures": [asdict(figure) for figure in report.figures],
    }


__all__ = [
    "AnalysisError",
    "Report",
    "StudyCounts",
    "build",
    "csp_hashes",
    "csp_policy",
    "figures_for_site",
    "html",
]
