"""A study's ratings as a folder that others can use: Psych-DS, Frictionless, SPSS and R, all from one source.

The source is the contract's columns (``schema.COLUMNS``) and whatever further columns the caller describes.
Psych-DS 1.x: ``dataset_description.json`` (schema.org JSON-LD) beside ``data/``, whose files have keyword names
and whose every column stands in ``variableMeasured``. Frictionless Data Package 1.0: ``datapackage.json`` with a
table schema. No validator of Psych-DS runs without Node, so ``problems`` checks its rules here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.files import csv_text
from analysis.results import AnalysisError
from analysis.schema import CHOICES, COLUMNS, Column, codebook, digest

DATA_NAME = re.compile(r"[a-z]+-[a-zA-Z0-9]+(_[a-z]+-[a-zA-Z0-9]+)*_data\.csv")
REQUIRED = ("@context", "@type", "name", "description", "variableMeasured")
_FRICTIONLESS = {
    "text": "string",
    "category": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "sha256": "string",
    "timestamp": "datetime",
}
_SPSS_NAME = 64


@dataclass(frozen=True, slots=True)
class DataFile:
    """A table of ratings as it lies in ``data/``: its path in the folder, size in bytes, and SHA-256."""

    path: str
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """What it is called among a data package's resources: the value of its last keyword."""
        return self.path.rsplit("-", 1)[-1].removesuffix("_data.csv")


def described(frame: pd.DataFrame, further: Sequence[Column] = ()) -> tuple[Column, ...]:
    """Every column of a table with its meaning. Raises AnalysisError for one that nobody described."""
    known = {column.name: column for column in (*COLUMNS, *further)}
    unknown = [name for name in frame.columns if name not in known]
    if unknown:
        raise AnalysisError(
            f"column {unknown[0]!r} has no description; describe it with a schema.Column in `further`, or drop it"
        )
    return tuple(known[name] for name in frame.columns)


def write_package(
    frame: pd.DataFrame,
    folder: Path,
    *,
    title: str,
    description: str = "",
    licence: str = "",
    further: Sequence[Column] = (),
) -> tuple[Path, ...]:
    """Write a table that ``schema.read`` returned; returns the files written, in the order of their making.

    ``further`` describes columns beyond the contract. SPSS's file is left out where pyreadstat is not installed.
    Raises AnalysisError for a column without a description.
    """
    columns = described(frame, further)
    data = folder / "data" / data_name(str(frame["study"].iloc[0]) if len(frame) else title, "ratings")
    data.parent.mkdir(parents=True, exist_ok=True)
    text = csv_text(frame).encode()
    data.write_bytes(text)
    content = metadata(
        columns,
        [DataFile(data.relative_to(folder).as_posix(), len(text), hashlib.sha256(text).hexdigest())],
        title=title,
        description=description
        or f"Side-by-side preferences of raters between soundtracks of one video: {title}.",
        licence=licence,
        rows=f"{len(frame):,} rows, one a trial and question",
        identifier=digest(frame),
        spss=find_spec("pyreadstat") is not None,
    )
    written = [data]
    for name, told in content.items():
        (folder / name).write_text(told, encoding="utf-8", newline="")
        written.append(folder / name)
    if (sav := _write_spss(columns, frame, folder / "ratings.sav")) is not None:
        written.append(sav)
    return tuple(written)


def data_name(study: str, what: str) -> str:
    """What a study's table is called in ``data/``: keywords and values of letters and digits, as Psych-DS asks."""
    slug = "".join(re.findall("[a-zA-Z0-9]+", study)) or "study"
    return f"study-{slug}_description-{what}_data.csv"


def metadata(
    columns: Sequence[Column],
    files: Sequence[DataFile],
    *,
    title: str,
    description: str,
    licence: str = "",
    rows: str = "one row a trial and question",
    identifier: str = "",
    spss: bool = False,
) -> dict[str, str]:
    """The files that stand beside ``data/``, by name, for tables that lie there and have these columns.

    The first table is the one that the scripts read. ``identifier`` is its digest, its file's where none is given.
    ``spss`` says that ``ratings.sav`` stands there too.
    """
    first = files[0]
    slug = first.path.split("study-", 1)[-1].split("_", 1)[0]
    told = _psych_ds(columns, identifier or first.sha256, title=title, description=description, licence=licence)
    resources = [_frictionless(columns, file) for file in files]
    package = {"name": slug.lower(), "title": title, "description": description, "resources": resources}
    if licence:
        package["licenses"] = [{"name": licence}]
    return {
        "dataset_description.json": _json(told),
        "datapackage.json": _json(package),
        "codebook.csv": csv_text(codebook(columns)),
        "read_ratings.R": _r_script(columns, first.path),
        "README.md": _readme(title, description, rows, spss=spss),
    }


def problems(folder: Path) -> tuple[str, ...]:
    """What keeps a folder from being Psych-DS or a data package, each in a sentence; none for one that is both."""
    found: list[str] = []
    told = _loaded(folder / "dataset_description.json", found)
    package = _loaded(folder / "datapackage.json", found)
    files = sorted((folder / "data").rglob("*")) if (folder / "data").is_dir() else []
    data = [path for path in files if path.name.endswith("_data.csv")]
    if not data:
        found.append("there is no data/ folder with a file whose name ends in _data.csv")
    found += [
        f"{path.name} is not made of keyword-value pairs" for path in data if not DATA_NAME.fullmatch(path.name)
    ]
    found += [
        f"dataset_description.json lacks {name!r}" for name in REQUIRED if told is not None and name not in told
    ]
    if told is not None:
        if told.get("@type") != "Dataset" or "schema.org" not in str(told.get("@context")):
            found.append("dataset_description.json is no schema.org Dataset")
        listed = {one["name"] if isinstance(one, dict) else one for one in told.get("variableMeasured", [])}
        for path in data:
            held = set(pd.read_csv(path, nrows=0, encoding="utf-8").columns)
            found += [
                f"column {name!r} of {path.name} is not in variableMeasured" for name in sorted(held - listed)
            ]
    for resource in (package or {}).get("resources", []):
        found += _resource_problems(folder, resource)
    return tuple(found)


def _loaded(path: Path, found: list[str]) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        found.append(f"{path.name} cannot be read: {error}")
        return None


def _resource_problems(folder: Path, resource: dict[str, Any]) -> list[str]:
    path = folder / resource["path"]
    if not path.is_file():
        return [f"datapackage.json names {resource['path']}, which is not there"]
    content = path.read_bytes()
    found = []
    if resource["hash"] != f"sha256:{hashlib.sha256(content).hexdigest()}" or resource["bytes"] != len(content):
        found.append(f"{resource['path']} is not the file that datapackage.json describes")
    names = [field["name"] for field in resource["schema"]["fields"]]
    if names != list(pd.read_csv(path, nrows=0, encoding="utf-8").columns):
        found.append(f"the fields of {resource['path']} are not its columns, in their order")
    return found


def _psych_ds(
    columns: Sequence[Column], identifier: str, *, title: str, description: str, licence: str
) -> dict[str, Any]:
    measured = []
    for column in columns:
        told: dict[str, Any] = {"@type": "PropertyValue", "name": column.name, "description": column.meaning}
        if column.levels:
            told["valueReference"] = list(column.levels)
        if column.low is not None:
            told["minValue"] = column.low
        if column.high is not None:
            told["maxValue"] = column.high
        measured.append(told)
    whole = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": title,
        "description": description,
        "schemaVersion": "Psych-DS 1.0.0",
        "identifier": f"sha256:{identifier}",
        "variableMeasured": measured,
    }
    return whole | ({"license": licence} if licence else {})


def _frictionless(columns: Sequence[Column], file: DataFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "path": file.path,
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": file.bytes,
        "hash": f"sha256:{file.sha256}",
        "schema": {
            "fields": [_field(column) for column in columns],
            "primaryKey": ["study", "trial_id", "question"],
            "missingValues": [""],
        },
    }


def _field(column: Column) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": column.name,
        "type": _FRICTIONLESS[column.type],
        "description": column.meaning,
    }
    rules: dict[str, Any] = {} if column.may_be_empty else {"required": True}
    if column.levels:
        rules["enum"] = list(column.levels)
    if column.low is not None:
        rules["minimum"] = int(column.low) if column.type == "integer" else column.low
    if column.high is not None:
        rules["maximum"] = int(column.high) if column.type == "integer" else column.high
    if column.type == "sha256":
        rules["pattern"] = "[0-9a-f]{64}"
    if column.type == "boolean":
        told |= {"trueValues": ["True", "true"], "falseValues": ["False", "false"]}
    if column.type == "timestamp":
        told["format"] = "any"
    return told | ({"constraints": rules} if rules else {})


def _r_script(columns: Sequence[Column], path: str) -> str:
    """Base R only: types, factor levels in their order, times in UTC."""
    lines = [
        "# Reads the ratings with their types: factors in order, logicals, times in UTC. Base R only.",
        f'ratings <- read.csv("{path}", na.strings = "", encoding = "UTF-8", check.names = FALSE,',
        '                    stringsAsFactors = FALSE, colClasses = "character")',
        "# A text that a spreadsheet would take for a formula has an apostrophe in front; here it comes off.",
        r"""unescaped <- function(x) sub("^'('*[=+@\t\r-])", "\\1", x)""",
    ]
    for column in columns:
        name = f'ratings[["{column.name}"]]'
        if column.levels:
            levels = ", ".join(f'"{level}"' for level in column.levels)
            lines.append(f"{name} <- factor({name}, levels = c({levels}), ordered = TRUE)")
        elif column.type in {"integer", "number"}:
            lines.append(f"{name} <- as.numeric({name})")
        elif column.type == "boolean":
            lines.append(f'{name} <- toupper({name}) == "TRUE"')
        elif column.type == "timestamp":
            lines.append(f'{name} <- as.POSIXct({name}, format = "%Y-%m-%dT%H:%M:%OSZ", tz = "UTC")')
        else:
            lines.append(f"{name} <- unescaped({name})")
    return "\n".join([*lines, ""])


def _write_spss(columns: Sequence[Column], frame: pd.DataFrame, path: Path) -> Path | None:
    try:
        import pyreadstat
    except ImportError:
        return None
    table = pd.DataFrame(index=frame.index)
    labels: dict[str, str | None] = {}
    values: dict[str, dict[float, str]] = {}
    for column in columns:
        name = column.name[:_SPSS_NAME]
        labels[name] = column.meaning
        held = frame[column.name]
        if column.levels:
            order = {level: float(place) for place, level in enumerate(column.levels, start=1)}
            table[name] = held.astype(object).map(order).astype(float)
            values[name] = {place: level for level, place in order.items()}
        elif column.type in {"integer", "number", "boolean"}:
            table[name] = held.astype("Float64").astype(float) if column.type != "boolean" else held.astype(float)
        elif column.type == "timestamp":
            table[name] = held.dt.tz_localize(None)
        else:
            table[name] = held.astype(object).where(held.notna(), "").astype(str)
    values["choice"] = {float(number): text for number, text in CHOICES.items()}
    pyreadstat.write_sav(table, path, column_labels=labels, variable_value_labels=values)
    return path


def _readme(title: str, description: str, rows: str, *, spss: bool) -> str:
    into_spss = ", `ratings.sav` into SPSS" if spss else ""
    return (
        f"# {title}\n\n{description}\n\n{rows}; `codebook.csv` says what each column means. "
        "`dataset_description.json` is Psych-DS, `datapackage.json` Frictionless; `read_ratings.R` reads "
        f"the table into R with its types{into_spss}. A text that a spreadsheet would take for a "
        "formula has an apostrophe in front.\n"
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
