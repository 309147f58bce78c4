"""What was frozen and what was done: datasets, amendments and the audit trail, to be read."""

from __future__ import annotations

from django.contrib import admin

from studyapp.admin.base import EvidenceAdmin
from studyapp.history import changes_of
from studyapp.models import Amendment, AuditLine, Dataset


@admin.register(Dataset)
class DatasetAdmin(EvidenceAdmin):
    study_path = "study"
    # Why one could not be built may name a system.
    tells_names = True
    lead = "A dataset is a frozen export of a study’s answers, with its digest; analyses cite it."
    nothing_yet = "No dataset yet of studies whose systems you see by name. Freeze one under a study’s Results."
    list_display = ["id", "study", "created_at", "state", "superseded_at", "rows", "includes_simulated", "sha256"]
    list_filter = ["study", "state", "includes_simulated"]
    list_select_related = ["study"]
    explained = {
        "includes_simulated": "Answers of simulated raters are in it, told apart by a column.",
        "rows": "Answers in it.",
        "folder": "Where its files are, relative to the media folder.",
    }


@admin.register(AuditLine)
class AuditLineAdmin(EvidenceAdmin):
    study_path = "study"
    # A study's History has them by letter for who may not see names.
    tells_names = True
    lead = "Everything that was done, by whom and when. A study’s History shows the same with before and after."
    nothing_yet = "Nothing yet of studies whose systems you may see by name; a study’s History has the others."
    list_display = ["at", "by", "verb", "study", "short_details"]
    list_filter = ["at", "study", "verb"]
    list_select_related = ["by", "study"]
    sortable_by = ()
    explained = {"by": "Empty where Duet itself or a command acted.", "details": "What was done, and to what."}

    @admin.display(description="details")
    def short_details(self, line: AuditLine) -> str:
        told = (
            f"{one.name} {one.before} → {one.after}" if one.before else f"{one.name} {one.after}"
            for one in changes_of(line)
        )
        text = "; ".join(told)
        return text if len(text) <= 120 else f"{text[:120]}…"


@admin.register(Amendment)
class AmendmentAdmin(EvidenceAdmin):
    study_path = "study"
    # What was changed may be a pair or a rule that names a system.
    tells_names = True
    lead = "An amendment is a change made after a study opened, with its reason; every export and report shows it."
    nothing_yet = "No study was changed after it opened."
    list_display = ["study", "number", "at", "by", "what", "reason"]
    list_filter = ["study"]
    list_select_related = ["study", "by"]
