"""The paper's three studies at full size: what they ask of raters, on clips that are only rows."""

from __future__ import annotations

from collections import Counter

import pytest

from studyapp.actions.designs import expected_trials
from studyapp.actions.study_documents import study_from_template
from studyapp.clips.genres import IN_PAPERS_HUMAN_STUDY
from studyapp.documents import templates
from studyapp.documents.fitting import Wanted
from studyapp.documents.reading import read
from studyapp.documents.schema import ClipRule
from studyapp.documents.writing import write
from studyapp.models import Clip
from tests.studyapp.factories import sha

pytestmark = pytest.mark.django_db

PER_GENRE = 12


def fabricate(name: str, dataset: str) -> None:
    """More clips of every genre than the template takes."""
    rule = templates.template(name).clips
    assert isinstance(rule, ClipRule)
    Clip.objects.bulk_create(
        Clip(
            dataset=dataset,
            clip_id=f"{number}-{place}",
            genre=genre,
            caption="a calm piano",
            duration_s=10.0,
            width=640,
            height=360,
            frame_rate=25,
            master_file=f"{genre}{place}.mp4",
            master_sha256=sha(f"{genre}{place}"),
            master_bytes=1,
        )
        for number, genre in enumerate(rule.genres)
        for place in range(PER_GENRE)
    )


@pytest.mark.parametrize(
    ("name", "dataset", "clips", "pairs", "ratings", "blocks"),
    [
        ("paper-mv100k", "MV100K", 89, 5, 1335, 75),
        ("paper-musiccaps", "MusicCaps", 76, 15, 2250, 125),
        ("paper-ablation", "MV100K", 90, 10, 2700, 150),
    ],
)
def test_the_whole_design_is_the_papers(
    name: str, dataset: str, clips: int, pairs: int, ratings: int, blocks: int
) -> None:
    fabricate(name, dataset)
    made = study_from_template(name=name, wanted=Wanted("A", "a", (dataset,)), by=None)
    assert made.notes == ()
    study = made.study
    assert (study.clips.count(), study.pairs.count()) == (clips, pairs)
    summary = expected_trials(study)
    assert summary.refusals == ()
    counted = templates.counts(name)
    assert counted is not None
    assert (summary.ratings, summary.trials, summary.blocks) == (ratings, ratings, blocks)
    assert (counted.ratings, counted.trials, counted.blocks, counted.clips) == (ratings, ratings, blocks, clips)
    assert counted.comparisons == summary.comparisons == ratings // 3
    # Level over genres: none has more than one clip more than another.
    genres = Counter(study.clips.values_list("genre", flat=True))
    assert max(genres.values()) - min(genres.values()) <= 1


def test_the_two_studies_together_fit_what_is_told_of_the_papers() -> None:
    both = [templates.counts(name) for name in ("paper-mv100k", "paper-musiccaps")]
    assert sum(one.ratings for one in both if one) == 3585  # “3,500+”
    assert sum(one.blocks for one in both if one) == 200  # “about 200 raters”


def test_music_video_templates_have_the_genres_of_the_papers_human_study() -> None:
    for name in ("paper-mv100k", "paper-ablation"):
        rule = templates.template(name).clips
        assert isinstance(rule, ClipRule)
        assert set(rule.genres) == set(IN_PAPERS_HUMAN_STUDY)


def test_text_is_read_by_every_variant_of_the_musiccaps_study_and_by_none_of_the_others() -> None:
    def variants(name: str) -> set[str]:
        return {entry.key for entry in templates.template(name).systems if entry.key.startswith("v2meow")}

    assert {key.removesuffix("-text") for key in variants("paper-musiccaps")} == variants("paper-mv100k")
    assert all(key.endswith("-text") for key in variants("paper-musiccaps"))
    assert variants("paper-mv100k") == variants("paper-ablation")


@pytest.mark.parametrize("name", templates.names())
def test_every_template_says_where_its_numbers_are_from_and_is_written_as_it_is_read(name: str) -> None:
    document = templates.template(name)
    assert document.head is not None
    assert document.head.source
    assert read(write(document)) == document
    assert all(entry.instead or entry.preset == "default" for entry in document.systems)


def test_the_papers_templates_come_first() -> None:
    assert templates.names() == ("paper-mv100k", "paper-musiccaps", "paper-ablation", "blank")
