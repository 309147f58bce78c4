"""The design of a draft: what follows from its clips, pairs and numbers, stored as rows and frozen later."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import cast

from django.db import transaction

from analysis import design
from generation.contracts import GenerationError
from studyapp import policies
from studyapp.actions.stimuli import (
    audio_pool,
    enqueue,
    must_not_be_archived,
    request_lost,
    request_stimulus,
    study_stimuli,
)
from studyapp.actions.trial_rows import rows_of, store_trials
from studyapp.errors import DuetError, NotReady, WrongState
from studyapp.models import AuditLine, Block, Comparison, Stimulus, Study, Trial, User
from studyapp.plan import sampling
from studyapp.plan.balance import balance
from studyapp.plan.sampling import DesignSummary, Refusal
from studyapp.presentation import Side
from studyapp.states import StimulusState, StudyState

_BESIDE_SUMMARY = ("inputs_sha256", "balance")
"""What ``Study.design_summary`` keeps besides the summary itself."""


def expected_trials(study: Study) -> DesignSummary:
    """What a design of the study as it stands would ask for; nothing is written.

    Raises DuetError saying what to add or change when no design can be made.
    """
    return sampling.summary(study, sampling.sample(study))


def build_design(*, study: Study, by: User | None) -> DesignSummary:
    """Sample, plan and store comparisons, blocks and trials, and ask for the stimuli they need.

    Replaces an earlier design of the draft. The same study gives the same design.
    Raises WrongState once the study is open or when it changed meanwhile, DuetError when no design can be made.
    """
    study = Study.objects.get(pk=study.pk)
    must_be_draft(study, "only a draft's design can be built")
    inputs = inputs_sha256(study)
    known = sampling.sample(study)
    summary = sampling.summary(study, known)
    try:
        planned = design.plan(
            known.drawn.comparisons,
            ratings_per_comparison=study.ratings_per_comparison,
            trials_per_block=study.trials_per_block,
            repeats_per_block=study.repeats_per_block,
            checks=known.checks,
            training_per_block=study.training_per_block,
            seed=study.seed,
            shortfalls=known.drawn.shortfalls,
        )
        # Thousands of stimuli take seconds: they are asked for one by one, before the lock that raters wait for.
        pool = audio_pool(study)
        stimuli = {
            (clip_id, slug): request_stimulus(
                clip=known.clips[clip_id], system=known.systems[slug], study=study, pool=pool
            )
            for clip_id, slug in sampling.needed(planned.comparisons)
        }
    except (design.DesignError, GenerationError) as error:
        raise DuetError(str(error)) from error
    summary = replace(summary, notes=planned.notes)
    with transaction.atomic():
        study = lock_draft(study, "only a draft's design can be built")
        if inputs_sha256(study) != inputs:
            raise WrongState(f"{study} was changed while its design was built; build it again")
        clear_design(study)
        _store(study, planned, known, stimuli)
        counted = balance(study)
        study.design_summary = {
            **asdict(summary),
            "inputs_sha256": inputs,
            "balance": counted.to_json() if counted else None,
        }
        study.save(update_fields=["design_summary"])
        AuditLine.write("design built", by=by, study=study, comparisons=summary.comparisons, trials=summary.trials)
    return summary


def summary_of(study: Study) -> DesignSummary | None:
    """The summary of the design last built, or None without one."""
    if not study.design_summary:
        return None
    stored = {name: value for name, value in study.design_summary.items() if name not in _BESIDE_SUMMARY}
    lists = {name: tuple(stored[name]) for name in ("shortfalls", "notes")}
    refusals = tuple(Refusal(**line) for line in stored["refusals"])
    return DesignSummary(**{**stored, **lists, "refusals": refusals})


@transaction.atomic
def start_generation(*, study: Study, by: User | None) -> int:
    """Send what was never sent, and what lost its file, of the design's stimuli to the workers; returns how many.

    What waits for a worker is not sent twice. Raises NotReady without a design, WrongState for an archived study.
    """
    must_not_be_archived(study)
    if not study.comparisons.designed().exists():
        raise NotReady(f"{study} has no design yet; build the design first")
    lost = request_lost(study=study)
    unsent = study_stimuli(study).filter(state=StimulusState.REQUESTED, last_sign_of_life=None)
    # Locked: of two who press at once, the second finds them sent.
    waiting = list(unsent.select_for_update().order_by("pk"))
    enqueue(stimuli=waiting)
    AuditLine.write("generation started", by=by, study=study, stimuli=len(waiting), lost_files=lost)
    return len(waiting)


def design_rows(study: Study) -> list[dict[str, str | int]]:
    """The plan as flat rows, one per trial; blocks packed again after a session expired are not in it."""
    comparisons: dict[int, design.PlannedComparison] = {}
    rows = study.comparisons.designed().select_related(
        "clip", "stimulus_1__system", "stimulus_2__system", "expected"
    )
    for row in rows.order_by("id"):
        slugs = row.stimulus_1.system.slug, row.stimulus_2.system.slug
        expected = row.expected.slug if row.expected else ""
        comparisons[row.pk] = design.PlannedComparison(
            row.clip.clip_id, row.clip.genre, *slugs, expected, practice=row.kind == Comparison.Kind.TRAINING
        )
    index = {pk: number for number, pk in enumerate(comparisons)}
    blocks: dict[int, list[design.PlannedTrial]] = defaultdict(list)
    trials = Trial.objects.filter(block__study=study, block__origin=Block.Origin.PLANNED).select_related(
        "block", "repeat_of"
    )
    for trial in trials.order_by("block__number", "position"):
        blocks[trial.block.number].append(
            design.PlannedTrial(
                comparison=index[trial.comparison_id],
                left_is_1=trial.left_is_1,
                played_first=cast(Side, trial.played_first),
                kind=cast(design.Kind, trial.kind),
                repeats=trial.repeat_of.position if trial.repeat_of else None,
            )
        )
    planned = tuple(design.PlannedBlock(tuple(shown)) for shown in blocks.values())
    return design.design_rows(design.Design(study.seed, tuple(comparisons.values()), planned))


def design_csv(study: Study) -> str:
    """The design file. Its SHA-256 is the study's ``plan_sha256`` once it is open.

    Raises NotReady without a design.
    """
    rows = design_rows(study)
    if not rows:
        raise NotReady(f"{study} has no design yet; build the design first")
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def must_be_draft(study: Study, rule: str) -> None:
    """Raises WrongState, saying ``rule`` (“only a draft can be changed”), for a study that is none."""
    if not policies.design_is_editable(StudyState(study.state)):
        raise WrongState(f"{study} is {study.standing}; {rule}")


def lock_draft(study: Study, rule: str) -> Study:
    """The study's row, locked until the transaction ends, so that no one builds while another opens."""
    locked = Study.objects.select_for_update().get(pk=study.pk)
    must_be_draft(locked, rule)
    return locked


def inputs_sha256(study: Study) -> str:
    """Digest of all a design follows from, so that a draft changed later is not opened with an old design."""
    inputs = [
        sorted(study.clips.values_list("pk", "clip_id", "genre", "master_sha256", "audio_sha256")),
        sorted(study.pairs.values_list("system_1__digest", "system_2__digest")),
        [study.seed, study.generation_seed, study.clips_per_cell, study.ratings_per_comparison],
        [study.trials_per_block, study.repeats_per_block, study.target_lufs],
        [study.gold_per_block, study.identical_per_block, study.gold_truth_id, study.gold_foil_id],
    ]
    if study.training_per_block:
        inputs.append([study.training_per_block])
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


def clear_design(study: Study) -> None:
    """Drop the design of a draft; what a pilot showed stays, out of the design."""
    study.blocks.exclude(origin=Block.Origin.PILOT).delete()
    Comparison.objects.filter(study=study).exclude(trials__isnull=False).delete()
    Comparison.objects.filter(study=study).update(in_design=False)


def _store(
    study: Study,
    planned: design.Design,
    known: sampling.Sampled,
    stimuli: Mapping[tuple[str, str], Stimulus],
) -> None:
    # What a pilot has shown of the same pairs is there already.
    there = {(row.kind, row.stimulus_1_id, row.stimulus_2_id): row for row in study.comparisons.all()}
    comparisons = [
        Comparison(
            study=study,
            clip=known.clips[row.clip_id],
            stimulus_1=stimuli[row.clip_id, row.system_1],
            stimulus_2=stimuli[row.clip_id, row.system_2],
            kind=row.kind,
            expected=known.systems[row.expected] if row.expected else None,
        )
        for row in planned.comparisons
    ]
    comparisons = [there.get((row.kind, row.stimulus_1_id, row.stimulus_2_id), row) for row in comparisons]
    Comparison.objects.bulk_create(row for row in comparisons if row.pk is None)
    Comparison.objects.filter(pk__in=[row.pk for row in there.values() if row in comparisons]).update(
        in_design=True
    )
    blocks = Block.objects.bulk_create(
        Block(study=study, number=number) for number in range(1, len(planned.blocks) + 1)
    )
    pairs = zip(blocks, planned.blocks, strict=True)
    store_trials([row for block, shown in pairs for row in rows_of(shown, block, comparisons)])
