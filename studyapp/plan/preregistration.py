"""The plan as one ZIP file to register before raters come: readable, complete, and with digests to check it by.

For a frozen study it is the plan as it was frozen, amendments undone, and the same bytes every time:
``frozen.json`` has the SHA-256 that the study keeps as its overall digest, and each part's file that of its part.
For a draft it says DRAFT and what is still open.
"""

from __future__ import annotations

import csv
import io
import zipfile

from studyapp import policies
from studyapp.actions.designs import inputs_sha256
from studyapp.actions.stimuli import study_stimuli
from studyapp.actions.texts import check_texts
from studyapp.errors import NotReady
from studyapp.models import Study
from studyapp.plan import analysis_plan
from studyapp.plan.freezing import PARTS, AsFrozen, as_frozen, canonical, sha256, versions
from studyapp.plan.plan_text import plan_text
from studyapp.states import StimulusState, StudyState

_FILES = {"design": "design.csv"}
"""Parts whose file is not named ``<part>.json``."""
_NEEDS_DESIGN = ("design", "stimuli")
_MADE = (1980, 1, 1, 0, 0, 0)
"""The moment that every file of the archive bears, so that the same plan is the same bytes."""


def open_parts(study: Study) -> list[str]:
    """What a draft still lacks before it can be frozen, or would better say before it is registered."""
    lacking: list[str] = []
    if not study.design_summary:
        lacking.append("The design is not built yet.")
    elif study.design_summary.get("inputs_sha256") != inputs_sha256(study):
        lacking.append("The study was changed after its design was built; build it again.")
    else:
        waiting = study_stimuli(study).exclude(state=StimulusState.READY).count()
        if waiting:
            lacking.append(f"{waiting} soundtracks are not ready yet, so they have no digest.")
    try:
        check_texts(study)
    except NotReady as error:
        lacking.append(f"{str(error)[:1].upper()}{str(error)[1:]}.")
    problems = analysis_plan.problems(study, analysis_plan.pairs_of(study))
    lacking += [f"Analysis plan: {words}." for words in problems.values()]
    if not study.hypotheses.strip():
        lacking.append("No hypothesis is written down; “we explore” is one, too.")
    if not study.responsible:
        lacking.append("Nobody is named as responsible.")
    return lacking


def file_name(study: Study) -> str:
    """Says DRAFT for what is not frozen."""
    state = "" if _is_frozen(study) else "-DRAFT"
    return f"{study.slug}-preregistration{state}.zip"


def bundle(study: Study) -> bytes:
    """The ZIP file. Without compression: how that packs differs from version to version, and bytes must not."""
    frozen = _is_frozen(study)
    plan = as_frozen(study) if frozen else AsFrozen(study, list(study.texts.all()))
    files = {_file_of(part): text for part, text in _contents(plan).items()}
    digests = {part: sha256(files[_file_of(part)]) for part in PARTS if _file_of(part) in files}
    if "design.csv" in files:
        files["stimuli.csv"] = _stimuli_csv(study)
    files["frozen.json" if frozen else "draft.json"] = canonical(digests)
    files["plan.md"] = plan_text(
        plan,
        lacking=() if frozen else open_parts(study),
        digest=study.frozen.get("all", "") if frozen else "",
        versions=study.frozen.get("versions", "") if frozen else versions(),
    )
    files["SHA256SUMS"] = "".join(f"{sha256(text)}  {name}\n" for name, text in sorted(files.items()))
    return _zipped(files)


def _is_frozen(study: Study) -> bool:
    return policies.design_is_frozen(StudyState(study.state))


def _contents(plan: AsFrozen) -> dict[str, str]:
    built = plan.study.comparisons.designed().exists()
    return {
        name: part(plan.study, plan.texts) for name, part in PARTS.items() if built or name not in _NEEDS_DESIGN
    }


def _file_of(part: str) -> str:
    return _FILES.get(part, f"{part}.json")


def _stimuli_csv(study: Study) -> str:
    rows = study_stimuli(study).order_by("clip__dataset", "clip__clip_id", "system__slug")
    columns = ["clip__dataset", "clip__clip_id", "clip__genre", "system__slug", "seed", "file_sha256"]
    columns += ["lufs", "gain_db", "true_peak_dbtp", "duration_s", "settings_digest", "sources_digest"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = {"clip__dataset": "dataset", "clip__clip_id": "clip_id", "clip__genre": "genre"}
    names |= {"system__slug": "system", "file_sha256": "sha256"}
    writer.writerow([names.get(column, column) for column in columns])
    writer.writerows(rows.values_list(*columns))
    return text.getvalue()


def _zipped(files: dict[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:
        for name, text in sorted(files.items()):
            member = zipfile.ZipInfo(name, date_time=_MADE)
            member.external_attr = 0o644 << 16
            # ZipInfo notes the system that it was made on.
            member.create_system = 3
            archive.writestr(member, text.encode())
    return data.getvalue()
