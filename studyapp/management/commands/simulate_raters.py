"""Let simulated raters with known preferences take part in an open study."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from studyapp.errors import DuetError
from studyapp.models import Study
from studyapp.simulation import simulate
from studyapp.work.progress import Bar


def effect(text: str) -> tuple[str, float]:
    """SYSTEM=STRENGTH or SYSTEM:QUESTION=STRENGTH."""
    name, _, strength = text.partition("=")
    try:
        return name, float(strength)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not SYSTEM=STRENGTH, such as ground-truth=1.5") from None


class Command(BaseCommand):
    help = "Answer an open study through its own pages; the answers are marked as simulated."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="The study's short name.")
        parser.add_argument("--raters", type=int, required=True, metavar="N")
        parser.add_argument(
            "--effect",
            type=effect,
            action="append",
            default=[],
            metavar="SYSTEM[:QUESTION]=STRENGTH",
            help="How much a system is liked, in logits; 0 without.",
        )
        parser.add_argument("--rater-sd", type=float, default=0.5, help="How much raters differ, in logits.")
        parser.add_argument("--clip-sd", type=float, default=0.5, help="How much clips differ, in logits.")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--anyway",
            action="store_true",
            help="Also where people take part; simulated raters then take places that people could have had.",
        )
        parser.add_argument("--url", help="Where the site is served; without it, in this process.")

    def handle(
        self,
        *args: Any,
        study: str,
        raters: int,
        effect: list[tuple[str, float]],
        rater_sd: float,
        clip_sd: float,
        seed: int,
        anyway: bool,
        url: str | None,
        **options: Any,
    ) -> None:
        try:
            found = Study.objects.get(slug=study)
        except Study.DoesNotExist:
            known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none"
            raise CommandError(f"there is no study {study!r}; there are: {known}") from None
        people = found.sessions.filter(simulated=False).count()
        if people and not anyway:
            raise CommandError(
                f"{found.slug} has {people} session{'' if people == 1 else 's'} of people, and simulated raters "
                "would take places from them; simulate a study made for it, or add --anyway"
            )
        try:
            with Bar("Simulated raters", unit="trial") as bar:
                done = simulate(
                    found,
                    raters=raters,
                    effects=dict(effect),
                    seed=seed,
                    rater_sd=rater_sd,
                    clip_sd=clip_sd,
                    url=url,
                    progress=bar.step,
                )
        except DuetError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{done.raters} simulated raters answered {done.trials} trials of {found.slug}")
        if done.overtaken:
            self.stderr.write(
                f"the pilot ended meanwhile, before {raters - done.raters} more had gone through it; once the "
                "study is open, run this again if they are to take part there"
            )
        if done.full:
            self.stderr.write(f"no place was left for {raters - done.raters} more")
