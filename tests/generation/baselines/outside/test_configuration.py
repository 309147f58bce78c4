from __future__ import annotations

import json
from pathlib import Path

import pytest

from generation.baselines.outside import configuration
from generation.contracts import GenerationError

from .conftest import WriteFile

GOOD = """
[commands.museformer]
argv = ["/usr/bin/env", "THREADS=1", "museformer", "--video={video}", "--seed", "{seed}", "--out={output}"]
timeout_s = 90
memory_mib = 4096
disk_mib = 512
label = "Museformer 2"
licence = "MIT"
citation = "Somebody, 2024"

[commands.writer]
argv = ["writer", "--text={text}", "--form={{json}}", "{duration}", "{output}"]

[endpoints]
allowed_hosts = ["127.0.0.1:9000", "Models.Example.org"]
timeout_s = 30
retries = 1
token_env = "MODEL_TOKEN"
"""


def test_a_whole_file_is_read_with_its_defaults(outside: WriteFile) -> None:
    path = outside(GOOD)
    found = configuration.load()
    museformer, writer = found.command("museformer"), found.command("writer")
    assert (museformer.timeout_s, museformer.memory_mib, museformer.reads_text) == (90, 4096, False)
    assert (museformer.disk_mib, writer.disk_mib) == (512, 2048)
    assert (museformer.label, museformer.licence, museformer.citation) == ("Museformer 2", "MIT", "Somebody, 2024")
    assert (writer.timeout_s, writer.memory_mib, writer.reads_text) == (600, 8192, True)
    assert found.endpoints.allowed_hosts == ("127.0.0.1:9000", "models.example.org")
    assert (found.endpoints.timeout_s, found.endpoints.retries) == (30, 1)
    assert found.endpoints.token_env == "MODEL_TOKEN"
    assert found.path == path


def test_placeholders_are_filled_once_and_within_their_argument(outside: WriteFile) -> None:
    outside(GOOD)
    values = {"video": "v", "text": "{output} --x", "seed": "7", "duration": "10.000", "output": "/o u/t.wav"}
    filled = configuration.load().command("writer").arguments(values)
    assert filled == ["writer", "--text={output} --x", "--form={json}", "10.000", "/o u/t.wav"]


def test_no_file_allows_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DUET_OUTSIDE", raising=False)
    with pytest.raises(GenerationError, match="set DUET_OUTSIDE to a TOML file"):
        configuration.load()
    monkeypatch.setenv("DUET_OUTSIDE", str(tmp_path / "gone.toml"))
    with pytest.raises(GenerationError, match=r"gone\.toml, which cannot be read \(No such file"):
        configuration.load()


def test_file_without_systems_says_how_to_add_one(outside: WriteFile) -> None:
    outside("")
    with pytest.raises(GenerationError, match=r"no command 'x' in .*there are: none.*add \[commands\.x\]"):
        configuration.load().command("x")
    outside(GOOD)
    with pytest.raises(GenerationError, match="there are: museformer, writer"):
        configuration.load().command("x")


def command(line: str) -> str:
    return f'[commands.model]\nargv = ["model", "{{output}}"]\n{line}\n'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[commands", r"outside\.toml is not TOML"),
        ("commands = 3", r"the file: commands is 3; write it as a table: \[commands\]"),
        ("[comands.x]\n", r"the file: unknown comands; the keys are: commands, endpoints"),
        (
            "[commands]\nmodel = 'run me'",
            r"\[commands\.model\]: it is not a table; write a line \[commands\.model\]",
        ),
        ("[commands.model]\nlabel = 'M'", r"\[commands\.model\]: argv is missing; write argv = \["),
        ("[commands.model]\nargv = 'model {output}'", r"argv is 'model \{output\}', not a list of texts"),
        ("[commands.model]\nargv = ['model', 3]", r"argv is \['model', 3\], not a list of texts"),
        ("[commands.model]\nargv = []", r"argv is \[\], not a list of texts"),
        ("[commands.model]\nargv = ['', '{output}']", r"argv is \['', '\{output\}'\], not a list"),
        ("[commands.model]\nargv = ['model', '{video}']", r"argv never says \{output\}; .*--out=\{output\}"),
        ("[commands.model]\nargv = ['model', '{outptu}']", r"'\{outptu\}' has an unknown placeholder; there are"),
        ("[commands.model]\nargv = ['model', '{output!r}']", r"unknown placeholder"),
        ("[commands.model]\nargv = ['model', '{output:>{seed}}']", r"unknown placeholder"),
        ("[commands.model]\nargv = ['model', '{}', '{output}']", r"'\{\}' has an unknown placeholder"),
        ("[commands.model]\nargv = ['model', '{output']", r"'\{output' has a lone brace; write \{\{ and \}\}"),
        ("[commands.model]\nargv = ['bin/model', '{output}']", r"'bin/model' is a relative path; give the whole"),
        ("[commands.model]\nargv = ['sh', '-c', 'sing {text} >{output}']", r"sh would run what a caption says"),
        (
            "[commands.model]\nargv = ['/bin/bash', '-x', '-lc', '{text}{output}']",
            "bash would run what a caption says",
        ),
        ("[commands.model]\nargv = ['python3.11', '-c', '{text}', '{output}']", "would run what a caption says"),
        (
            command("memory_mb = 3"),
            r"unknown memory_mb; the keys are: argv, citation, disk_mib, label, licence, memory_mib",
        ),
        (command("timeout_s = 0"), r"timeout_s is 0; write a number of seconds above 0"),
        (command("timeout_s = inf"), r"timeout_s is inf"),
        (command("timeout_s = true"), r"timeout_s is True"),
        (command("memory_mib = -1"), r"memory_mib is -1; write a whole number"),
        (command("memory_mib = 1.5"), r"memory_mib is 1\.5"),
        (command("disk_mib = -1"), r"disk_mib is -1; write a whole number, 0 or more: disk_mib = 2048"),
        (command("label = 3"), r"label is 3; write it as a text"),
        (command("reads_text = 'no'"), r"reads_text is 'no'; write reads_text = true or"),
        (command("reads_text = true"), r"reads_text is true and argv never says \{text\}; add it"),
        ("[commands.m]\nargv=['m','{text}','{output}']\nreads_text=false", r"is false and argv says \{text\}"),
        ("[endpoints]\nallowed_hosts = 'models.example.org'", r"\[endpoints\]: allowed_hosts is 'models"),
        ("[endpoints]\nallowed_hosts = ['http://models.example.org']", r"is not a host; write \"host\""),
        ("[endpoints]\nhosts = []", r"\[endpoints\]: unknown hosts"),
        ("[endpoints]\nretries = 'many'", r"retries is 'many'"),
    ],
)
def test_what_is_wrong_is_named_with_file_entry_and_mend(content: str, sentence: str, outside: WriteFile) -> None:
    outside(content)
    with pytest.raises(GenerationError, match=sentence) as raised:
        configuration.load()
    assert "outside.toml" in str(raised.value)


def test_text_may_be_a_shells_argument_but_not_its_code(outside: WriteFile) -> None:
    outside("""[commands.model]\nargv = ["sh", "-c", "sing \\"$1\\" >\\"$2\\"", "sh", "{text}", "{output}"]""")
    assert configuration.load().command("model").reads_text
    outside("""[commands.model]\nargv = ["python3", "/srv/sing.py", "--text={text}", "{output}"]""")
    assert configuration.load().command("model").reads_text


@pytest.mark.parametrize(
    "argv",
    [
        ["bash", "-o", "pipefail", "-c", "sing {text} > {output}"],
        ["/usr/bin/env", "sh", "-c", "sing {text} > {output}"],
        ["/usr/bin/env", "-S", "sh -c 'sing {text}'", "{output}"],
        ["python3", "-W", "ignore", "-c", "sing('{text}')", "{output}"],
        ["python3", "-cprint('{text}')", "{output}"],
        ["perl", "-E", "say '{text}'", "{output}"],
        ["node", "--eval", "{text}", "{output}"],
        ["node", "--eval={text}", "{output}"],
        ["busybox", "sh", "-c", "sing {text}", "{output}"],
        ["bash", "-c", "-x", "{text}", "{output}"],
        ["timeout", "9", "bash", "-c", "{text}", "{output}"],
        ["bash", "--rcfile", "/srv/rc", "-c", "{text}", "{output}"],
        ["fish", "-c", "cd /srv", "-c", "{text}", "{output}"],
        ["sh", "-c", "{text}", "{output}"],
        ["pypy3", "-c", "{text}", "{output}"],
        ["python3", "-u", "-c", "{text}", "{output}"],
        ["/srv/wrapper", "python3", "/srv/run.py", "sh", "-c", "{text}", "{output}"],
        ["perl", "-e", "1", "-e", "{text}", "{output}"],
        ["php", "-c", "/etc/php.ini", "-r", "{text}", "{output}"],
        ["pwsh", "-Command", "sing {text}", "{output}"],
        ["pwsh", "-NoProfile", "-c", "sing", "--out={output}", "{text}"],
        ["tclsh", "/srv/a.tcl", "tclsh", "puts {text}", "{output}"],
        ["expect", "-c", "{text}", "{output}"],
        ["awk", "{text}", "{output}"],
        ["gawk", "-v", "a=1", 'BEGIN {{ print "{text}" }}', "{output}"],
        ["sed", "-n", "s/a/{text}/", "{output}"],
        ["Rscript", "-e", "{text}", "{output}"],
        ["julia", "-e", "{text}", "{output}"],
        ["julia", "--eval={text}", "{output}"],
        ["su", "-s", "/srv/sh-like", "music", "-c", "{text}", "{output}"],
        ["flock", "/srv/lock", "-c", "{text}", "{output}"],
        ["ssh", "gpu", "sing", "{text}", "{output}"],
        ["/usr/bin/ssh", "gpu", "sing --text={text}", "{output}"],
        ["sshpass", "-e", "ssh", "gpu", "sing", "--text={text}", "{output}"],
        ["parallel", "sing", ":::", "{text}", "{output}"],
        ["tcsh", "-c", "{text}", "{output}"],
        ["csh", "-f", "-c", "sing {text}", "{output}"],
        ["rbash", "-c", "{text}", "{output}"],
        ["ipython", "-c", "{text}", "{output}"],
        ["ipython3", "--no-banner", "-c", "sing('{text}')", "{output}"],
        ["guile", "-c", "{text}", "{output}"],
        ["osascript", "-e", "{text}", "{output}"],
        ["deno", "eval", "{text}", "{output}"],
        ["deno", "repl", "--eval={text}", "{output}"],
        ["matlab", "-batch", "sing('{text}')", "{output}"],
        ["matlab", "-sd", "/srv", "-r", "{text}", "{output}"],
        ["octave", "--eval", "{text}", "{output}"],
        ["octave-cli", "--eval=sing('{text}')", "{output}"],
        ["sbatch", "--wait", "--wrap", "{text}", "{output}"],
        ["sbatch", "--wrap=sing {text}", "{output}"],
        ["tmux", "new", "-d", "sing {text}", "{output}"],
        ["tmux", "send-keys", "{text}", "{output}"],
        ["screen", "-dm", "sing {text}", "{output}"],
        ["screen", "-dm", "{text}", "{output}"],
        ["screen", "-dmS", "music", "{text}", "{output}"],
        ["screen", "-S", "music", "-X", "stuff", "{text}", "{output}"],
    ],
)
def test_no_way_of_writing_a_text_into_code_is_taken(argv: list[str], outside: WriteFile) -> None:
    outside(f"[commands.model]\nargv = {json.dumps(argv)}")
    with pytest.raises(GenerationError, match="would run what a caption says"):
        configuration.load()


@pytest.mark.parametrize(
    "argv",
    [
        ["/usr/bin/env", "python3", "/srv/sing.py", "{text}", "{output}"],
        ["sh", "-c", 'sing "$1" > "$2"', "sh", "{text}", "{output}"],
        ["nice", "/srv/sing", "--text", "{text}", "--out={output}"],
        ["/srv/sing", "-c", "{text}", "about: {text}", "{output}"],
        ["python3", "/srv/run.py", "-p", "{text}", "{output}"],
        ["python3", "/srv/run.py", "-prompt", "{text}", "-c", "{text}", "about: {text}", "{output}"],
        ["python3", "-u", "/srv/run.py", "-p", "{text}", "{output}"],
        ["python3", "-W", "ignore", "/srv/run.py", "-c", "{text}", "{output}"],
        ["python3", "-m", "sing", "-c", "{text}", "{output}"],
        ["bash", "-eu", "/srv/run.sh", "-c", "{text}", "{output}"],
        ["timeout", "900", "/srv/sing", "-prompt", "{text}", "{output}"],
        ["sudo", "-u", "music", "/srv/sing", "-c", "{text}", "{output}"],
        ["Rscript", "/srv/sing.R", "-e", "{text}", "{output}"],
        ["awk", "-v", "text={text}", "-f", "/srv/sing.awk", "{output}"],
        ["/srv/sing", "--decoding", "parallel", "--text={text}", "{output}"],
        ["bash", "-c", 'sing "$@"', "sing", "-p", "{text}", "{output}"],
        ["tcsh", "/srv/sing.csh", "-c", "{text}", "{output}"],
        ["ipython", "/srv/sing.py", "--", "-c", "{text}", "{output}"],
        ["octave", "/srv/sing.m", "{text}", "{output}"],
        ["deno", "run", "--allow-read", "/srv/sing.ts", "eval", "{text}", "{output}"],
        ["sbatch", "--wait", "/srv/sing.sh", "{text}", "{output}"],
        ["screen", "-D", "-m", "/srv/sing", "{text}", "{output}"],
        ["/srv/sing", "--mode", "tmux", "{text}", "{output}"],
    ],
)
def test_a_text_that_stays_a_text_is_taken(argv: list[str], outside: WriteFile) -> None:
    outside(f"[commands.model]\nargv = {json.dumps(argv)}")
    assert configuration.load().command("model").reads_text
