"""``power``: how likely a planned study is to find what it looks for, and the cheapest way to make it likelier."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.commands.common import Commands, write
from analysis.commands.common import add as command

if TYPE_CHECKING:
    from analysis.assumptions import Assumptions
    from analysis.power import Edges, StudyPlan

TOLD = """Simulate the study that you plan, with the very blocks that it would be dealt into, and say how likely it
is to show a preference of the size that you look for, how wide its intervals will be, and what it costs.

    python -m analysis power --systems 3 --genres 5 --clips 4 --ratings 3 --trials 20
    python -m analysis power --systems 6 --one-against-all           five pairs, each with the first system
    python -m analysis power --pairs 0-1,0-2,1-3 --primary 0-1,0-2   these pairs, two of them declared primary
    python -m analysis power --preset close --net 0.08               two variants of one model
    python -m analysis power --pilot pilot.csv                       ties and spreads of your own pilot
    python -m analysis power --pilot pilot.csv --question music_preference
    python -m analysis power --target 0.8 --per-hour 12 --fee 0.33   and the cheapest way to 80 %

The first system, number 0, is simulated to differ by --net from all that it is compared with. Holm corrects over
the primary pairs and questions, and power is that of the primary pairs. A plan is as good as its assumptions: run
it for the smallest preference that would matter, and again with larger spreads."""


def add(commands: Commands) -> None:
    parser = command(commands, "power", brief="plan a study by simulating it", told=TOLD)
    plan = parser.add_argument_group("the plan")
    plan.add_argument("--systems", type=int, help="systems, every pair of them compared (2, or as --pairs has)")
    compared = plan.add_mutually_exclusive_group()
    compared.add_argument("--one-against-all", action="store_true", help="compare the first with each other one")
    compared.add_argument("--pairs", type=_pairs, default=(), help="compare these alone: 0-1,0-2,1-3 (every pair)")
    plan.add_argument("--primary", type=_pairs, default=(), help="pairs declared primary: 0-1,0-2 (all compared)")
    plan.add_argument("--genres", type=int, default=5, help="genres (5)")
    plan.add_argument("--clips", type=int, default=4, help="clips of each genre (4)")
    plan.add_argument("--ratings", type=int, default=5, help="ratings of each pair on each clip (5)")
    plan.add_argument("--trials", type=int, default=20, help="comparisons that one rater sees (20)")
    plan.add_argument("--questions", type=int, default=2, help="questions in the primary family (2)")
    plan.add_argument("--checks", type=int, default=0, help="gold, identical, repeats, practice a rater (0)")
    assumed = parser.add_argument_group("what is assumed")
    assumed.add_argument("--preset", default="typical", help="typical, close, clear, divided or uneven (typical)")
    assumed.add_argument("--pilot", type=Path, help="ratings of a pilot, instead of a preset")
    assumed.add_argument("--question", help="the question whose answers the pilot lends (its first)")
    assumed.add_argument("--net", type=float, help="net preference to be found, 0.15 is 15 points")
    assumed.add_argument("--tie", type=float, help="share of answers without a preference")
    assumed.add_argument("--rater-sd", type=float, help="how raters differ, in logits")
    assumed.add_argument("--clip-sd", type=float, help="how clips differ, in logits")
    assumed.add_argument("--dropout", type=float, help="share of raters who leave before the end")
    assumed.add_argument("--careless", type=float, help="share of raters who answer at random and fail gold pairs")
    money = parser.add_argument_group("what it costs")
    money.add_argument("--per-hour", type=float, default=12.0, help="pay of a rater (12)")
    money.add_argument("--fee", type=float, default=0.33, help="what the panel adds, as a share (0.33)")
    money.add_argument("--seconds-per-trial", type=float, default=45.0, help="both versions and the answers (45)")
    money.add_argument("--minutes-before", type=float, default=5.0, help="consent, checks, practice (5)")
    money.add_argument("--per-version", type=float, default=0.5, help="one more rendered version of a clip (0.5)")
    parser.add_argument("--target", type=float, help="find the cheapest way to this power, 0.8 say")
    parser.add_argument("--level", type=float, default=0.95, help="of intervals and tests (0.95)")
    parser.add_argument("--studies", type=int, default=1000, help="studies to simulate (1000)")
    parser.add_argument("--seed", type=int, default=1, help="of the simulation (1)")
    parser.add_argument("-o", "--output", type=Path, help="write the figures as CSV to this file too")


def run(arguments: argparse.Namespace) -> None:
    from analysis import frames
    from analysis.costs import Prices, cost, ways
    from analysis.files import csv_text
    from analysis.power import power
    from analysis.wording import told_power, told_way

    plan = _planned(arguments)
    assumed = _assumed(arguments)
    prices = Prices(
        per_hour=arguments.per_hour,
        fee=arguments.fee,
        seconds_per_trial=arguments.seconds_per_trial,
        minutes_before=arguments.minutes_before,
        per_version=arguments.per_version,
    )
    options = {"seed": arguments.seed, "level": arguments.level}
    found = power(plan, assumed, studies=arguments.studies, **options)
    for line in told_power(found, cost(plan, assumed, prices)):
        print(line)
    if arguments.target is None:
        if arguments.output:
            write(csv_text(frames.power_frame([found], assumed, prices)), arguments.output)
        return
    print(f"\nWays to {arguments.target:.0%}, cheapest first:")
    reached = ways(plan, assumed, prices, target=arguments.target, told=_progress, **options)
    print(" " * 60, end="\r", file=sys.stderr)
    for way in reached:
        print(f"  {told_way(way)}")
    if arguments.output:
        every = [found, *(way.found for way in reached if way.found)]
        write(csv_text(frames.power_frame(every, assumed, prices)), arguments.output)


def _planned(arguments: argparse.Namespace) -> StudyPlan:
    from analysis.power import StudyPlan

    named = 1 + max((other for _, other in arguments.pairs), default=1)
    systems = named if arguments.systems is None else arguments.systems
    return StudyPlan(
        systems=systems,
        genres=arguments.genres,
        clips=arguments.clips,
        ratings=arguments.ratings,
        trials=arguments.trials,
        questions=arguments.questions,
        checks=arguments.checks,
        compared=tuple((0, n) for n in range(1, systems)) if arguments.one_against_all else arguments.pairs,
        primary=arguments.primary,
    )


def _pairs(text: str) -> Edges:
    """Pairs of system numbers, in whatever order they come. Raises ArgumentTypeError for what is none."""
    found = []
    for part in text.split(","):
        numbers = re.fullmatch(r"(\d+)-(\d+)", part.strip())
        if numbers is None:
            raise argparse.ArgumentTypeError(f"{part!r} is no pair of system numbers, such as 0-1,0-2")
        one, other = sorted(map(int, numbers.groups()))
        found.append((one, other))
    return tuple(sorted(found))


def _progress(plan: StudyPlan) -> None:
    told = f"simulating {plan.genres * plan.clips} clips, {plan.blocks} raters, {plan.answers:,} answers …"
    print(f"{told:<60}", end="\r", file=sys.stderr, flush=True)


def _assumed(arguments: argparse.Namespace) -> Assumptions:
    from analysis.assumptions import PRESETS, from_pilot
    from analysis.ratings import read
    from analysis.results import AnalysisError

    names = ("net", "tie", "rater_sd", "clip_sd", "dropout", "careless")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    if arguments.pilot:
        return from_pilot(read(arguments.pilot).answers, question=arguments.question, **given)
    if arguments.question:
        raise AnalysisError("--question names which answers of a pilot are taken: give --pilot too")
    if arguments.preset not in PRESETS:
        raise AnalysisError(f"there is no preset {arguments.preset!r}; there are: {', '.join(PRESETS)}")
    return replace(PRESETS[arguments.preset], **given)
