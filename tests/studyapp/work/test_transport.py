"""The embedded broker: whole messages, each taken once, none lost with its reader."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from kombu import Connection, Queue
from kombu.exceptions import OperationalError

from studyapp import tasks
from studyapp.work import transport
from studyapp.work.queues import QUEUES

QUEUE = Queue("cpu")


@pytest.fixture
def broker() -> Iterator[Connection]:
    transport.register()
    with Connection("duetfs://embedded") as connection:
        yield connection


def send(connection: Connection, *bodies: object) -> None:
    with connection.Producer() as producer:
        for body in bodies:
            producer.publish(body, routing_key="cpu", declare=[QUEUE], serializer="json")


def folder() -> Path:
    return Path(settings.EMBEDDED_BROKER_DIR)


def waiting() -> int:
    return len([name for name in os.listdir(folder() / "queues" / "cpu") if not name.startswith(".")])


def test_messages_come_in_the_order_they_were_sent_and_go_when_acknowledged(broker: Connection) -> None:
    send(broker, *range(20))
    got = []
    with broker.SimpleQueue(QUEUE) as queue:
        for _ in range(20):
            message = queue.get(timeout=5)
            got.append(message.payload)
            message.ack()
    assert got == list(range(20))
    assert waiting() == 0
    assert not list(folder().rglob("*@*"))


def test_unacknowledged_and_requeued_messages_come_again(broker: Connection) -> None:
    send(broker, "first", "second")
    with Connection("duetfs://embedded") as other, other.SimpleQueue(QUEUE) as queue:
        queue.get(timeout=5)
        queue.get(timeout=5).requeue()
    assert waiting() == 2
    with broker.SimpleQueue(QUEUE) as queue:
        assert queue.get(timeout=5).payload == "first"


def test_rejected_message_is_gone(broker: Connection) -> None:
    send(broker, "bad")
    with broker.SimpleQueue(QUEUE) as queue:
        queue.get(timeout=5).reject()
    assert waiting() == 0
    assert not list(folder().rglob("*@*"))


def test_unreadable_message_is_set_aside_and_the_next_one_read(broker: Connection) -> None:
    send(broker, "good")
    (folder() / "queues" / "cpu" / "0").write_text('{"half')
    with broker.SimpleQueue(QUEUE) as queue:
        message = queue.get(timeout=5)
        message.ack()
        assert message.payload == "good"
    assert (folder() / "unreadable" / "0").exists()


def test_many_readers_and_writers_at_once_lose_and_repeat_nothing(broker: Connection) -> None:
    writers, readers, each = 3, 3, 60
    got: list[int] = []
    done = threading.Event()

    def write(start: int) -> None:
        with Connection("duetfs://embedded") as connection:
            send(connection, *range(start, start + each))

    def read() -> None:
        with Connection("duetfs://embedded") as connection, connection.SimpleQueue(QUEUE) as queue:
            while not done.is_set():
                try:
                    message = queue.get(timeout=0.3)
                except queue.Empty:
                    continue
                message.ack()
                got.append(message.payload)

    threads = [threading.Thread(target=write, args=(number * each,)) for number in range(writers)]
    threads += [threading.Thread(target=read) for _ in range(readers)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(got) < writers * each and time.monotonic() < deadline:
        time.sleep(0.05)
    done.set()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(writers * each))


def test_each_task_goes_to_its_own_queue_and_to_no_other() -> None:
    for queue in QUEUES:
        tasks.render_stimulus.apply_async((1,), queue=queue)
    tasks.build_dataset.delay(1)
    tasks.sweep.delay()
    tasks.simulate_pilot.delay(1, 1)
    counts = {queue: len(list((folder() / "queues" / queue).iterdir())) for queue in QUEUES}
    assert counts == {"gpu": 1, "cpu": 1, "short": 4}


READER = """
import sys, time
from django.conf import settings
settings.EMBEDDED_BROKER_DIR = sys.argv[1]
from kombu import Connection, Queue
from studyapp.work import transport
transport.register()
queue = Connection("duetfs://embedded").SimpleQueue(Queue("cpu"))
queue.get(timeout=10)
print("taken", flush=True)
time.sleep(60)
"""


def test_what_a_killed_reader_held_is_put_back_but_not_what_a_living_one_holds(broker: Connection) -> None:
    send(broker, "precious")
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(folder())],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "studyapp.settings"},
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "taken\n"
        assert transport.give_back_of_the_dead(folder()) == 0
        assert waiting() == 0
        os.kill(reader.pid, signal.SIGKILL)
    with broker.SimpleQueue(QUEUE) as queue:  # every reader looks for the dead when it starts
        message = queue.get(timeout=5)
        message.ack()
    assert message.payload == "precious"


def test_writer_that_dies_half_way_leaves_nothing_to_read(broker: Connection) -> None:
    send(broker, "whole")
    (folder() / "queues" / "cpu" / ".00000000000000000001-half").write_text(json.dumps({"half": 1})[:5])
    with broker.SimpleQueue(QUEUE) as queue:
        message = queue.get(timeout=5)
        message.ack()
        assert message.payload == "whole"
        with pytest.raises(queue.Empty):
            queue.get(timeout=0.3)


def test_broker_that_cannot_be_written_to_raises_instead_of_losing_the_message(
    broker: Connection, tmp_path: Path
) -> None:
    settings.EMBEDDED_BROKER_DIR = tmp_path / "file"
    (tmp_path / "file").write_text("not a folder")
    with Connection("duetfs://embedded") as connection, pytest.raises((OSError, OperationalError)):
        send(connection, "lost")
