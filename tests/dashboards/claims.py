"""Claims about what PromQL comes to, asked of promtool."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tests.dashboards.programs import Release
from tests.dashboards.rule_cases import Series
from tests.dashboards.test_rules import inputs, run_test

_AT = "64m"


class Claim(NamedTuple):
    """`expr` is about `value` an hour in; rates are in events a minute."""

    words: str
    expr: str
    series: Series
    value: float

    def check(self, release: Release, directory: Path, within: float) -> None:
        """AssertionError if it is further off than that share of the value: a window's edges are extrapolated."""
        near = f"max(abs(({self.expr}) - {self.value}) <= bool {abs(self.value) * within})"
        asked = {"expr": near, "eval_time": _AT, "exp_samples": [{"value": 1}]}
        test = {"name": self.words, "interval": "1m", "input_series": inputs(self.series), "promql_expr_test": [asked]}
        run_test(release, directory, test, _AT)
