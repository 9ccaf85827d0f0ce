"""Looking into PromQL: every node of an expression with those around it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import promql_parser

Node = Any
"""A node of promql-parser's tree; its classes share no base."""

RATE_INTERVAL_SECONDS = 123
RANGE_SECONDS = 86399
"""Odd numbers that nobody writes by hand, so that Grafana's own variables are recognised after parsing."""
_BUILT_IN = {
    "__rate_interval": f"{RATE_INTERVAL_SECONDS}s",
    "__range": f"{RANGE_SECONDS}s",
    "__interval_ms": "60000",
    "prefix": "capgo",
    "min_events": "20",
}


def parse(expr: str) -> Node:
    """The tree of an expression whose variables are filled in; ValueError if it is no PromQL."""
    filled = re.sub(r"\$\{?(\w+)\}?", lambda match: _BUILT_IN.get(match[1], "a"), expr)
    return promql_parser.parse(filled)


def walk(node: Node, around: tuple[Node, ...] = ()) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """Every node and those around it, outermost first."""
    yield node, around
    for child in _children(node):
        yield from walk(child, (*around, node))


def _children(node: Node) -> Sequence[Node]:
    single = (getattr(node, name, None) for name in ("lhs", "rhs", "expr", "vector_selector"))
    several = getattr(node, "args", None)
    args = list(several) if isinstance(several, list) else []
    return [*(one for one in single if kind(one) in _KINDS), *args]


_KINDS = {
    "AggregateExpr",
    "BinaryExpr",
    "Call",
    "MatrixSelector",
    "NumberLiteral",
    "ParenExpr",
    "StringLiteral",
    "SubqueryExpr",
    "UnaryExpr",
    "VectorSelector",
}


def kind(node: Node) -> str:
    return type(node).__name__


def selectors(expr: str) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """The vector selectors of an expression."""
    return ((node, around) for node, around in walk(parse(expr)) if kind(node) == "VectorSelector")


def metrics(expr: str) -> set[str]:
    return {node.name for node, _ in selectors(expr) if node.name}


def functions(around: Sequence[Node]) -> set[str]:
    return {node.func.name for node in around if kind(node) == "Call"}
