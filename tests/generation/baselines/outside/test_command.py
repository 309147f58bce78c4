from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from generation.baselines.outside import command
from generation.contracts import ClipFacts, Failed, GenerationError, Request, Soundtrack
from generation.media.decode import write_wav

from .conftest import AddCommand, WriteFile

FACTS = ClipFacts("forest", 10.0, frozenset(), caption="a walk")
SETTINGS = {"command": "model", "model": "Model 1"}


def generate(request: Request) -> Soundtrack:
    return command.build("default", SETTINGS, "cpu").generate(request, lambda share, what: None)


def failure(request: Request) -> str:
    with pytest.raises(GenerationError) as raised:
        generate(request)
    return str(raised.value)


def test_what_the_program_writes_is_heard_and_what_it_says_is_kept(
    add_command: AddCommand, request_10_s: Request
) -> None:
    add_command("tone(sys.argv[1], 10.2); print('used 3 layers', file=sys.stderr)")
    assert command.refusal(FACTS, SETTINGS) is None
    heard = generate(request_10_s)
    assert heard.waveform.shape == (2, 480_000)
    assert heard.sample_rate_hz == 48_000
    # ffmpeg gives each side of a mono file half its power.
    tone = (9000 * np.sin(np.arange(480_000) / 20)).astype(np.int16) / 32768 / np.sqrt(2)
    assert np.allclose(heard.waveform[0], tone, atol=1e-4)
    assert heard.artefacts == {"stderr.txt": b"used 3 layers\n"}


def test_a_quiet_program_leaves_no_artefact(add_command: AddCommand, request_10_s: Request) -> None:
    add_command("tone(sys.argv[1], 9.8); print('on stdout')")
    assert generate(request_10_s).artefacts == {}


def test_each_placeholder_reaches_the_program_as_one_unchanged_argument(
    add_command: AddCommand, request_10_s: Request, tmp_path: Path
) -> None:
    add_command(
        f"import json; json.dump(sys.argv[1:], open({str(tmp_path / 'told')!r}, 'w')); tone(sys.argv[-1], 10)",
        "--text={text}", "{text}", "{seed}", "for {duration} s", "{video}", "{output}",
    )  # fmt: skip
    generate(request_10_s)
    text, bare, seed, duration, video, _output = json.loads((tmp_path / "told").read_text())
    assert bare == request_10_s.text
    assert text == f"--text={request_10_s.text}"
    assert (seed, duration) == ("7", "for 10.000 s")
    assert Path(video).name == "video.mp4"


def test_program_gets_the_picture_as_a_copy_and_cannot_harm_the_master(
    add_command: AddCommand, request_10_s: Request
) -> None:
    add_command(
        "f = open(sys.argv[1], 'r+b'); print(f.read(), file=sys.stderr); f.truncate(0); tone(sys.argv[2], 10)",
        "{video}", "{output}",
    )  # fmt: skip
    assert generate(request_10_s).artefacts["stderr.txt"] == b"b'moving pictures'\n"
    assert request_10_s.video.read_bytes() == b"moving pictures"


@pytest.mark.usefixtures("_typing")
def test_environment_holds_no_secrets_and_home_is_the_working_directory(
    add_command: AddCommand, request_10_s: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUET_SECRET_KEY", "very secret")
    monkeypatch.setenv("DATABASE_URL", "postgres://user:password@host/duet")
    add_command(
        """
        import json, os
        tone(sys.argv[1], 10)
        told = [dict(os.environ), os.getcwd(), sys.stdin.read(), os.getsid(0) == os.getpid()]
        print(json.dumps(told), file=sys.stderr)
        """
    )
    environment, folder, stdin, leads = json.loads(generate(request_10_s).artefacts["stderr.txt"])
    assert set(environment) - {"LC_CTYPE"} == {"PATH", "HOME", "TMPDIR", "LANG"}
    assert environment["HOME"] == folder != os.getcwd()
    assert not Path(folder).exists()
    assert (stdin, leads) == ("", True)


def test_a_pipe_within_the_program_ends_as_it_would_in_a_shell(
    outside: WriteFile, request_10_s: Request, tmp_path: Path
) -> None:
    write_wav(tmp_path / "done.wav", np.full((1, 480_000), 0.1, np.float32), 48_000)
    line = ["sh", "-c", 'yes | head -n 1 && cp "$1" "$2"', "sh", str(tmp_path / "done.wav"), "{output}"]
    outside(f"[commands.model]\nargv = {json.dumps(line)}")
    # With SIGPIPE ignored, as Python ignores it, `yes` would complain of a broken pipe.
    assert generate(request_10_s).artefacts == {}


@pytest.fixture
def _typing() -> Iterator[None]:
    """Somebody has typed something into our own stdin."""
    ours = os.dup(0)
    reads, writes = os.pipe()
    os.write(writes, b"typed")
    os.dup2(reads, 0)
    os.close(writes)
    yield
    os.dup2(ours, 0)
    os.close(ours)
    os.close(reads)


def dies(pid: int) -> bool:
    """Whether a process is gone, or a corpse, within a second: a kill is not waited for."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


STUBBORN = """
import os, signal, subprocess, time
child = '''
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(60)
'''
subprocess.Popen([sys.executable, "-I", "-c", child, PIDFILE])
while not os.path.exists(PIDFILE) or not open(PIDFILE).read():
    time.sleep(0.01)
"""


def test_a_hung_program_ends_in_time_with_a_grandchild_that_ignores_sigterm(
    add_command: AddCommand, request_10_s: Request, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    program = STUBBORN.replace("PIDFILE", repr(str(pid_file)))
    add_command(
        f"{program}\nprint('waiting for godot', file=sys.stderr, flush=True)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)",
        timeout_s=3,
    )
    began = time.monotonic()
    said = failure(request_10_s)
    assert time.monotonic() - began < 30
    assert "model was stopped after 3 s without an end, its last words: “waiting for godot”" in said
    assert "timeout_s of [commands.model]" in said
    assert dies(int(pid_file.read_text()))


def test_what_a_finished_program_leaves_running_is_ended(
    add_command: AddCommand, request_10_s: Request, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    add_command(STUBBORN.replace("PIDFILE", repr(str(pid_file))) + "\ntone(sys.argv[1], 10)")
    began = time.monotonic()
    assert generate(request_10_s).duration_s == 10.0
    assert time.monotonic() - began < 30
    assert dies(int(pid_file.read_text()))


class Stopped(Exception):
    """What a worker raises whose soundtrack is not wanted any more."""


def test_a_worker_that_gives_up_takes_the_program_with_it(
    add_command: AddCommand, request_10_s: Request, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    add_command(f"import os, time\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)")

    def progress(share: float, doing: str) -> None:
        if pid_file.exists() and pid_file.read_text():
            raise Stopped

    with pytest.raises(Stopped):
        command.build("default", SETTINGS, "cpu").generate(request_10_s, progress)
    assert dies(int(pid_file.read_text()))


def test_a_flood_of_words_is_cut_to_its_end(add_command: AddCommand, request_10_s: Request) -> None:
    add_command(
        "tone(sys.argv[1], 10)\nfor i in range(300_000): print('line', i)\n"
        "print('x' * 300_000 + 'end', file=sys.stderr)"
    )
    kept = generate(request_10_s).artefacts["stderr.txt"]
    assert len(kept) == 64 * 1024
    assert kept.endswith(b"xend\n")


def test_exit_status_and_last_words_are_told(add_command: AddCommand, request_10_s: Request) -> None:
    add_command(
        """
        for line in range(200):
            print("layer", line, file=sys.stderr)
        print("\\x1b[31mno checkpoint\\x1b[0m\\tin /weights", file=sys.stderr)
        sys.exit(3)
        """
    )
    said = failure(request_10_s)
    assert "model ended with exit status 3, its last words: “…" in said
    assert "layer 199 / [31mno checkpoint [0m in /weights”" in said
    assert "layer 100 " not in said
    assert len(said) < 600


def test_words_on_stdout_are_told_where_stderr_is_empty(add_command: AddCommand, request_10_s: Request) -> None:
    add_command("print('no GPU'); sys.exit(1)")
    assert "exit status 1, its last words: “no GPU”" in failure(request_10_s)
    add_command("sys.exit(1)")
    assert "exit status 1 and said nothing" in failure(request_10_s)


@pytest.mark.parametrize(
    "end", ["sys.exit(3)", "import time; time.sleep(60)", "pass", "tone(sys.argv[1], 3)", "open(sys.argv[1], 'w')"]
)
def test_however_it_fails_the_tail_of_stderr_comes_along(
    end: str, add_command: AddCommand, request_10_s: Request
) -> None:
    add_command(f"sys.stderr.write('x' * 100_000 + 'the end'); sys.stderr.flush(); {end}", timeout_s=5)
    with pytest.raises(Failed) as raised:
        generate(request_10_s)
    kept = raised.value.artefacts["stderr.txt"]
    assert kept.endswith(b"the end")
    assert len(kept) == 64 * 1024


def test_a_program_ended_by_a_signal_says_which(add_command: AddCommand, request_10_s: Request) -> None:
    add_command("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert "model was ended by SIGSEGV" in failure(request_10_s)


def test_memory_beyond_the_limit_is_not_given(add_command: AddCommand, request_10_s: Request) -> None:
    hog = "held = bytearray(600 * 2**20); tone(sys.argv[1], 10)"
    add_command(hog, memory_mib=300)
    said = failure(request_10_s)
    assert "MemoryError" in said
    assert "it may use 300 MiB of memory and write files of 2048 MiB" in said
    add_command(hog, memory_mib=0)
    assert generate(request_10_s).duration_s == 10.0


def test_a_file_beyond_the_limit_is_not_written(add_command: AddCommand, request_10_s: Request) -> None:
    big = "open('big', 'wb').write(bytes(3 * 2**20)); tone(sys.argv[1], 10)"
    add_command(big, disk_mib=2)
    said = failure(request_10_s)
    assert "File too large" in said
    assert "write files of 2 MiB" in said
    add_command(big, disk_mib=0)
    assert generate(request_10_s).duration_s == 10.0


@pytest.mark.parametrize(
    "shell", ["exec head -c 3000000 /dev/zero > big", "head -c 3000000 /dev/zero > big; exit $?"]
)
def test_a_program_ended_for_too_large_a_file_is_told_so_in_words(
    shell: str, outside: WriteFile, request_10_s: Request
) -> None:
    outside(f"[commands.model]\nargv = {json.dumps(['sh', '-c', shell, 'sh', '{output}'])}\ndisk_mib = 2")
    assert "model was ended for writing too large a file (SIGXFSZ)" in failure(request_10_s)


def test_a_program_that_fills_the_disk_with_small_files_is_ended(
    add_command: AddCommand, request_10_s: Request
) -> None:
    add_command(
        """
        import os, time
        os.mkdir("deep")
        for number in range(5):
            open(f"deep/{number}", "wb").write(os.urandom(2**20))
        print("five of a million", file=sys.stderr, flush=True)
        time.sleep(60)
        """,
        disk_mib=3,
    )
    with pytest.raises(Failed, match="model was stopped: it filled more than 3 MiB of disk") as raised:
        generate(request_10_s)
    assert "disk_mib of [commands.model]" in str(raised.value)
    assert raised.value.artefacts["stderr.txt"] == b"five of a million\n"


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("pass", "model ended well and wrote no file and said nothing; let it write the audio to {output}"),
        ("import os; os.mkdir(sys.argv[1])", "model ended well and wrote no file"),
        ("open(sys.argv[1], 'w')", "model gave an empty file"),
        ("open(sys.argv[1], 'w').write('Traceback: no')", "model gave no audio: ffprobe failed"),
        ("open(sys.argv[1], 'w').write('#EXTM3U\\n#EXTINF:1,\\n/etc/passwd\\n')", "begins with '#EXTM3U"),
        ("tone('a.wav', 10); open(sys.argv[1], 'w').write('ffconcat version 1.0\\nfile a.wav')", "gave no audio"),
        ("open(sys.argv[1], 'wb').write(bytes([137, 80, 78, 71]) + bytes(60))", "the bytes 89 50 4e 47"),
        ("tone(sys.argv[1], 3)", "the audio from model lasts 3.00 s and the clip 10.00 s"),
    ],
)
def test_what_is_no_soundtrack_is_refused(
    program: str, sentence: str, add_command: AddCommand, request_10_s: Request
) -> None:
    add_command(program)
    assert sentence in failure(request_10_s)


@pytest.mark.parametrize(("rate", "value"), [(48_000, "nan"), (44_100, "nan"), (48_000, "-inf")])
def test_samples_that_are_no_numbers_are_refused(
    rate: int, value: str, add_command: AddCommand, request_10_s: Request
) -> None:
    add_command(
        f"""
        import struct
        body = array.array("f", [0.1] * {rate} + [float("{value}")] * 9 + [0.1] * {9 * rate}).tobytes()
        head = struct.pack("<HHIIHH", 3, 1, {rate}, {4 * rate}, 4, 32)
        open(sys.argv[1], "wb").write(b"RIFF" + struct.pack("<I", 36 + len(body)) + b"WAVEfmt "
            + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", len(body)) + body)
        """
    )
    assert "samples from model are not numbers (NaN or infinite)" in failure(request_10_s)


def test_samples_far_beyond_full_scale_are_refused(add_command: AddCommand, request_10_s: Request) -> None:
    program = """
        import struct
        body = array.array("f", [{loudest}] * 480_000).tobytes()
        head = struct.pack("<HHIIHH", 3, 1, 48_000, 192_000, 4, 32)
        open(sys.argv[1], "wb").write(b"RIFF" + struct.pack("<I", 36 + len(body)) + b"WAVEfmt "
            + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", len(body)) + body)
        """
    add_command(program.format(loudest="3e38"))
    assert "samples from model reach 2e+38 where 1 is full scale; scale the output" in failure(request_10_s)
    add_command(program.format(loudest="900.0"))
    assert generate(request_10_s).duration_s == 10.0


def test_missing_program_is_named_before_and_during(
    outside: WriteFile, request_10_s: Request, tmp_path: Path
) -> None:
    outside('[commands.model]\nargv = ["no-such-program", "{output}"]')
    sentence = command.refusal(FACTS, SETTINGS)
    assert sentence is not None
    assert "the program 'no-such-program' of [commands.model] is not here" in sentence
    assert "the program 'no-such-program'" in failure(request_10_s)
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    outside(f'[commands.model]\nargv = ["{script}", "{{output}}"]')
    assert "script cannot be started: No such file or directory" in failure(request_10_s)


def test_settings_pick_a_name_and_nothing_else(add_command: AddCommand) -> None:
    add_command("pass")
    unset = command.refusal(FACTS, {"command": " ", "model": ""})
    assert unset is not None
    assert "command needs the setting `command`, one of the server's list: model" in unset
    unknown = command.refusal(FACTS, {"command": "rm -rf /", "model": ""})
    assert unknown is not None
    assert "no command 'rm -rf /'" in unknown
    with pytest.raises(GenerationError, match="no command 'rm'"):
        command.build("default", {"command": "rm", "model": ""}, "cpu")


def test_broken_file_is_a_refusal(outside: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    outside("[commands.model]\n")
    assert "argv is missing" in (command.refusal(FACTS, SETTINGS) or "")
    monkeypatch.delenv("DUET_OUTSIDE")
    assert "set DUET_OUTSIDE" in (command.refusal(FACTS, SETTINGS) or "")


def test_command_that_reads_text_needs_a_caption(add_command: AddCommand, request_10_s: Request) -> None:
    add_command("tone(sys.argv[1], 10)", "{output}", "--text={text}")
    assert command.refusal(FACTS, SETTINGS) is None
    without = command.refusal(ClipFacts("forest", 10.0, frozenset()), SETTINGS)
    assert without is not None
    assert "model reads a text and forest has no caption" in without
    bare = Request("forest", request_10_s.video, 10.0, 7)
    assert "forest has no caption" in failure(bare)
    assert "holds a NUL" in failure(Request("forest", request_10_s.video, 10.0, 7, text="a\0b"))
    assert "more than 100 KB" in failure(Request("forest", request_10_s.video, 10.0, 7, text="a" * 200_000))


def test_inputs_name_the_line_the_program_and_its_scripts(add_command: AddCommand, tmp_path: Path) -> None:
    add_command("pass")
    line, *files = command.inputs(FACTS, SETTINGS)
    assert json.loads(str(line)) == [sys.executable, "-I", str(tmp_path / "model.py"), "{output}"]
    assert files == [Path(sys.executable).resolve(), tmp_path / "model.py"]


def test_a_changed_command_line_is_used_at_once(add_command: AddCommand, request_10_s: Request) -> None:
    add_command("tone(sys.argv[1], 10)")
    system = command.build("default", SETTINGS, "cpu")
    add_command("sys.exit(5)")
    with pytest.raises(GenerationError, match="exit status 5"):
        system.generate(request_10_s, lambda share, what: None)
