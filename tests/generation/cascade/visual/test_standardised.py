from __future__ import annotations

import torch

from generation.cascade.visual.standardised import Standardised


def test_fitted_features_have_mean_0_and_deviation_1() -> None:
    features = torch.randn(400, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([5.0, 1.0, 0.2]) + 7
    scale = Standardised(3, quantum=0, deviation=1)
    scale.fit(features)
    assert torch.allclose(scale(features).mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(scale(features).std(0), torch.ones(3), atol=1e-5)


def test_small_differences_are_rounded_away() -> None:
    scale = Standardised(2, quantum=0.5, deviation=1)
    assert scale(torch.tensor([0.9, -1.4])).tolist() == scale(torch.tensor([1.1, -1.3])).tolist() == [1.0, -1.5]


def test_number_that_never_changes_is_not_blown_up() -> None:
    features = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
    features[:, 1] = 3.0
    scale = Standardised(2, quantum=0, deviation=1)
    scale.fit(features)
    assert scale(torch.tensor([0.0, 3.001]))[1].abs() < 0.2


def test_scale_is_part_of_the_weights() -> None:
    scale = Standardised(2, quantum=0, deviation=1)
    scale.fit(torch.randn(10, 2))
    again = Standardised(2, quantum=0, deviation=1)
    again.load_state_dict(scale.state_dict())
    assert torch.equal(again.deviation, scale.deviation)
