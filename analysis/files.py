"""Tables in and out of files: CSV that a spreadsheet can open without running it, and Parquet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

from analysis.spreadsheet import as_it_was, not_a_formula

_TEXT = pa.dictionary(pa.int32(), pa.string())
_CSV = csv.ParseOptions(newlines_in_values=True)
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs"}


class SchemaError(ValueError):
    """A file is no table, or a table breaks the contract; the message says where and what to do.

    It names row, column, value and what is allowed. Rows count from 1.
    """


def csv_text(frame: pd.DataFrame) -> str:
    """Any table of ours as CSV, times in ISO 8601 to the microsecond.

    A text that a spreadsheet would take for a formula gets an apostrophe in front; ``read`` takes it off again.
    """
    texts = [name for name in frame.columns if _is_text(frame[name])]
    safe = frame.assign(**{name: _each_distinct(frame[name], not_a_formula) for name in texts})
    return safe.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%dT%H:%M:%S.%fZ")


def load(path: Path) -> pd.DataFrame:
    """Any table from a .csv or .parquet file, texts as they were before it was written. Raises SchemaError."""
    if not path.is_file():
        raise SchemaError(f"there is no file {str(path)!r}")
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            # Text held as codes from the start, as in a CSV file.
            held = parquet.read_schema(path)
            texts = [
                field.name
                for field in held
                if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
            ]
            return pd.DataFrame(parquet.read_table(path, read_dictionary=texts).to_pandas())
        if path.suffix.lower() == ".csv":
            return _load_csv(path)
    except (ValueError, OSError) as error:
        raise SchemaError(f"{path.name} cannot be read: {_first_line(error)}{_hint(path)}") from error
    raise SchemaError(f"{path.name} is neither .csv nor .parquet; export the ratings as one of these")


def _first_line(error: Exception) -> str:
    """What a parser says, without the bytes that it quotes."""
    told = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
    return "".join(character for character in told if character.isprintable())


def _hint(path: Path) -> str:
    """What most often is wrong with a CSV file that no parser takes."""
    start = path.read_bytes()[:4096] if path.suffix.lower() == ".csv" else b""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in start:
        return "; it is no UTF-8 text: save it as CSV in UTF-8"
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "; it is no UTF-8 text: save it as CSV in UTF-8"
    return ""


def _load_csv(path: Path) -> pd.DataFrame:
    """Every column as text, each distinct one held once: a million rows take a tenth of the memory."""
    header = csv.open_csv(path, parse_options=_CSV).schema.names
    if len(header) == 1:
        for separator, name in _OTHER_SEPARATORS.items():
            if separator in header[0]:
                raise SchemaError(f"its columns are separated by {name}; save it with commas")
    as_text = csv.ConvertOptions(column_types=dict.fromkeys(header, _TEXT), strings_can_be_null=False)
    table = csv.read_csv(path, parse_options=_CSV, convert_options=as_text)
    columns = [table.column(place).to_pandas() for place in range(table.num_columns)]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    frame.columns = pd.Index(table.column_names)
    # Arrow keeps what it freed for itself; it is not asked again.
    del table
    pa.default_memory_pool().release_unused()
    for place in range(frame.shape[1]):
        categories = frame.iloc[:, place].cat.categories
        if any(as_it_was(text) != text for text in categories):
            frame[frame.columns[place]] = _each_distinct(frame.iloc[:, place], as_it_was)
    return frame


def _is_text(values: pd.Series[Any]) -> bool:
    held = values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else values
    return bool(pd.api.types.is_object_dtype(held) or pd.api.types.is_string_dtype(held))


def _each_distinct(values: pd.Series[Any], change: Callable[[str], str]) -> pd.Series[Any]:
    """The column with every text changed, each distinct one once."""
    distinct = values.astype(object).dropna().unique() if values.dtype != "category" else values.cat.categories
    changed = {text: change(text) for text in distinct if isinstance(text, str) and change(text) != text}
    return values.astype(object).replace(changed) if changed else values
