"""A study's texts in further languages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from studyapp import rights
from studyapp.actions.texts import remove_text, write_text
from studyapp.admin.base import ResearchAdmin
from studyapp.briefings import own_texts
from studyapp.languages import LANGUAGES
from studyapp.models import Study, StudyText
from studyapp.policies import design_is_editable
from studyapp.states import StudyState
from studyapp.views.staff import must, researcher

_WRITTEN = ("consent_text", "instructions", "data_kept", "kept_for", "understanding_text")


@admin.register(StudyText)
class StudyTextAdmin(ResearchAdmin):
    """Reached from a study's page, which names study and language."""

    study_path = "study"
    list_display = ["study", "language"]
    list_filter = ["study", "language"]
    list_select_related = ["study"]
    fields = ["study", "language", *_WRITTEN]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Duet's own texts in the language, where the study has left its own as they are."""
        initial: dict[str, Any] = dict(super().get_changeform_initial_data(request))
        asked = initial.get("study", "")
        visible = Study.objects.visible_to(researcher(request))
        study = visible.filter(pk=asked).first() if asked.isdecimal() else None
        language = initial.get("language", "")
        if study and language in dict(LANGUAGES):
            unchanged = own_texts(study.language)
            for name, words in own_texts(language).items():
                initial[name] = words if getattr(study, name) == unchanged[name] else ""
        return initial

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["study", "language"] if obj else []

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None or not super().has_change_permission(request, obj):
            return super().has_change_permission(request, obj)
        # What was typed before others went on is refused by the action, and still stands in the form.
        sent = request.method == "POST"
        return (sent or self._is_open_to_change(obj)) and rights.may(request.user, rights.CHANGE, obj.study)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and rights.may(request.user, rights.CHANGE, obj.study)

    def is_unused(self, obj: Any) -> bool:
        return self._is_open_to_change(obj)

    def _is_open_to_change(self, text: StudyText) -> bool:
        return design_is_editable(StudyState(text.study.state))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        must(request, rights.CHANGE, obj.study)
        texts = {name: form.cleaned_data[name] for name in _WRITTEN}
        written = write_text(study=obj.study, language=obj.language, by=researcher(request), **texts)
        obj.pk, obj._state.adding = written.pk, False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        remove_text(text=obj, by=researcher(request))

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("research-study", args=[obj.study.slug]))

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("research-study", args=[obj.study.slug]))
