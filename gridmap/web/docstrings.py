"""Finds the texts of the catalogue: those that are marked, and the docstrings that the API's description shows."""

import ast
from collections.abc import Collection, Iterator, Mapping
from io import BytesIO
from typing import IO, Any

from babel.messages.extract import extract_python


def extract(
    file: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Any
) -> Iterator[tuple[Any, ...]]:
    """Yield the messages of a Python file as Babel's extractors do (translations/babel.cfg)."""
    source = file.read()
    yield from extract_python(BytesIO(source), keywords, comment_tags, options)
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and any(map(_describes, node.decorator_list)):
            yield node.lineno, None, (ast.get_docstring(node) or "").partition("\n")[0], []


def _describes(decorator: ast.expr) -> bool:
    """Return whether a decorator puts a view into the description: it names the view's responses."""
    return isinstance(decorator, ast.Call) and any(argument.arg == "responses" for argument in decorator.keywords)
