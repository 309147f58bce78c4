"""Lists as of MusicCaps, MV100K or AudioSet, and AIST++: recognised by their header, films found beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from studyapp import manifest
from studyapp.errors import DuetError

MUSICCAPS = (
    "ytid,start_s,end_s,audioset_positive_labels,aspect_list,caption,author_id,"
    "is_balanced_subset,is_audioset_eval\n"
)
ONE, OTHER = "-0Gj8-vB1q4", "zyXWvutsR_1"


def films(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"video")


def write(folder: Path, text: str, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def musiccaps(ytid: str = ONE, start: str = "30", end: str = "40", labels: str = "/m/04rlf,/m/07gxw") -> str:
    aspects = """"['low quality', ""it's live""]\""""
    return f'{MUSICCAPS}{ytid},{start},{end},"{labels}",{aspects},"Fast, loud.",4,True,False\n'


def test_musiccaps_gives_caption_genre_subset_and_source(tmp_path: Path) -> None:
    films(tmp_path, f"{ONE}.mp4")
    listing = manifest.read(write(tmp_path, musiccaps()))
    (entry,) = listing.entries
    assert listing.shape == "MusicCaps"
    assert not listing.refused
    assert not listing.ignored
    assert (entry.clip_id, entry.genre, entry.genre_rule) == (ONE, "Electronic music", "audioset-1")
    assert (entry.caption, entry.tags) == ("Fast, loud.", ("balanced-subset",))
    assert entry.source_url == f"https://www.youtube.com/watch?v={ONE}&t=30s"
    # The film may be the whole video or the segment alone; which, its length says.
    assert (entry.start_s, entry.segment_s) == (30.0, 10.0)


def test_without_a_caption_its_aspects_stand_for_it(tmp_path: Path) -> None:
    films(tmp_path, f"{ONE}.mp4")
    (entry,) = manifest.read(write(tmp_path, musiccaps().replace('"Fast, loud."', ""))).entries
    assert entry.caption == "low quality, it's live"


@pytest.mark.parametrize(
    ("name", "start_s"),
    [
        (f"{ONE}.mp4", 30.0),
        (f"[{ONE}].webm", 30.0),
        (f"A title, any [{ONE}].mkv", 30.0),
        (f"videos/{ONE}.mp4", 30.0),
        (f"{ONE}_30.mp4", 0.0),
        (f"{ONE}-30.mp4", 0.0),
        (f"{ONE}_30_40.mp4", 0.0),
        (f"{ONE}_30.000_40.000.mp4", 0.0),
        (f"{ONE}_30000_40000.mp4", 0.0),
        (f"{ONE}_000030.mp4", 0.0),
        (f"[{ONE}]-[30-40].mp4", 0.0),
    ],
)
def test_films_are_found_by_their_usual_names(tmp_path: Path, name: str, start_s: float) -> None:
    films(tmp_path, name, f"{OTHER}.mp4", f"{ONE}.wav")
    (entry,) = manifest.read(write(tmp_path, musiccaps())).entries
    assert (entry.file, entry.start_s) == (tmp_path / name, start_s)


def test_a_film_that_was_cut_goes_before_the_whole_one(tmp_path: Path) -> None:
    films(tmp_path, f"{ONE}.mp4", f"{ONE}_30.mp4")
    (entry,) = manifest.read(write(tmp_path, musiccaps())).entries
    assert entry.file.name == f"{ONE}_30.mp4"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (musiccaps(ytid="gone1234567"), "there is no film of “gone1234567” beside the manifest; name it"),
        (musiccaps(ytid="../../etc"), "“../../etc” is no YouTube id"),
        (musiccaps(start="40", end="30"), "the end “30” is not after the start “40”"),
        (musiccaps(end="late"), "the end “late” is not a time"),
    ],
)
def test_bad_lines_of_a_list_are_told(tmp_path: Path, line: str, said: str) -> None:
    films(tmp_path, f"{ONE}.mp4")
    (refusal,) = manifest.read(write(tmp_path, line)).refused
    assert refusal.where == "list.csv line 2"
    assert said in refusal.reason


def test_two_films_of_one_name_are_not_chosen_among(tmp_path: Path) -> None:
    films(tmp_path, f"{ONE}.mp4", f"videos/{ONE}.webm")
    (refusal,) = manifest.read(write(tmp_path, musiccaps())).refused
    assert f"“{ONE}” may be {ONE}.mp4 and videos/{ONE}.webm; keep one of them." == refusal.reason


def test_a_music_video_list_names_segments_of_one_video_apart(tmp_path: Path) -> None:
    films(tmp_path, f"{ONE}.mp4", f"{OTHER}.mp4")
    head = "Video ID,Start,End,Labels,Genre,licence,views\n"
    lines = f"{ONE},0,10,Rock;Punk rock,,,1\n{ONE},60,70,,Reggae,CC0,2\n{OTHER},12.5,,,,,3\n"
    listing = manifest.read(write(tmp_path, head + lines))
    assert listing.shape == "a list of YouTube videos, as of MV100K or AudioSet"
    assert listing.ignored == ["column views"]
    assert [(entry.clip_id, entry.genre, entry.start_s, entry.licence) for entry in listing.entries] == [
        (f"{ONE}_0", "Punk rock", 0.0, ""),
        (f"{ONE}_60", "Reggae", 60.0, "CC0"),
        (OTHER, "", 12.5, ""),
    ]


def test_audiosets_own_lists_begin_with_remarks(tmp_path: Path) -> None:
    films(tmp_path, f"{ONE}_30.mp4")
    text = (
        "# Segments csv created Sun Mar  5 10:54:31 2017\n# num_ytids=1, num_segs=1\n"
        "# YTID, start_seconds, end_seconds, positive_labels\n"
        f'{ONE}, 30.000, 40.000, "/m/0glt670,/m/04rlf"\n'
    )
    (entry,) = manifest.read(write(tmp_path, text)).entries
    assert (entry.genre, entry.labels, entry.segment_s) == ("Hip hop music", ("/m/0glt670", "/m/04rlf"), 10.0)


def test_sequences_of_aist_have_their_dance_in_their_name(tmp_path: Path) -> None:
    films(
        tmp_path, "gBR_sBM_c01_d04_mBR0_ch01.mp4", "gBR_sBM_c02_d04_mBR0_ch01.mp4", "gKR_sFM_c03_d28_mKR3_ch05.mp4"
    )
    names = ["gBR_sBM_cAll_d04_mBR0_ch01", "", "gKR_sFM_c03_d28_mKR3_ch05", "gHO_sBM_cAll_d20_mHO5_ch01", "notes"]
    text = "\n".join(["# test split", *names, ""])
    listing = manifest.read(write(tmp_path, text, "crossmodal_test.txt"))
    assert listing.shape == "a list of AIST++ sequences"
    first, second = listing.entries
    assert (first.clip_id, first.genre, first.genre_rule) == (
        "gBR_sBM_cAll_d04_mBR0_ch01",
        "Break dance",
        "aist-1",
    )
    assert first.file.name == "gBR_sBM_c01_d04_mBR0_ch01.mp4"
    assert (second.genre, second.file.name) == ("Krump dance", "gKR_sFM_c03_d28_mKR3_ch05.mp4")
    gone, other = listing.refused
    assert "copy one camera's there, such as “gHO_sBM_c01_d20_mHO5_ch01.mp4”" in gone.reason
    assert "“notes” is no sequence of AIST" in other.reason


def test_a_table_of_sequences_may_say_more(tmp_path: Path) -> None:
    films(tmp_path, "gPO_sBM_c01_d10_mPO0_ch01.mp4")
    text = "sequence_name,start,tags\ngPO_sBM_cAll_d10_mPO0_ch01,2,one dancer\n"
    (entry,) = manifest.read(write(tmp_path, text)).entries
    assert (entry.genre, entry.start_s, entry.tags) == ("Pop dance", 2.0, ("one-dancer",))


def test_a_header_that_tells_no_shape_names_them_all(tmp_path: Path) -> None:
    with pytest.raises(DuetError, match=r"no column “file”.*ytid and aspect_list \(MusicCaps\).*AIST\+\+"):
        manifest.read(write(tmp_path, "name,mood\nx,sad\n"))
