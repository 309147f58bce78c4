"""A report as one self-contained page that needs no network, and as plain JSON for the site's own page."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import asdict
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from analysis.drawing import Figure
from analysis.report import Report

# plotly puts one empty <style> into the page.
_EMPTY = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"


@cache
def _asset(name: str) -> str:
    return resources.files("analysis").joinpath("assets", name).read_text(encoding="utf-8")


def html(report: Report) -> str:
    """The report as one page: styles, plotly and data inline, no request to anywhere."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.loader = jinja2.FunctionLoader(_asset)
    return environment.get_template("report.html.j2").render(
        report=report,
        drawn=_drawn,
        css=Markup(_asset("report.css")),  # noqa: S704  our own file
        plotly=Markup(_asset("plotly-basic.min.js")),  # noqa: S704  vendored, digest checked by a test
        script=Markup(_asset("report.js")),  # noqa: S704  our own file
    )


def framed(report: Report) -> str:
    """The page in a frame of its own: its styles and scripts reach nothing of the notebook that shows it."""
    return Markup('<iframe title="{}" sandbox="allow-scripts" srcdoc="{}" style="{}"></iframe>').format(
        report.title, html(report), "width: 100%; height: 80vh; border: 0"
    )


def _drawn(figure: Figure) -> Markup:
    """What plotly draws, as JSON that cannot end the script element it stands in."""
    value = {"data": figure.data, "layout": figure.layout}
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


def for_site(report: Report) -> dict[str, Any]:
    """The report as plain JSON: texts, and sections with their tables, figures and the tables behind those."""
    return {
        "title": report.title,
        "found": list(report.found),
        "estimand": report.estimand,
        "warnings": list(report.warnings),
        "analysed": report.analysed,
        "simulated_shown": report.simulated_shown,
        "digest": report.digest,
        "sections": [asdict(section) for section in report.sections],
    }
