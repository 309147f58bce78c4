"""The page of a study's soundtracks and the listening grid: who sees what, what is counted, what a button does."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from studyapp.actions.file_checks import check_files, go_on_checking
from studyapp.models import AuditLine, Comparison, FileCheck, Stimulus, Study, System, User
from studyapp.soundtracks.progress import soundtracks
from studyapp.states import StimulusState
from tests.studyapp.factories import (
    make_member,
    make_researcher,
    make_stimulus,
    make_study,
    make_system,
    open_study,
)

pytestmark = pytest.mark.django_db

GETS = ("research-soundtracks", "research-soundtracks-live", "research-listen")
POSTS = ("research-retry-group", "research-check-files")


@pytest.fixture
def study() -> Study:
    """Three clips with two systems, one of which is slow."""
    study = open_study(clips=3, blocks=1, systems=(make_system(slug="quick-one"), make_system(slug="slow-one")))
    Stimulus.objects.filter(system__slug="quick-one").update(took_s=10.0)
    Stimulus.objects.filter(system__slug="slow-one").update(took_s=50.0)
    return study


def address(name: str, study: Study) -> str:
    return reverse(name, args=[study.slug])


def member(client: Client, study: Study, **fields: Any) -> User:
    user = make_researcher(is_superuser=False)
    make_member(study, user, **fields)
    client.force_login(user)
    return user


def fails(study: Study, number: int, error: str, slug: str = "slow-one") -> Stimulus:
    """The stimulus of the study's clip of that number has failed."""
    row: Stimulus = Stimulus.objects.filter(system__slug=slug).order_by("pk")[number]
    Stimulus.objects.filter(pk=row.pk).update(
        state=StimulusState.FAILED, error=error.format(row.clip.clip_id), file_sha256="", ready_at=None
    )
    return row


def messages(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_strangers_are_asked_to_sign_in_and_those_who_are_no_members_find_nothing(
    client: Client, study: Study
) -> None:
    for name in GETS:
        assert "/admin/login/" in client.get(address(name, study))["Location"]
    for name in POSTS:
        assert "/admin/login/" in client.post(address(name, study))["Location"]
    client.force_login(make_researcher(is_superuser=False))
    assert [client.get(address(name, study)).status_code for name in GETS] == [404] * 3
    assert [client.post(address(name, study)).status_code for name in POSTS] == [404] * 2


@pytest.mark.parametrize(
    ("fields", "gets", "posts"),
    [
        ({"role": "viewer"}, [200, 200, 403], [403, 403]),
        ({"role": "viewer", "sees_names": True}, [200, 200, 200], [403, 403]),
        ({"role": "editor"}, [200, 200, 403], [302, 403]),
        ({"role": "editor", "sees_names": True}, [200, 200, 200], [302, 302]),
        ({"role": "owner", "sees_names": True}, [200, 200, 200], [302, 302]),
    ],
)
def test_each_part_may_do_what_it_may(
    client: Client, study: Study, fields: dict[str, Any], gets: list[int], posts: list[int]
) -> None:
    member(client, study, **fields)
    assert [client.get(address(name, study)).status_code for name in GETS] == gets
    assert [client.post(address(name, study)).status_code for name in POSTS] == posts


def test_who_works_blind_reads_letters_and_nothing_that_gives_them_away(client: Client, study: Study) -> None:
    fails(study, 0, "the sound font of slow-one is missing for {}")
    Stimulus.objects.filter(system__slug="slow-one", state=StimulusState.READY).update(
        state=StimulusState.RENDERING, doing="slow-one writes notes", worker="w", last_sign_of_life=timezone.now()
    )
    member(client, study, role="editor")
    text = client.get(address("research-soundtracks", study)).content.decode()
    assert "System A" in text
    assert "System B" in text
    for told in ("quick-one", "slow-one", "sound font", "10.0 s", "50.0 s", "writes notes"):
        assert told not in text, told
    member(client, study, role="viewer", sees_names=True)
    text = client.get(address("research-soundtracks", study)).content.decode()
    for told in ("quick-one", "slow-one", "sound font", "10.0 s a soundtrack", "writes notes"):
        assert told in text, told


def test_a_system_of_gold_pairs_alone_has_no_letter(study: Study) -> None:
    truth = make_system(slug="truth")
    Study.objects.filter(pk=study.pk).update(gold_truth=truth, gold_foil=System.objects.get(slug="quick-one"))
    study.refresh_from_db()
    pair = study.comparisons.earliest("id")
    better = make_stimulus(pair.clip, truth)
    Comparison.objects.create(
        study=study, clip=pair.clip, stimulus_1=pair.stimulus_1, stimulus_2=better, kind="gold", expected=truth
    )
    made = soundtracks(study, names=False, price=None, now=timezone.now())
    assert [line.label for line in made.lines] == ["System A", "System B", "Gold pairs: the better"]


def test_cost_so_far_and_to_come_follows_from_what_was_measured(
    client: Client, study: Study, settings: Any
) -> None:
    settings.GENERATION_THREADS = 2
    waiting = Stimulus.objects.filter(system__slug="slow-one").latest("pk")
    Stimulus.objects.filter(pk=waiting.pk).update(state=StimulusState.REQUESTED, took_s=None)
    client.force_login(make_researcher())
    page = client.get(address("research-soundtracks", study), {"price": "3,6"}, follow=True)
    assert page.redirect_chain == [(address("research-soundtracks", study), 302)]
    cost = page.context["made"].cost
    assert cost.hours_so_far == pytest.approx((3 * 10 + 2 * 50) * 2 / 3600)
    assert cost.hours_to_come == pytest.approx(50 * 2 / 3600)
    assert cost.money_to_come == pytest.approx(0.1)
    assert cost.unknown == ()
    # Kept for this sign-in, and nowhere else.
    assert client.get(address("research-soundtracks-live", study)).context["made"].cost.price == 3.6
    assert (
        client.get(address("research-soundtracks", study), {"price": ""}, follow=True).context["made"].cost.price
        is None
    )


@pytest.mark.parametrize("price", ["free", "-1", "nan", "inf"])
def test_a_price_that_is_none_is_told_and_the_old_one_stands(client: Client, study: Study, price: str) -> None:
    client.force_login(make_researcher())
    client.get(address("research-soundtracks", study), {"price": "2"})
    page = client.get(address("research-soundtracks", study), {"price": price})
    assert page.status_code == 200
    assert page.context["form"].errors
    assert page.context["made"].cost.price == 2.0


def test_a_system_that_was_never_timed_is_named_and_not_guessed(study: Study) -> None:
    Stimulus.objects.filter(system__slug="slow-one").update(state=StimulusState.REQUESTED, took_s=None)
    made = soundtracks(study, names=True, price=None, now=timezone.now())
    assert made.cost.unknown == ("slow-one",)
    assert made.cost.hours_to_come == 0.0
    assert made.disk.to_come == 3 * 4096


def test_a_disk_without_room_for_the_rest_is_told_before_it_is_full(client: Client, study: Study) -> None:
    Stimulus.objects.filter(system__slug="slow-one").update(state=StimulusState.REQUESTED)
    Stimulus.objects.filter(system__slug="quick-one").update(file_bytes=1 << 60)
    client.force_login(make_researcher())
    assert "The disk will not do" in client.get(address("research-soundtracks", study)).content.decode()


def test_work_that_nobody_does_is_told_with_the_way_out(client: Client, study: Study) -> None:
    client.force_login(make_researcher())
    now = timezone.now()
    page = address("research-soundtracks", study)
    assert "No worker is running" not in client.get(page).content.decode()
    row = Stimulus.objects.filter(system__slug="slow-one").latest("pk")
    # Sent, and still named after the worker that had it last.
    asked = {"state": StimulusState.REQUESTED, "worker": "old@host (1)", "last_sign_of_life": now}
    Stimulus.objects.filter(pk=row.pk).update(**asked)
    text = client.get(page).content.decode()
    assert "No worker is running" in text
    assert ("python manage.py work" if settings.EMBEDDED else "docker compose up -d") in text
    assert "old@host" not in text
    busy = Stimulus.objects.filter(system__slug="quick-one").latest("pk")
    Stimulus.objects.filter(pk=busy.pk).update(
        state=StimulusState.RENDERING, worker="new@host (2)", last_sign_of_life=now
    )
    text = client.get(page).content.decode()
    assert "No worker is running" not in text
    assert "new@host (2)" in text
    Stimulus.objects.filter(pk=busy.pk).update(last_sign_of_life=now - timedelta(minutes=5))
    assert "No worker is running" in client.get(page).content.decode()


def test_failures_are_grouped_by_reason_and_each_group_has_its_button(client: Client, study: Study) -> None:
    alike = [fails(study, number, f"{{}} needs {number}.5 s more") for number in (0, 1)]
    other = fails(study, 2, "{}: no weights", slug="quick-one")
    client.force_login(make_researcher())
    page = client.get(address("research-soundtracks", study))
    groups = page.context["made"].failures
    assert [(group.count, group.systems) for group in groups] == [
        (2, (("slow-one", 2),)),
        (1, (("quick-one", 1),)),
    ]
    assert set(groups[0].clips) == {row.clip.clip_id for row in alike}
    answer = client.post(address("research-retry-group", study), {"cause": groups[0].key}, follow=True)
    assert messages(answer) == ["2 soundtracks asked for again."]
    states = dict(Stimulus.objects.filter(pk__in=[row.pk for row in (*alike, other)]).values_list("pk", "state"))
    assert states == {
        alike[0].pk: StimulusState.REQUESTED,
        alike[1].pk: StimulusState.REQUESTED,
        other.pk: StimulusState.FAILED,
    }
    assert AuditLine.objects.get(verb="failed stimuli asked for again").details["stimuli"] == 2
    # Pressed twice, or by two: nothing is sent twice.
    again = client.post(address("research-retry-group", study), {"cause": groups[0].key}, follow=True)
    assert messages(again) == ["Nothing fails for that reason any more; look at the page again"]


def test_a_systems_failures_are_asked_for_again_by_its_name_or_letter(client: Client, study: Study) -> None:
    fails(study, 0, "no")
    fails(study, 1, "no", slug="quick-one")
    member(client, study, role="editor")
    made = client.get(address("research-soundtracks", study)).context["made"]
    label = next(line.label for line in made.lines if line.progress.slug == "slow-one")
    refused = client.post(address("research-retry-group", study), {"system": "slow-one"}, follow=True)
    assert "no system of this study is called 'slow-one'" in messages(refused)[0].lower()
    answer = client.post(address("research-retry-group", study), {"system": label}, follow=True)
    assert messages(answer) == ["1 soundtrack asked for again."]
    assert Stimulus.objects.get(state=StimulusState.FAILED).system.slug == "quick-one"


def test_an_empty_study_says_what_to_do_next(client: Client) -> None:
    study = make_study()
    client.force_login(make_researcher())
    assert "Build the design" in client.get(address("research-soundtracks", study)).content.decode()
    assert "Build the design" in client.get(address("research-listen", study)).content.decode()


def test_the_grid_has_a_player_for_each_finished_soundtrack_and_loads_none(client: Client, study: Study) -> None:
    Stimulus.objects.update(peaks=[0.0, 0.25, 1.0])
    failed = fails(study, 0, "no weights")
    lost = Stimulus.objects.ready().latest("pk")
    lost.path.unlink()
    client.force_login(make_researcher())
    text = client.get(address("research-listen", study)).content.decode()
    assert text.count("data-play=") == 4
    assert "<video" not in text
    for row in (failed, lost):
        assert reverse("research-stimulus-video", args=[row.pk]) not in text
    assert "no weights" in text
    assert "file lost" in text
    assert 'd="M0.5 23.5v1.0M1.5 12.0v24.0M2.5 0.0v48.0"' in text
    assert "-23.0 LUFS" in text


def test_versions_that_differ_are_marked_and_can_be_listed_alone(client: Client, study: Study) -> None:
    pair = study.comparisons.select_related("clip").earliest("id")
    Stimulus.objects.filter(pk=pair.stimulus_1_id).update(lufs=-22.5)
    client.force_login(make_researcher())
    page = client.get(address("research-listen", study), {"differing": "1"})
    assert [row.clip for row in page.context["grid"].rows] == [pair.clip]
    assert [cell.stands_out for cell in page.context["grid"].rows[0].cells] == [("loudness",)] * 2
    assert "1 disagreement:" in page.content.decode()


def test_the_grid_goes_by_genre_a_page_at_a_time(client: Client) -> None:
    study = open_study(clips=26, blocks=1, genres=("Rock", "Jazz"))
    client.force_login(make_researcher())
    seen: list[str] = []
    for number in (1, 2, 3):
        rows = client.get(address("research-listen", study), {"page": number}).context["grid"].rows
        seen += [row.clip.genre for row in rows]
    assert seen == ["Jazz"] * 13 + ["Rock"] * 13
    rock = client.get(address("research-listen", study), {"genre": "Rock", "page": "no such page"})
    assert {row.clip.genre for row in rock.context["grid"].rows} == {"Rock"}
    assert "?genre=Rock&amp;page=2" in rock.content.decode()
    nothing = client.get(address("research-listen", study), {"genre": "<script>"})
    assert "No clip is like that" in nothing.content.decode()


def test_files_are_checked_by_a_press_and_what_is_wrong_is_named(client: Client, study: Study) -> None:
    user = member(client, study, role="editor", sees_names=True)
    answer = client.post(address("research-check-files", study), follow=True)
    assert messages(answer) == ["6 files read; all are as they were rendered."]
    assert f"by {user}: 6 good" in answer.content.decode()
    bad = Stimulus.objects.earliest("pk")
    bad.path.write_bytes(bytes(4096))
    told = client.post(address("research-check-files", study), headers={"Accept": "application/json"})
    assert told.json() == {"read": 6, "bad": 1, "left": 0, "wrong": [str(bad)], "lost": []}
    bad.refresh_from_db()
    assert bad.state == StimulusState.FAILED


def test_how_far_a_check_is_the_server_knows_and_no_browser(
    client: Client, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    member(client, study, role="editor", sees_names=True)
    first = Stimulus.objects.earliest("pk")
    first.path.write_bytes(bytes(4096))
    last = Stimulus.objects.latest("pk")
    told = client.post(address("research-check-files", study), {"after": last.pk - 1, "go_on": "1"}, follow=True)
    assert FileCheck.objects.get(study=study).files == 6
    assert messages(told) == [f"1 files are not as they were rendered, and failed: {first}."]
    # A check under way is offered to be gone on with; what was found before stays found.
    Stimulus.objects.update(state=StimulusState.READY)
    for one in (check_files, go_on_checking):
        monkeypatch.setattr(f"studyapp.views.soundtracks.{one.__name__}", partial(one, slice_s=0.0))
    begun = slices(client, study, "")
    assert (begun["read"], begun["left"]) == (1, 5)
    page = client.get(address("research-listen", study), {"after": last.pk}).content.decode()
    assert 'name="go_on" value="1"' in page
    assert "Go on</button>" in page
    for left in (4, 3, 2, 1):
        assert slices(client, study, "1")["left"] == left
    ended = client.post(address("research-check-files", study), {"go_on": "1"}, follow=True)
    assert messages(ended) == ["6 files read; 1 of them were altered or gone."]
    assert "Check files</button>" in ended.content.decode()


def slices(client: Client, study: Study, go_on: str) -> dict[str, Any]:
    answer = client.post(
        address("research-check-files", study), {"go_on": go_on}, headers={"Accept": "application/json"}
    )
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("name", GETS)
def test_a_large_study_takes_as_many_queries_as_a_small_one(client: Client, name: str) -> None:
    client.force_login(make_researcher())
    counts = []
    for size in (2, 14):
        study = open_study(clips=size, blocks=1)
        slugs = list(
            Stimulus.objects.filter(clip__studies=study).values_list("system__slug", flat=True).distinct()
        )
        for number in range(size // 2):
            fails(study, number, f"reason {'x' * number}", slug=slugs[0])
        Stimulus.objects.filter(pk=Stimulus.objects.ready().latest("pk").pk).update(
            state=StimulusState.RENDERING, worker="w", last_sign_of_life=timezone.now()
        )
        study.pairs.get()
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address(name, study)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 20
