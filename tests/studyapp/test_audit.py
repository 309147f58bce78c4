"""Whatever somebody does leaves a line: an action that takes ``by`` writes one, or hands it to one that does."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

import pytest

from studyapp import actions


def _acts() -> Iterator[tuple[str, Callable[..., Any]]]:
    for found in pkgutil.iter_modules(actions.__path__):
        module = importlib.import_module(f"studyapp.actions.{found.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            own = function.__module__ == module.__name__ and not name.startswith("_")
            if own and "by" in inspect.signature(function).parameters:
                yield f"{found.name}.{name}", function


@cache
def leaves_a_line(function: Callable[..., Any]) -> bool:
    """Whether it calls ``AuditLine.write`` or ``write_for`` with ``by``, or an action that it hands ``by`` to."""
    function = inspect.unwrap(function)
    module = inspect.getmodule(function)
    assert module is not None
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(_writes(call, _names(tree, module)) for call in ast.walk(tree) if isinstance(call, ast.Call))


def _writes(call: ast.Call, names: dict[str, Any]) -> bool:
    given = [*call.args, *(word.value for word in call.keywords)]
    if not any(isinstance(one, ast.Name) and one.id == "by" for one in given):
        return False
    if ast.unparse(call.func) in ("AuditLine.write", "AuditLine.write_for"):
        return True
    called = names.get(call.func.id) if isinstance(call.func, ast.Name) else None
    return inspect.isfunction(called) and called.__module__.startswith("studyapp.") and leaves_a_line(called)


def _names(tree: ast.AST, module: ModuleType) -> dict[str, Any]:
    """What names mean in a function: those of its module, and those that it imports itself."""
    names = dict(vars(module))
    for one in ast.walk(tree):
        if isinstance(one, ast.ImportFrom) and one.module:
            found = importlib.import_module(one.module)
            names |= {name.asname or name.name: getattr(found, name.name, None) for name in one.names}
    return names


@pytest.mark.parametrize(("name", "function"), list(_acts()))
def test_an_action_leaves_a_line(name: str, function: Callable[..., Any]) -> None:
    assert leaves_a_line(function), f"{name} leaves no line"


def _forgets(*, by: object) -> None:
    """Its text has all the words."""
    str(("AuditLine.write(", {"by": by}))


def test_an_action_that_only_speaks_of_it_would_be_found() -> None:
    assert not leaves_a_line(_forgets)
