"""Features of different kinds as one stream of encoder tokens."""

import pytest
import torch

from generation.cascade.adaptors import StreamAdaptor, StreamConfig, Streams

CONFIG = StreamConfig(clip_dim=12, i3d_dim=10, vit_tokens=32, vit_side=4, vit_merged=2, joint_dim=6)
DIM = 8


def features(*kinds: str, clips: int = 2, seconds: int = 3) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    made = {
        "clip": torch.randn(clips, seconds, 12, generator=draw),
        "i3d": torch.randn(clips, seconds, 10, generator=draw),
        "vit": torch.randint(32, (clips, seconds, 4, 4), generator=draw),
    }
    return {kind: made[kind] for kind in kinds}


@pytest.fixture
def adaptor() -> StreamAdaptor:
    torch.manual_seed(0)
    return StreamAdaptor(CONFIG, DIM, controlled=True)


def test_each_token_belongs_to_the_middle_of_its_second(adaptor: StreamAdaptor) -> None:
    tokens, ticks = adaptor(Streams(features("clip", "vit")), 25)
    assert tokens.shape == (2, 3 + 3 * 4 + 1, DIM)
    assert ticks.tolist() == [12, 37, 62] + [12] * 4 + [37] * 4 + [62] * 4 + [0]


def test_order_of_the_features_changes_nothing(adaptor: StreamAdaptor) -> None:
    both = features("clip", "i3d")
    turned = dict(reversed(both.items()))
    assert torch.equal(adaptor(Streams(both), 25)[0], adaptor(Streams(turned), 25)[0])


def test_merged_token_sees_its_square_of_the_picture_only(adaptor: StreamAdaptor) -> None:
    seen = features("vit", clips=1, seconds=1)
    before, _ = adaptor(Streams(seen), 25)
    changed = seen["vit"].clone()
    changed[0, 0, 3, 3] = (changed[0, 0, 3, 3] + 1) % 32
    after, _ = adaptor(Streams({"vit": changed}), 25)
    assert (before != after).any(-1)[0].tolist() == [False, False, False, True, False]


def test_prompt_changes_one_token_and_a_zero_embedding_is_no_prompt(adaptor: StreamAdaptor) -> None:
    torch.nn.init.normal_(adaptor.no_control)
    seen = features("clip")
    none, _ = adaptor(Streams(seen), 25)
    control = torch.nn.functional.normalize(torch.randn(2, 6), dim=-1)
    control[1] = 0
    asked, _ = adaptor(Streams(seen, control), 25)
    assert torch.equal(none[:, :-1], asked[:, :-1])
    assert not torch.equal(none[0, -1], asked[0, -1])
    assert torch.equal(none[1, -1], asked[1, -1])


def test_seconds_cut_every_feature() -> None:
    control = torch.ones(2, 6)
    cut = Streams(features("clip", "vit"), control).seconds(1, 3)
    assert torch.equal(cut.features["clip"], features("clip")["clip"][:, 1:3])
    assert torch.equal(cut.features["vit"], features("vit")["vit"][:, 1:3])
    assert cut.control is control


def test_nothing_to_look_at_and_unknown_features_are_refused(adaptor: StreamAdaptor) -> None:
    with pytest.raises(ValueError, match="no visual feature given; give one of clip, i3d, vit"):
        adaptor(Streams({}), 25)
    with pytest.raises(ValueError, match="no adaptor for depth"):
        adaptor(Streams({"depth": torch.zeros(1, 1, 1)}), 25)


def test_grid_that_does_not_merge_is_refused() -> None:
    with pytest.raises(ValueError, match="4 tokens a side do not merge into 3"):
        StreamAdaptor(StreamConfig(12, 10, 32, 4, 3, 6), DIM, controlled=False)
