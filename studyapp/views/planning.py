"""A study's plan on one page: balance, power, cost, pre-registration, and what was amended since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from studyapp import blinding, overview, rights
from studyapp.actions.amendments import amend_study
from studyapp.actions.designs import summary_of
from studyapp.actions.looking import note_names_seen
from studyapp.errors import DuetError, Overtaken
from studyapp.models import Amendment, Study
from studyapp.plan import analysis_plan, planning
from studyapp.plan.amendable import STATES
from studyapp.plan.amendments import change_in_words, label_of
from studyapp.plan.balance import Balance, balance, kept_balance
from studyapp.plan.freezing import QUICK, broken_amendment, verify_frozen
from studyapp.plan.preregistration import bundle, file_name, open_parts
from studyapp.policies import design_is_frozen
from studyapp.states import StudyState
from studyapp.views.plan_forms import AmendForm, AssumptionsForm
from studyapp.views.staff import Abilities, researcher, researchers_only, study_for

AT_ONCE = 40_000
"""So many trials of a design that came without its balance are counted while somebody waits; beyond, they ask."""
CHECKED_AT_ONCE = 1_500
"""So many trials are digested while somebody waits: it takes each row, not a count."""


@require_GET
@researchers_only
def plan_page(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Everything that is planned, on one page."""
    study = study_for(request, slug, rights.VIEW)
    may = Abilities.of(request, study)
    told = _as_it_is if may.names else blinding.without_names(study)
    summary = summary_of(study)
    trials = summary.trials if summary else 0
    level = kept_balance(study)
    if level is None and (trials <= AT_ONCE or "count" in request.GET):
        level = balance(study)
    frozen = design_is_frozen(StudyState(study.state))
    pairs = analysis_plan.pairs_of(study)
    checks_all = "check" in request.GET or trials <= CHECKED_AT_ONCE
    form = AssumptionsForm(initial={"net": study.margin, "preset": "typical"})
    context: dict[str, Any] = {
        "study": study,
        "may": may,
        "follows": overview.follows(study) if may.names else overview.blinded(study, overview.follows(study)),
        "current": overview.design_is_current(study),
        "pairs": pairs if may.names else blinding.lettered_pairs(study, pairs),
        "hypotheses": study.hypotheses if may.names else blinding.hypotheses(study),
        "genres": overview.clips_by_genre(study),
        "in_words": analysis_plan.in_words(study, pairs),
        "primary": told([" vs ".join(pair) for pair in study.primary_pairs]),
        "too_many": level is None and trials > AT_ONCE,
        "balance": level if may.names else _lettered(study, level),
        "frozen": frozen,
        "checked": verify_frozen(study, (*QUICK, "design", "stimuli") if checks_all else QUICK) if frozen else (),
        "checked_all": checks_all,
        "broken_amendment": broken_amendment(study),
        "open_parts": [] if frozen else told(open_parts(study)),
        "amendments": [_line(one, told) for one in study.amendments.select_related("by")],
        "amendable": study.state in STATES,
        "form": form,
        **_cost(study, form),
    }
    return render(request, "research/plan.html", context)


@require_GET
@researchers_only
def power(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Power and cost under assumptions, as a fragment; as a page of its own where no script asks for it."""
    study = study_for(request, slug, rights.VIEW)
    form = AssumptionsForm(request.GET)
    context: dict[str, Any] = {"study": study, "form": form, "may": Abilities.of(request, study)}
    if form.is_valid():
        context |= _cost(study, form) | _chance(study, form)
    else:
        wrong = [f"{form[name].label}: {' '.join(map(str, lines))}" for name, lines in form.errors.items()]
        context["problem"] = "; ".join(wrong)
    page = "_plan_power" if "fragment" in request.GET else "plan_power"
    response = render(request, f"research/{page}.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_GET
@researchers_only
def preregistration(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The plan as a ZIP file, with digests."""
    study = study_for(request, slug, rights.VIEW, names=True)
    note_names_seen(study=study, page="pre-registration", by=researcher(request), now=timezone.now())
    headers = {"Content-Disposition": f'attachment; filename="{file_name(study)}"', "Cache-Control": "no-store"}
    return HttpResponse(bundle(study), content_type="application/zip", headers=headers)


@require_http_methods(["GET", "POST"])
@researchers_only
def amend(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Change what may be changed of a study that has opened, with a reason."""
    study = study_for(request, slug, rights.CHANGE)
    if study.state not in STATES:
        messages.error(request, f"{study} is {study.standing}: only what is open, paused or closed is amended.")
        return redirect("research-plan", slug)
    may = Abilities.of(request, study)
    form = AmendForm(study, request.POST if request.method == "POST" else None, names=may.names)
    if form.is_bound and form.is_valid():
        try:
            made = amend_study(
                study=study,
                by=researcher(request),
                reason=form.cleaned_data["reason"],
                based_on=form.cleaned_data["based_on"],
                **form.changes(),
            )
        except Overtaken as error:
            assert isinstance(form, AmendForm)
            form.look_again(_sentence(error))
        except DuetError as error:
            form.add_error(None, _sentence(error))
        else:
            numbers = ", ".join(str(one.number) for one in made)
            messages.success(
                request, f"Amended, as number {numbers}. Every export and report says so from now on."
            )
            return redirect("research-plan", slug)
    context = {"study": study, "form": form, "may": may}
    return render(request, "research/plan_amend.html", context)


def _as_it_is(one: Any) -> Any:
    return one


def _lettered(study: Study, level: Balance | None) -> Balance | None:
    if level is None:
        return None
    return level.called(blinding.names(study, (line.system for line in level.systems), shown=False))


def _line(amendment: Amendment, told: Callable[[Any], Any]) -> dict[str, Any]:
    # In memory alone: an amendment is never written again.
    said = told({"what": amendment.what, "before": amendment.before, "after": amendment.after})
    amendment.before, amendment.after = said["before"], said["after"]
    return {
        "row": amendment,
        "label": label_of(amendment.what),
        "words": change_in_words(amendment),
        "values": not isinstance(amendment.after, dict | list),
    }


def _cost(study: Study, form: AssumptionsForm) -> dict[str, Any]:
    follows = overview.follows(study)
    if follows is None:
        return {"cost": None}
    if not form.is_bound:
        return {"cost": planning.cost_of(study, follows)}
    per_hour = form.cleaned_data["per_hour"]
    return {"cost": planning.cost_of(study, follows, per_hour=per_hour, fee=form.fee_share)}


def _chance(study: Study, form: AssumptionsForm) -> dict[str, Any]:
    summary = summary_of(study)
    if summary is None:
        return {"problem": "Build the design first: its power follows from it."}
    net = form.cleaned_data["net"] or study.margin
    preset = form.cleaned_data["preset"] or "typical"
    try:
        shape = planning.shape_of(study, summary)
        return {"chance": planning.chance(shape, net=net, preset=preset, asked=True)}
    except DuetError as error:
        return {"problem": _sentence(error)}


def _sentence(error: DuetError) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]


urlpatterns = [
    path("research/studies/<slug:slug>/plan/", plan_page, name="research-plan"),
    path("research/studies/<slug:slug>/plan/power/", power, name="research-plan-power"),
    path("research/studies/<slug:slug>/plan/preregistration.zip", preregistration, name="research-prereg"),
    path("research/studies/<slug:slug>/plan/amend/", amend, name="research-amend"),
]
