"""Strengths from a cumulative-logit model through statsmodels: a second family to check the ranking against.

logit P(y ≤ k) = θ_k − (λ₁ − λ₂ + γ·side), proportional odds (McCullagh 1980); with three answers it is Rao and
Kupper's model (1967). Its logits are not those of the adjacent-category model, so compare orders and signs, not
numbers. Which system of a pair is named first must not matter, so thresholds are symmetric: every answer enters
both ways round, as one in the sandwich, which leaves estimates and sandwich as those of the symmetric model.
Covariance is the ranking's, for statsmodels' own (``cov_type="cluster"`` with two columns of groups) goes negative
in small studies, and where raters and clips hardly differ.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.discrete.discrete_model import Logit
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.tools.sm_exceptions import ModelWarning

from analysis import bradley_terry as bt
from analysis.answers import Answers
from analysis.asked import Asked
from analysis.ranking import Effect, sandwich
from analysis.variance import Codes, Floats

METHOD = "proportional odds (cumulative logit), covariance clustered by rater and clip, t interval"
APART = 3.0
"""Standard errors by which a cut may differ from all cuts together before proportional odds are doubted."""


@dataclass(frozen=True, slots=True)
class OrdinalRanking:
    """Strengths of one question by system, strongest first; thresholds from the strongest for system 2 upwards.

    ``worst_cut`` is the largest difference, in standard errors, between a strength and the one that a single cut
    of the scale gives: above ``APART`` the odds are hardly proportional. None where no single cut could be fitted.
    ``reason`` says why there are no strengths.
    """

    question: str
    level: float
    n: int
    strengths: tuple[tuple[str, Effect], ...]
    left: Effect | None
    thresholds: tuple[float, ...]
    worst_cut: float | None
    reason: str
    method: str = METHOD


def cumulative_logit(answers: Answers, *, level: float = 0.95) -> tuple[OrdinalRanking, ...]:
    """For every question that was answered."""
    return tuple(_of_one(answers.questions[code], Asked.of(answers, code), level) for code in answers.asked())


def _of_one(question: str, asked: Asked, level: float) -> OrdinalRanking:
    nothing = OrdinalRanking(question, level, len(asked.answer), (), None, (), None, "")
    reason = _no_fit(asked)
    if reason:
        return _without(nothing, reason)
    x = _columns(asked)
    answers = pd.Categorical(np.concatenate([asked.answer, -asked.answer]), ordered=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ModelWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            model = OrderedModel(answers, np.concatenate([x, -x]), distr="logit")
            fitted = model.fit(method="bfgs", disp=False, maxiter=500)
            scores = np.asarray(model.score_obs(fitted.params)).reshape(2, len(x), -1).sum(axis=0)
            influence = np.linalg.solve(np.asarray(model.hessian(fitted.params)), scores.T)
    except (np.linalg.LinAlgError, ValueError) as error:
        return _without(nothing, f"the model could not be fitted: {error}")
    if not fitted.mle_retvals["converged"] or not np.isfinite(influence).all():
        return _without(nothing, "the fit did not converge")
    covariance = sandwich(influence[: x.shape[1]], np.arange(len(x)), asked)
    df = asked.clusters - 1
    values, spread = _centred(np.asarray(fitted.params)[: x.shape[1]], covariance)
    effects = [
        Effect.of(float(v), float(np.sqrt(s)), df, level) for v, s in zip(values, np.diag(spread), strict=True)
    ]
    order = np.argsort(-values[:-1], kind="stable")
    thresholds = np.asarray(model.transform_threshold_params(fitted.params))[1:-1]
    return OrdinalRanking(
        question,
        level,
        len(asked.answer),
        tuple((asked.systems[place], effects[place]) for place in order),
        effects[-1].turned(asked.left),
        tuple(float(cut) for cut in thresholds),
        _worst_cut(asked, x, values[:-1], np.sqrt(np.diag(spread))[:-1]),
        "",
    )


def _without(nothing: OrdinalRanking, reason: str) -> OrdinalRanking:
    return OrdinalRanking(nothing.question, nothing.level, nothing.n, (), None, (), None, reason)


def _no_fit(asked: Asked) -> str:
    if len(set(asked.answer.tolist())) < 2:
        return "every answer is alike, so nothing is stronger"
    if asked.clusters < 2:
        return f"only one {'rater' if asked.raters < 2 else 'clip'}, so the spread cannot be estimated"
    fitted = bt.fit(asked.design()[0])
    if len(fitted.groups) > 1:
        return "comparisons do not link all systems"
    return "some system or side tells all answers apart, so nothing finite fits" if fitted.penalised else ""


def _columns(asked: Asked) -> Floats:
    """One column a system but the last (+1, −1), and the side."""
    rows, x = np.arange(len(asked.answer)), np.zeros((len(asked.answer), len(asked.systems) + 1))
    x[rows, asked.system_1] += 1
    x[rows, asked.system_2] -= 1
    x[:, -1] = asked.side
    return np.delete(x, len(asked.systems) - 1, axis=1)


def _centred(parameters: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Strengths that sum to 0 and the side's part, from strengths against the last system's."""
    free = len(parameters) - 1
    turn = np.zeros((free + 2, free + 1))
    turn[:free, :free] = np.eye(free) - 1 / (free + 1)
    turn[free, :free] = -1 / (free + 1)
    turn[-1, -1] = 1
    return turn @ parameters, turn @ covariance @ turn.T


def _worst_cut(asked: Asked, x: Floats, values: Floats, errors: Floats) -> float | None:
    """How far single cuts of the scale, each a binary logit, lie from all cuts together.

    A cut above k and its mirror image below −k are one, by the same symmetry.
    """
    apart = []
    for cut in sorted({abs(answer) for answer in asked.answer.tolist()} - {0}):
        above: Codes = np.concatenate([asked.answer >= cut, asked.answer <= -cut]).astype(np.intp)
        both = np.column_stack([np.concatenate([x, -x]), np.ones(2 * len(x))])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                alone = Logit(above, both).fit(disp=False, maxiter=100)
        except (np.linalg.LinAlgError, ModelWarning, RuntimeWarning):
            continue
        single, _ = _centred(np.asarray(alone.params)[:-1], np.eye(x.shape[1]))
        apart.append(float(np.max(np.abs(single[:-1] - values) / np.maximum(errors, 1e-12))))
    return max(apart) if apart else None
