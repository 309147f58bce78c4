"""What a folder or manifest names, and what each bad line is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studyapp import manifest
from studyapp.errors import DuetError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.mp4", "b.webm", "c.MOV"):
        (tmp_path / name).write_bytes(b"video")
    return tmp_path


def write(folder: Path, text: str, name: str = "manifest.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_folder_without_manifest_lists_its_media_and_names_the_rest(folder: Path) -> None:
    (folder / "README.md").write_text("hello")
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "sub").mkdir()
    listing = manifest.read(folder)
    assert [(entry.clip_id, entry.genre, entry.start_s) for entry in listing.entries] == [
        ("a", "", 0.0),
        ("b", "", 0.0),
        ("c", "", 0.0),
    ]
    assert listing.ignored == ["README.md", "sub"]
    assert not listing.refused


def test_a_name_that_is_no_text_is_refused_and_can_be_printed(folder: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.mp4")).write_bytes(b"video")
    except OSError:
        pytest.skip("this disk takes no name that is not UTF-8")
    listing = manifest.read(folder)
    assert [entry.clip_id for entry in listing.entries] == ["a", "b", "c"]
    (refusal,) = listing.refused
    assert (
        str(refusal).encode() == b"caf\\udce9.mp4: the name holds characters that cannot be read; rename the file."
    )


@pytest.mark.parametrize("value", ["\\u0000", "\\ud83d"])
def test_a_manifest_line_that_no_database_could_store_is_refused(folder: Path, value: str) -> None:
    lines = f'{{"file": "a.mp4", "caption": "loud{value}"}}\n{{"file": "b.webm"}}\n'
    listing = manifest.read(write(folder, lines, "manifest.jsonl"))
    assert [entry.clip_id for entry in listing.entries] == ["b"]
    assert "caption holds a character that cannot be stored" in str(listing.refused[0])


def test_manifest_inside_the_folder_is_the_one_read(folder: Path) -> None:
    write(folder, "file,genre\nb.webm,Rock\n")
    listing = manifest.read(folder)
    assert [(entry.clip_id, entry.genre) for entry in listing.entries] == [("b", "Rock")]


def test_two_manifests_in_one_folder_must_be_named(folder: Path) -> None:
    write(folder, "file\na.mp4\n")
    write(folder, '{"file": "a.mp4"}\n', "manifest.jsonl")
    with pytest.raises(DuetError, match="name the one you mean"):
        manifest.read(folder)
    assert len(manifest.read(folder / "manifest.jsonl").entries) == 1


def test_csv_header_is_read_as_people_write_it(folder: Path) -> None:
    path = folder / "list.csv"
    path.write_bytes(
        "\ufeffFile,Clip ID,Genre,Caption,License,Start time\r\n"
        'a.mp4,one,Rock,"loud, fast",CC-BY,1:02.5\r\n\r\n'.encode()
    )
    (entry,) = manifest.read(path).entries
    assert entry == manifest.Entry(
        where="list.csv line 2",
        file=folder / "a.mp4",
        clip_id="one",
        genre="Rock",
        caption="loud, fast",
        licence="CC-BY",
        start_s=62.5,
    )


def test_json_lines_give_the_same_entry(folder: Path) -> None:
    path = write(
        folder,
        '{"file": "a.mp4", "clip id": "one", "genre": "Rock", "start time": 62.5, "caption": null}\n\n',
        "list.jsonl",
    )
    (entry,) = manifest.read(path).entries
    assert (entry.clip_id, entry.genre, entry.start_s, entry.caption) == ("one", "Rock", 62.5, "")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("gone.mp4,,,", "there is no file “gone.mp4” beside the manifest"),
        (",x,,", "names no file"),
        ("a.mp4,x,,-3", "the start “-3” is not a time"),
        ("a.mp4,x,,nan", "the start “nan” is not a time"),
        ("a.mp4,x,,soon", "the start “soon” is not a time"),
        ("a.mp4,x,,1:2:3:4", "is not a time"),
        ("a.mp4,x", "2 values for 4 columns"),
        ("a.mp4,x,Rock,1,2", "5 values for 4 columns"),
        ("a.mp4,x/y,Rock,1", "holds a slash"),
        (f"a.mp4,x,{'g' * 81},1", "genre has 81 characters; shorten it to at most 80"),
        ("b.webm,good,Rock,0", "the clip id “good” is already taken by manifest.csv line 2"),
    ],
)
def test_bad_csv_line_is_named_and_the_good_one_kept(folder: Path, line: str, said: str) -> None:
    write(folder, f"file,clip_id,genre,start\nb.webm,good,Rock,0\n{line}\n")
    listing = manifest.read(folder)
    assert [entry.clip_id for entry in listing.entries] == ["good"]
    (refusal,) = listing.refused
    assert str(refusal).startswith("manifest.csv line 3: ")
    assert said in refusal.reason


def test_unknown_csv_column_is_named_once_and_the_lines_are_kept(folder: Path) -> None:
    write(folder, "file,mood\na.mp4,sad\nb.webm,glad\n")
    listing = manifest.read(folder)
    assert len(listing.entries) == 2
    (refusal,) = listing.refused
    assert refusal.reason == (
        "the column “mood” is not known; rename or remove it. "
        "The columns are file, clip_id, genre, labels, tags, caption, licence, source, start."
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{'file'}", "not JSON"),
        ('["a.mp4"]', "not a JSON object"),
        ('{"file": "a.mp4", "mood": "sad"}', "the column “mood” is not known"),
        ('{"file": "a.mp4", "genre": ["Rock"]}', "give text or a number"),
        ('{"file": "a.mp4", "start": true}', "give text or a number"),
        ('{"genre": "Rock"}', "names no file"),
    ],
)
def test_bad_json_line_is_named_and_the_good_one_kept(folder: Path, line: str, said: str) -> None:
    path = write(folder, f'{{"file": "b.webm"}}\n{line}\n', "list.jsonl")
    listing = manifest.read(path)
    assert [entry.clip_id for entry in listing.entries] == ["b"]
    (refusal,) = listing.refused
    assert refusal.where == "list.jsonl line 2"
    assert said in refusal.reason


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no column “file”"),
        ("clip,genre\nx,Rock\n", "has no column “file”"),
        ("file;genre\na.mp4;Rock\n", "separated by commas"),
        ("file,genre,genre\na.mp4,Rock,Pop\n", "has the column “genre” twice"),
        ("file,genre\n", "names no video"),
        ('file\n"a.mp4\n', "cannot be read as UTF-8 CSV"),
    ],
)
def test_csv_that_cannot_be_read_at_all_says_why(folder: Path, text: str, said: str) -> None:
    write(folder, text)
    with pytest.raises(DuetError, match=said):
        manifest.read(folder)


def test_manifest_in_another_encoding_says_so(folder: Path) -> None:
    (folder / "manifest.csv").write_bytes("file,genre\na.mp4,Größe\n".encode("latin-1"))
    with pytest.raises(DuetError, match="UTF-8"):
        manifest.read(folder)


def test_sources_that_are_not_there_or_not_readable_as_a_list(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DuetError, match="does not exist"):
        manifest.read(folder / "nowhere")
    with pytest.raises(DuetError, match="neither a folder nor a manifest"):
        manifest.read(folder / "a.mp4")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DuetError, match="names no video"):
        manifest.read(tmp_path / "empty")


def test_labels_tags_and_source_are_read_and_the_rule_makes_the_genre(folder: Path) -> None:
    write(
        folder,
        "file,labels,tags,url\n"
        'a.mp4,"/m/06by7;/m/05r6t","Music Scene; live",https://example.org/a\n'
        "b.webm,Pop music;Rock,,\n"
        "c.MOV,,,\n",
    )
    punk, tied, bare = manifest.read(folder).entries
    assert (punk.genre, punk.genre_rule, punk.labels) == ("Punk rock", "audioset-1", ("/m/06by7", "/m/05r6t"))
    assert (punk.tags, punk.source_url) == (("live", "music-scene"), "https://example.org/a")
    assert (tied.genre, tied.genre_rule, tied.labels) == ("", "", ("/m/064t9", "/m/06by7"))
    assert (bare.genre, bare.labels, bare.tags) == ("", (), ())


def test_a_genre_that_is_given_goes_before_the_rule(folder: Path) -> None:
    write(folder, "file,genre,labels\na.mp4,Rock,/m/05r6t\nb.webm,/m/05r6t,\n")
    given, by_id = manifest.read(folder).entries
    assert (given.genre, given.genre_rule) == ("Rock", "")
    assert (by_id.genre, by_id.genre_rule) == ("Punk rock", "audioset-1")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a.mp4,!!,,", "the tag “!!” cannot be used"),
        ("a.mp4,,javascript:alert(1),", "is no web address"),
        ("a.mp4,,,=HYPERLINK(1)", "the label “=HYPERLINK(1)” cannot be used"),
        (f"a.mp4,{';'.join(f't{n}' for n in range(21))},,", "21 tags are too many"),
    ],
)
def test_bad_tags_sources_and_labels_are_told(folder: Path, line: str, said: str) -> None:
    write(folder, f"file,tags,source,labels\n{line}\n")
    (refusal,) = manifest.read(folder).refused
    assert said in refusal.reason


def test_json_lines_may_give_tags_and_labels_as_lists(folder: Path) -> None:
    path = write(folder, '{"file": "a.mp4", "tags": ["live", "Dance"], "labels": ["Reggae"]}\n', "list.jsonl")
    (entry,) = manifest.read(path).entries
    assert (entry.tags, entry.genre) == (("dance", "live"), "Reggae")


def test_a_file_outside_of_the_folder_is_not_read_where_that_is_asked(folder: Path, tmp_path: Path) -> None:
    inside = folder / "inside"
    inside.mkdir()
    (inside / "own.mp4").write_bytes(b"video")
    (inside / "link.mp4").symlink_to(folder / "a.mp4")
    write(inside, f"file\nown.mp4\n../a.mp4\n{folder / 'b.webm'}\nlink.mp4\n")
    listing = manifest.read(inside, within=inside)
    assert [entry.clip_id for entry in listing.entries] == ["own"]
    assert [refusal.reason for refusal in listing.refused] == [
        f"the file “{name}” lies elsewhere on the server; copy it to the manifest's folder."
        for name in ("../a.mp4", folder / "b.webm", "link.mp4")
    ]
    assert len(manifest.read(inside).entries) == 4


def test_a_list_that_is_far_too_long_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(folder, "file\na.mp4\n")
    monkeypatch.setattr("studyapp.manifest.rows.MOST_BYTES", 5)
    with pytest.raises(DuetError, match="split the list into parts"):
        manifest.read(path)


def test_a_text_is_a_manifest_only_if_it_lists_sequences() -> None:
    assert manifest.is_manifest("list.csv", "anything")
    assert manifest.is_manifest("Test.TXT", "\ufeffgBR_sBM_cAll_d04_mBR0_ch01\n")
    assert not manifest.is_manifest("README.txt", "Read me first\n")
    assert not manifest.is_manifest("a.mp4", "file\n")
