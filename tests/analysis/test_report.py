"""The report: what it says, that nothing is fetched, and that names cannot break out of the page."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Browser, ConsoleMessage, FloatRect, Page, Request, Route, sync_playwright

from analysis import report
from analysis.figures import all_figures
from analysis.report import Report, StudyCounts
from analysis.schema import SchemaError, read
from analysis.win_rates import win_rates
from analysis.wording import signed_percent

from .simulate import row, simulate

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
NASTY = "</script><script>alert(1)</script><b>x</b>"


@pytest.fixture(scope="module")
def ratings() -> pd.DataFrame:
    return simulate(
        seed=2, systems=("v2meow-clip-tiny", "random-shuffle", "ground-truth"), per_rater=15, effect=0.9
    )


@pytest.fixture(scope="module")
def built(ratings: pd.DataFrame) -> Report:
    return report.build(ratings, title="Pilot")


def test_report_starts_with_what_was_found(built: Report) -> None:
    assert built.rates is not None
    page = report.html(built)
    assert page.index(built.found[0][:40].replace("&", "&amp;")) < page.index("Which system was preferred")
    shown = [r for r in built.rates.averages if r.test and r.test.p_adjusted < 0.05]
    assert sum("was preferred to" in sentence for sentence in built.found) == len(shown) > 0
    first = shown[0]
    winner = first.system_1 if first.net.value > 0 else first.system_2
    assert built.found[0].startswith(f"Visual relevance: {winner} was preferred to")
    assert f"{first.n} ratings of {first.raters} raters on {first.clips} clips" in built.found[0]


def test_page_is_self_contained_and_has_no_inline_handlers_or_styles(built: Report) -> None:
    page = report.html(built)
    markup = re.sub(r"<(script|style)\b[^>]*>.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"\s(style|on\w+|src|href)=", markup)
    assert len(report.csp_hashes(page)) == 4
    assert "unsafe" not in report.csp_policy(page)


def test_every_figure_is_valid_plotly_with_words_and_a_table(built: Report) -> None:
    assert [figure.key for figure in built.figures] == [
        "bars-visual_relevance",
        "bars-music_preference",
        "forest-1",
        "forest-2",
        "forest-3",
    ]
    for figure in built.figures:
        go.Figure(data=list(figure.data), layout=figure.layout)
        assert len(figure.alt) > len(figure.title)
        assert figure.table.rows
        assert all(len(row.cells) == len(figure.table.columns) for row in figure.table.rows)


def test_bars_reach_from_the_middle_of_no_preference_to_the_shares_of_the_table(built: Report) -> None:
    assert built.rates is not None
    bars = built.figures[0]
    rate = built.rates.averages[0]
    left = sum(-trace["x"][0] for trace in bars.data if trace["x"][0] < 0)
    right = sum(trace["x"][0] for trace in bars.data if trace["x"][0] > 0)
    assert left == pytest.approx(rate.win_1.value + rate.tie.value / 2)
    assert right == pytest.approx(rate.win_2.value + rate.tie.value / 2)


def test_forest_draws_what_favours_system_1_on_the_left(built: Report) -> None:
    assert built.rates is not None
    forest = next(figure for figure in built.figures if figure.key == "forest-1")
    diamonds = [trace for trace in forest.data if trace["marker"]["symbol"] == "diamond"]
    rates = [r for r in built.rates.averages if (r.system_1, r.system_2) == ("random-shuffle", "ground-truth")]
    assert len(diamonds) == len(rates) == 2
    for trace, rate in zip(diamonds, rates, strict=True):
        assert trace["x"] == [-rate.net.value]
        assert trace["x"][0] - trace["error_x"]["arrayminus"][0] == pytest.approx(-(rate.net.high or 0))
        assert trace["x"][0] + trace["error_x"]["array"][0] == pytest.approx(-(rate.net.low or 0))


def test_simulated_answers_are_left_out_or_announced(ratings: pd.DataFrame) -> None:
    program = ratings.assign(simulated=True)
    left_out = report.build(program, title="Demo")
    assert left_out.rates is None
    assert "900 simulated answers are left out" in left_out.found[0]
    assert "banner" not in re.sub(r"<style>.*?</style>", "", report.html(left_out), flags=re.DOTALL)
    shown = report.build(program, title="Demo", include_simulated=True)
    assert shown.simulated_shown == 900
    assert '<p class="banner" role="note">900 of 900 answers analysed here are simulated' in report.html(shown)


def test_a_figure_says_by_itself_how_many_of_its_answers_are_simulated(
    ratings: pd.DataFrame, built: Report
) -> None:
    mixed = ratings.astype({"simulated": object})
    mixed.loc[mixed["rater_id"] == "r001", "simulated"] = True
    shown = report.build(mixed, title="Mixed", include_simulated=True)
    assert shown.rates is not None
    for figure, human in zip(shown.figures, built.figures, strict=True):
        asked = [
            rate
            for rate in shown.rates.averages
            if figure.key == f"bars-{rate.question}"
            or figure.title.startswith(f"{rate.system_1} against {rate.system_2}:")
        ]
        told = f"Includes simulated answers: {sum(r.simulated for r in asked)} of {sum(r.n for r in asked)}"
        assert told in [text["text"] for text in figure.layout["annotations"]]
        assert told in figure.alt
        assert figure.layout["height"] > human.layout["height"]
        assert "simulated" not in human.alt + json.dumps(human.layout)
    page = report.html(shown)
    assert f"{shown.simulated_shown} of {shown.analysed} answers analysed here are simulated" in page
    assert 0 < shown.simulated_shown < shown.analysed


def test_one_genre_is_shown_once_and_called_what_it_is() -> None:
    one = report.build(simulate(seed=3, genres=("Polka",), raters=8), title="One")
    page = re.sub(r"<(script|style)>.*?</\1>", "", report.html(one), flags=re.DOTALL)
    assert "all clips (one genre: Polka)" in page
    assert "over genres" not in page
    assert "by genre" not in page.lower()
    forest = next(figure for figure in one.figures if figure.key == "forest-1")
    symbols = [trace["marker"]["symbol"] for trace in forest.data if trace["x"] and trace["x"] != [None]]
    assert symbols == ["diamond", "diamond"]
    assert len(forest.table.rows) == 2
    assert all(len(table.rows) == 1 for table in one.system_tables)
    assert not any("q (genre)" in table.columns for table in (forest.table, *one.tables))


def test_the_primary_table_names_whose_wins_it_counts(built: Report) -> None:
    assert built.tables[0].columns[3:6] == ("System 1 wins", "No preference", "System 2 wins")
    assert built.rates is not None
    rate = built.rates.averages[0]
    cells = built.tables[0].rows[0].cells
    for cell, share in zip(cells[3:6], (rate.win_1, rate.tie, rate.win_2), strict=True):
        assert cell.startswith(f"{round(100 * share.value)}%")


def test_a_study_adds_its_plan_and_what_was_never_exported(ratings: pd.DataFrame, built: Report) -> None:
    course = StudyCounts(planned_trials=1200, completed=25, expired=4, under_way=1, simulated_left_out=60)
    with_course = report.build(ratings, title="Pilot", study=course)
    counts = dict(row.cells for row in with_course.counts.rows)
    assert counts["Trials planned, repeats included"] == "1,200"
    assert counts["Trials answered, repeats included"] == "450"
    assert counts["Sessions completed"] == "25"
    assert counts["Sessions expired before the end"] == "4"
    assert counts["Sessions under way"] == "1"
    assert counts["Simulated answers left out of the table"] == "60"
    # Without a study, as from a file, there is nothing to say about any of these.
    assert [row for row in with_course.counts.rows if row not in built.counts.rows] == list(
        with_course.counts.rows[:6]
    )


def test_a_system_table_says_how_many_ratings_each_system_was_in(built: Report) -> None:
    assert built.rates is not None
    table = built.system_tables[0]
    systems = table.columns[2:]
    answers = {(r.genre, r.system): r.n for r in built.rates.systems if r.question == "visual_relevance"}
    for row_ in table.rows:
        genre = None if row_.strong else row_.cells[0]
        for system, cell in zip(systems, row_.cells[2:], strict=True):
            assert f"n = {answers[genre, system]}" in cell


def test_what_was_not_shown_names_direction_level_and_correction() -> None:
    quiet = report.build(simulate(seed=5, raters=12, genres=("Pop",), clips_per_genre=6), title="Quiet")
    assert quiet.rates is not None
    rate = quiet.rates.averages[0]
    net = signed_percent(rate.net.value)
    assert f"(net {net} for alpha, 95% interval [" in quiet.found[0]
    assert "p (Holm) = " in quiet.found[0]


def test_bars_say_whose_net_preference_they_print(built: Report) -> None:
    assert built.rates is not None
    bars = next(figure for figure in built.figures if figure.key.startswith("bars-"))
    texts = [text["text"] for text in bars.layout["annotations"]]
    rates = [rate for rate in built.rates.averages if rate.question == "visual_relevance"]
    assert sum(
        f"net for left {signed_percent(rate.net.value)}" in text for rate in rates for text in texts
    ) >= len(rates)


def test_forest_counts_stand_in_the_order_of_the_questions(ratings: pd.DataFrame) -> None:
    fewer = ratings[(ratings["question"] == "visual_relevance") | (ratings["rater_id"] > "r004")]
    built = report.build(fewer, title="Some left the second question out")
    assert built.rates is not None
    first = (built.rates.averages[0].system_1, built.rates.averages[0].system_2)
    rates = [rate for rate in built.rates.averages if (rate.system_1, rate.system_2) == first]
    assert rates[0].n > rates[1].n
    forest = next(figure for figure in built.figures if figure.key.startswith("forest-"))
    told = f"average over genres, n = {rates[0].n} / {rates[1].n}"
    assert told in [text["text"] for text in forest.layout["annotations"]]


def test_the_page_says_that_intervals_are_not_corrected_and_rounding_shows(built: Report) -> None:
    page = report.html(built)
    assert "not corrected for the number of comparisons" in page
    assert "may not add up" in page


def test_counts_say_what_was_left_out(ratings: pd.DataFrame) -> None:
    other = ratings.astype(object)
    other.loc[:1, "kind"] = "gold"
    other.loc[:1, "expected"] = other.loc[:1, "system_1"]
    other.loc[2:4, "simulated"] = True
    counts = {row.cells[0]: row.cells[1] for row in report.build(other, title="x").counts.rows}
    assert counts["Answers in the table"] == "900"
    assert counts["left out: gold trials"] == "−2"
    assert counts["left out: simulated answers"] == "−3"
    assert counts["Answers analysed"] == "895"


def test_an_empty_table_gives_a_report_that_says_so(ratings: pd.DataFrame) -> None:
    empty = report.build(ratings.iloc[:0], title="Nobody came")
    assert empty.figures == ()
    assert "no answer to a test trial yet" in report.html(empty)
    with pytest.raises(SchemaError):
        report.build(ratings.drop(columns="score"), title="x")


@pytest.mark.parametrize(("raters", "clips"), [(1, 4), (4, 1)])
def test_too_little_data_still_makes_a_page(raters: int, clips: int) -> None:
    rows = [
        row(rater=f"r{r}", trial=f"{r}-{c}", genre="pop", clip=f"c{c}", pair=("a", "b"), score=1)
        for r in range(raters)
        for c in range(clips)
    ]
    built = report.build(pd.DataFrame(rows), title="Small")
    page = report.html(built)
    assert "NaN" not in json.dumps(report.figures_for_site(built))
    assert "no preference was shown between a and b" in page
    assert "only one" in page


def test_digest_is_of_the_rows_whatever_their_order_or_format(ratings: pd.DataFrame, tmp_path: Path) -> None:
    ratings.to_csv(tmp_path / "r.csv", index=False)
    digests = {
        report.build(ratings, title="a").digest,
        report.build(ratings.sample(frac=1, random_state=3), title="b").digest,
        report.build(read(tmp_path / "r.csv"), title="c").digest,
    }
    assert len(digests) == 1
    changed = ratings.assign(response_time_ms=1)
    assert report.build(changed, title="a").digest not in digests


def test_site_gets_the_same_figures_as_plain_json(built: Report) -> None:
    site = json.loads(json.dumps(report.figures_for_site(built), allow_nan=False))
    assert [figure["key"] for figure in site["figures"]] == [figure.key for figure in built.figures]
    assert site["figures"][0]["table"]["rows"][0]["cells"]
    assert site["found"] == list(built.found)
    assert [table["title"] for table in site["tables"]] == [table.title for table in built.tables]
    assert [table["title"] for table in site["system_tables"]] == [table.title for table in built.system_tables]


def test_vendored_plotly_is_the_file_that_its_readme_names() -> None:
    assets = resources.files("analysis").joinpath("assets")
    digest = hashlib.sha256(assets.joinpath("plotly-basic.min.js").read_bytes()).hexdigest()
    assert digest in assets.joinpath("README.md").read_text(encoding="utf-8")


def test_a_question_that_only_some_answered_is_no_obstacle(ratings: pd.DataFrame) -> None:
    one = ratings[ratings["question"] == "music_preference"]
    keys = [figure.key for figure in all_figures(win_rates(read(one)))]
    assert keys == ["bars-music_preference", "forest-1", "forest-2", "forest-3"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}; install the package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def open_page(browser: Browser, text: str, width: int) -> tuple[Page, list[str]]:
    """Open the page under its own policy; returns what was logged, refused or asked for elsewhere."""
    complaints: list[str] = []

    def serve(route: Route) -> None:
        headers = {"content-security-policy": report.csp_policy(text)}
        route.fulfill(body=text, content_type="text/html; charset=utf-8", headers=headers)

    def console(message: ConsoleMessage) -> None:
        complaints.append(message.text)

    def request(asked: Request) -> None:
        if asked.url != "http://report.test/" and not asked.url.startswith(("data:", "blob:")):
            complaints.append(asked.url)

    page = browser.new_page(viewport={"width": width, "height": 900})
    page.route("http://report.test/", serve)
    page.on("console", console)
    page.on("request", request)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("http://report.test/")
    return page, complaints


def drawn_size(page: Page) -> tuple[float, float]:
    box = page.locator(".plot").nth(2).locator(".main-svg").first.bounding_box()
    assert box is not None
    return box["width"], box["height"]


@pytest.mark.e2e
@pytest.mark.parametrize("width", [1440, 390])
def test_page_draws_every_figure_under_a_hash_only_policy(chromium: Browser, built: Report, width: int) -> None:
    page, complaints = open_page(chromium, report.html(built), width)
    page.locator("html[data-drawn='5']").wait_for(state="attached")
    assert page.locator(".plot .main-svg").count() >= 5
    assert page.locator(".plot .bars path").count() == 2 * 6 * 3
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    before = drawn_size(page)
    page.set_viewport_size({"width": width - 60, "height": 700})
    for _ in range(100):
        if drawn_size(page)[0] < before[0]:
            break
        page.wait_for_timeout(50)
    assert drawn_size(page) == (before[0] - 60, before[1]) if width < 500 else drawn_size(page)[1] == before[1]
    page.locator("summary").nth(2).click()
    assert page.locator("figure table").nth(2).is_visible()
    assert complaints == []
    page.close()


def darkest(browser: Browser, page: Page, box: FloatRect) -> int:
    """The darkest grey, 0 to 255, of a part of the screen, read on a page without a policy."""
    image = base64.b64encode(page.screenshot(clip=box)).decode()
    blank = browser.new_page()
    grey = blank.evaluate(
        """async (url) => {
            const image = new Image();
            image.src = url;
            await image.decode();
            const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
            canvas.drawImage(image, 0, 0);
            const pixels = canvas.getImageData(0, 0, image.width, image.height).data;
            return pixels.reduce((least, value, at) => (at % 4 === 1 ? Math.min(least, value) : least), 255);
        }""",
        f"data:image/png;base64,{image}",
    )
    blank.close()
    return int(grey)


@pytest.mark.e2e
def test_the_legend_of_a_single_bar_is_whole_on_a_phone(chromium: Browser) -> None:
    one = report.build(simulate(seed=3, genres=("Polka",), raters=8), title="One")
    page, _ = open_page(chromium, report.html(one), 390)
    page.locator("html[data-drawn='3']").wait_for(state="attached")
    figure, legend = page.locator(".plot").first, page.locator(".plot .legend").first
    assert legend.locator(".traces").count() == 5
    assert (legend.locator(".scrollbar").bounding_box() or {"height": 0})["height"] == 0
    plot, last = figure.bounding_box(), legend.locator(".traces").last.bounding_box()
    assert plot is not None
    assert last is not None
    assert last["y"] + last["height"] <= plot["y"] + plot["height"]
    page.close()


@pytest.mark.e2e
def test_a_table_wider_than_a_phone_shows_at_its_edge_that_there_is_more(chromium: Browser, built: Report) -> None:
    page, _ = open_page(chromium, report.html(built), 390)
    page.locator("html[data-drawn='5']").wait_for(state="attached")
    table = page.locator(".columns + .scroll").first
    table.scroll_into_view_if_needed()
    assert table.evaluate("(box) => box.scrollWidth > box.clientWidth")
    box = table.bounding_box()
    assert box is not None
    # The caption's line has no text here: what is dark is the shadow.
    right: FloatRect = {"x": box["x"] + box["width"] - 6, "y": box["y"] + 3, "width": 4, "height": 4}
    left: FloatRect = right | {"x": box["x"] + 2}
    assert darkest(chromium, page, right) < 230
    assert darkest(chromium, page, left) > 250
    table.evaluate("(box) => { box.scrollLeft = box.scrollWidth; }")
    assert darkest(chromium, page, right) > 250
    assert darkest(chromium, page, left) < 230
    page.close()


@pytest.mark.e2e
def test_names_are_text_everywhere_on_the_page(chromium: Browser) -> None:
    rows = [
        row(rater=f"r{r}", trial=f"{r}-{c}", genre=NASTY, clip=f"c{c}", pair=("a&b", NASTY), score=(r + c) % 3 - 1)
        for r in range(6)
        for c in range(6)
    ]
    text = report.html(report.build(pd.DataFrame(rows), title=NASTY))
    page, complaints = open_page(chromium, text, 1440)
    page.locator("html[data-drawn='2']").wait_for(state="attached")
    assert page.locator("h1").inner_text().startswith(NASTY)
    assert page.locator(".duet-report b").count() == 0
    assert NASTY in "".join(page.locator(".plot .annotation-text").all_text_contents())
    assert complaints == []
    page.close()
