"""``make demo``: from nothing to a study that can be rated and a report, in one command.

Every step looks first at what an earlier run left, so that a second start takes seconds.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db.models import Count, Q, Sum
from django.urls import reverse
from django.utils import timezone

from studyapp.actions import stimuli
from studyapp.actions.clips import dataset_name, import_clips
from studyapp.actions.datasets import freeze_dataset
from studyapp.actions.studies import open_study, start_generation
from studyapp.counts import counted
from studyapp.errors import DuetError, NotReady
from studyapp.models import Clip, Dataset, Study, User
from studyapp.simulation import simulate
from studyapp.states import DatasetState, StimulusState, StudyState
from studyapp.work import serving
from studyapp.work.console import Console, Step
from studyapp.work.demo_study import (
    Studies,
    design_complete,
    design_first,
    effects,
    leave_out_failed,
    make_studies,
    refusals,
    try_others,
)
from studyapp.work.progress import Bar
from studyapp.work.supervisor import Supervisor, worker_programs

CLIPS = 12
SIMULATED = 24
"""How many of the first study's places simulated raters take; the others are for people."""
SEED = 1
ROUNDS = 3
"""How often clips that a system fails on are left out before the demo gives up."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller asked for. ``clips`` is a folder or manifest of their own, or None for the demo's."""

    port: int
    clips: Path | None = None
    length_s: float = 10.0

    @property
    def dataset(self) -> str:
        return dataset_name(self.clips) if self.clips else "demo"


def run(wanted: Wanted) -> None:
    """Prepare what is missing, start everything, print the links, and keep it running until Ctrl-C.

    Raises DuetError with a sentence when it cannot go on.
    """
    console = Console()
    serving.check_port(wanted.port)
    with _only_one(), Supervisor(logs=Path(settings.VAR) / "log") as supervisor:
        Demo(wanted, console, supervisor).run()


@dataclass(slots=True)
class Demo:
    """One run, step by step."""

    wanted: Wanted
    console: Console
    supervisor: Supervisor

    def run(self) -> None:
        self.console.say("Duet's demo. Everything it makes lies in " + str(settings.VAR))
        with self.console.step("database"):
            call_command("migrate", interactive=False, verbosity=0)
        with self.console.step("static files"):
            serving.collect_static()
        admin, password = serving.administrator()
        # Whoever held work before was stopped with the last run.
        stimuli.requeue_abandoned(now=timezone.now(), silence=timedelta(0))
        with self.console.step("web server and workers") as step:
            self._start(step)
        clips = self._clips(admin)
        studies = make_studies(dataset=self.wanted.dataset, clips=clips, by=admin)
        self._first(studies.first, admin)
        self._simulate(studies.first)
        report = self._ask_for_report(studies.first, admin)
        self._begin(studies.complete, admin)
        if self.wanted.clips is not None:
            self._try_others(clips, admin)
        if report is not None:
            self._await(report)
        self._say_where(studies, password)
        self._stay(studies.complete)

    def _start(self, step: Step) -> None:
        programs = [serving.web_program(self.wanted.port), *worker_programs()]
        for program in programs:
            self.supervisor.start(program)
        self.supervisor.wait_until(lambda: serving.answers(self.wanted.port))
        step.note = f"logs in {self.supervisor.logs}"

    def _clips(self, admin: User) -> list[Clip]:
        source = self.wanted.clips or self._material()
        with self.console.step("import of clips") as step, step.bar("clip") as bar:
            report = import_clips(
                source=source,
                dataset=self.wanted.dataset,
                length_s=self.wanted.length_s,
                by=admin,
                progress=bar.step,
            )
            bar.close()
            clips = sorted(report.imported + report.known, key=lambda clip: clip.clip_id)
            genres = len({clip.genre for clip in clips})
            step.note = f"{len(report.imported)} new, {len(report.known)} known, {counted(genres, 'genre')}"
        for refusal in report.refused:
            self.console.say(f"    {refusal}")
        if not clips:
            raise DuetError(f"No clip could be imported from {source}; the lines above say why.")
        return clips

    def _material(self) -> Path:
        from generation.world.demo import write_demo  # brings OpenCV, which only drawing needs

        with self.console.step("demo clips") as step, step.bar("clip") as bar:
            manifest = write_demo(
                Path(settings.VAR) / "demo-clips",
                CLIPS,
                progress=lambda share, doing: bar.step(share * CLIPS, CLIPS, doing),
            )
            step.note = f"{CLIPS} clips, pictures and music made here" if bar.shown else "there already"
            bar.close()
        return manifest

    def _first(self, study: Study, admin: User) -> None:
        """Bring the first study to where raters can come."""
        for _ in range(ROUNDS):
            if study.state != StudyState.DRAFT:
                return
            with self.console.step("first study") as step:
                summary = design_first(study, by=admin)
                step.note = (
                    f"{counted(summary.comparisons, 'comparison')}, {counted(summary.blocks, 'session')} of "
                    f"{counted(summary.longest_block, 'trial')}, {counted(summary.stimuli, 'soundtrack')}"
                )
            for line in refusals(summary):
                self.console.say(f"    {line}")
            with self.console.step("soundtracks of the first study") as step:
                start_generation(study=study, by=admin)
                with step.bar("soundtrack") as bar:
                    self.supervisor.wait_until(lambda: _rendered(study, bar))
            failures = leave_out_failed(study, by=admin)
            for line in failures:
                self.console.say(f"    {line}")
            if not failures:
                open_study(study=study, by=admin)
                self.console.say(f"  The first study can be rated, {self.console.since_start()} after the start.")
                return
        raise DuetError("Too many soundtracks failed; the lines above and the worker's log say why.")

    def _simulate(self, study: Study) -> None:
        missing = SIMULATED - study.sessions.filter(simulated=True).count()
        if missing <= 0 or study.state != StudyState.OPEN or study.datasets.exists():
            return
        with self.console.step("simulated raters") as step, step.bar("trial") as bar:
            done = simulate(study, raters=missing, effects=effects(study), seed=SEED, progress=bar.step)
            bar.close()
            step.note = f"{done.raters} raters, {done.trials} trials, marked as simulated"

    def _ask_for_report(self, study: Study, admin: User) -> Dataset | None:
        usable = study.datasets.exclude(state=DatasetState.FAILED).first()
        try:
            return usable or freeze_dataset(study=study, include_simulated=True, by=admin)
        except NotReady as error:
            self.console.say(f"    No report: {error}.")
            return None

    def _begin(self, study: Study, admin: User) -> None:
        """Let the complete study be rendered behind the first."""
        if study.state != StudyState.DRAFT:
            return
        failed = stimuli.study_stimuli(study).filter(state=StimulusState.FAILED).exists()
        if failed or not study.comparisons.exists():
            with self.console.step("complete study") as step:
                summary = design_complete(study, by=admin)
                if failed:
                    stimuli.retry_failed(study=study, by=admin)
                step.note = f"{summary.comparisons} comparisons, {summary.stimuli} soundtracks, rendered behind"
            for line in refusals(summary):
                self.console.say(f"    {line}")
        start_generation(study=study, by=admin)

    def _try_others(self, clips: list[Clip], admin: User) -> None:
        """On clips of one's own every system is heard, also those that no study compares."""
        with self.console.step("other systems") as step:
            asked, told = try_others(clips, by=admin)
            step.note = (
                f"{counted(asked, 'soundtrack')} behind, each on its system's page" if asked else "asked already"
            )
        for line in told:
            self.console.say(f"    {line}")

    def _await(self, report: Dataset) -> None:
        if report.state == DatasetState.READY:
            return

        def built() -> bool:
            report.refresh_from_db()
            return report.state in (DatasetState.READY, DatasetState.FAILED)

        with self.console.step("report"):
            self.supervisor.wait_until(built)
        if report.state == DatasetState.FAILED:
            self.console.say(f"    The report could not be built: {report.error}")

    def _say_where(self, studies: Studies, password: str) -> None:
        base = f"http://{serving.HOST}:{self.wanted.port}"
        shown = password or "(changed since)"
        take = reverse("take", args=[studies.first.token])
        report = reverse("research-report", args=[studies.first.slug])
        self.console.say(f"\nReady after {self.console.since_start()}.")
        self.console.say(f"rater: {base}{take}")
        self.console.say(f"admin: {base}{reverse('admin:index')} user={serving.ADMINISTRATOR} password={shown}")
        self.console.say(f"report: {base}{report}")
        self.console.say("The report's answers are simulated, and it says so. Ctrl-C stops everything.")

    def _stay(self, complete: Study) -> None:
        """Keep running; show how far the complete study is."""
        if complete.state == StudyState.DRAFT:
            with Bar("Complete study", unit="soundtrack", leave=False) as bar:
                self.supervisor.wait_until(lambda: _rendered(complete, bar))
            failed = stimuli.study_stimuli(complete).filter(state=StimulusState.FAILED).count()
            self.console.say(
                f"{failed} soundtracks of the complete study failed; the admin says why."
                if failed
                else "The complete study is rendered; open it in the admin when you like."
            )
        self.supervisor.wait_until(lambda: False)


def _rendered(study: Study, bar: Bar) -> bool:
    """Show how far the study's soundtracks are; True when none is waited for."""
    rows = stimuli.study_stimuli(study)
    over = Q(state__in=[StimulusState.READY, StimulusState.FAILED])
    counts = rows.aggregate(
        total=Count("pk"),
        over=Count("pk", filter=over),
        begun=Sum("progress", filter=Q(state=StimulusState.RENDERING), default=0.0),
    )
    current = rows.filter(state=StimulusState.RENDERING).select_related("system", "clip").first()
    doing = f"{current.system}: {current.doing}" if current else ""
    bar.step(counts["over"] + counts["begun"], counts["total"], doing)
    return bool(counts["over"] == counts["total"])


@contextmanager
def _only_one() -> Iterator[None]:
    """Two demos in one folder would stop each other's work. The lock goes with the process, however it ends."""
    folder = Path(settings.VAR)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DuetError(
                f"A demo is already running in {folder}; use it, or stop it with Ctrl-C where it runs."
            ) from None
        yield
