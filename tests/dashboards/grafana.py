"""What Grafana does with a dashboard's queries before Prometheus sees them: variables, intervals, time range."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from dashboards.generator.timescale import seconds

Json = dict[str, Any]
DASHBOARDS = Path(__file__).resolve().parents[2] / "dashboards" / "grafana"
_NATURAL_DESCENDING = 8
_POINTS = 600


class Ask(NamedTuple):
    """One query as Prometheus gets it; `where` says whose it is. A step of 0 is an instant query."""

    where: str
    expr: str
    step: int


class Values(Protocol):
    """Where the values of a label come from: `label` of the series that `selector` matches."""

    def __call__(self, selector: str, label: str) -> list[str]: ...


def load(directory: Path = DASHBOARDS) -> dict[str, Json]:
    """The dashboards in a directory, by uid."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(directory.glob("*.json"))}


def panels(dashboard: Json) -> list[Json]:
    """The panels that show something, those of rows that open collapsed among them; rows are left out."""
    every = [one for panel in dashboard["panels"] for one in (panel, *panel.get("panels", []))]
    return [panel for panel in every if panel["type"] != "row"]


def asked(panel: Json, source: str = "prometheus") -> list[Json]:
    """What a panel asks of one kind of data source."""
    return [target for target in panel.get("targets", []) if target["datasource"]["type"] == source]


def variables(dashboard: Json) -> list[Json]:
    return list(dashboard["templating"]["list"])


def queries(dashboard: Json) -> list[str]:
    """Everything that holds PromQL: targets, annotations and variables."""
    return [
        *(target["expr"] for panel in panels(dashboard) for target in asked(panel)),
        *(note["expr"] for note in dashboard["annotations"]["list"] if "expr" in note),
        *(variable["definition"] for variable in variables(dashboard) if variable["type"] == "query"),
    ]


def headings(panel: Json) -> dict[str, str]:
    """Under which heading of a table the answer to each of its queries stands, by the query's letter."""
    (renamed,) = (each["options"]["renameByName"] for each in panel["transformations"] if each["id"] == "organize")
    values = {name: heading for name, heading in renamed.items() if name.startswith("Value")}
    return {name.removeprefix("Value #") if " " in name else "A": heading for name, heading in values.items()}


@dataclass
class View:
    """A dashboard opened at a time range (seconds), with chosen values where the defaults do not serve."""

    dashboard: Json
    start: float
    end: float
    values: Values
    scrape: int
    chosen: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def variables(self) -> dict[str, str]:
        """The value of each variable as it stands in a query; each after those that it depends on."""
        env: dict[str, str] = {}
        waiting = variables(self.dashboard)
        while waiting:
            known = {"datasource", *env}
            variable = next(one for one in waiting if _needs(one) <= known)
            waiting.remove(variable)
            name = variable["name"]
            if name in self.chosen:
                env[name] = self.chosen[name]
            elif variable["type"] == "custom":
                env[name] = variable["current"]["value"]
            elif variable["type"] == "query":
                env[name] = self._all(variable, env) if variable["includeAll"] else self._first(variable, env)
        return env

    def options(self, variable: Json, env: Mapping[str, str]) -> list[str]:
        """The values that a query variable offers, in the order in which it shows them."""
        match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"])
        assert match, f"{variable['definition']} is no label_values query"
        found = self.values(substitute(match[1], env), match[2])
        return sorted(found, key=_natural, reverse=variable["sort"] == _NATURAL_DESCENDING)

    def _all(self, variable: Json, env: Mapping[str, str]) -> str:
        """What stands for All: the variable's own word for it, or a choice of all that it offers."""
        return variable["allValue"] or f"({'|'.join(map(_escaped, self.options(variable, env)))})"

    def _first(self, variable: Json, env: Mapping[str, str]) -> str:
        options = self.options(variable, env)
        assert options, f"the variable {variable['name']} offers nothing"
        return options[0]

    def ask(self, panel: Json, target: Json) -> Ask:
        floor = seconds(panel["interval"]) if "interval" in panel else self.scrape
        step = max(floor, int((self.end - self.start) / _POINTS))
        expr = self.fill(target["expr"], step)
        return Ask(f"{panel['title']}, {target['refId']}", expr, 0 if target["instant"] else step)

    def asks(self) -> Iterator[Ask]:
        """Every query of panels and annotations."""
        for panel in panels(self.dashboard):
            for target in asked(panel):
                yield self.ask(panel, target)
        for note in self.dashboard["annotations"]["list"]:
            if "expr" in note:
                step = seconds(note["step"])
                yield Ask(f"annotation {note['name']}", self.fill(note["expr"], step), step)

    def fill(self, expr: str, step: int) -> str:
        window = int(self.end - self.start)
        built_in = {
            "__interval": f"{step}s",
            "__interval_ms": str(step * 1000),
            "__rate_interval": f"{max(step + self.scrape, 4 * self.scrape)}s",
            "__range": f"{window}s",
            "__range_s": str(window),
        }
        return substitute(expr, self.variables | built_in)


def substitute(text: str, env: Mapping[str, str]) -> str:
    """`$name`, `${name}` and `${name:format}` replaced, but not `$1`; KeyError for a name that is unknown."""
    return re.sub(r"\$\{(\w+)(?::\w+)?\}|\$([A-Za-z_]\w*)", lambda match: env[match[1] or match[2]], text)


def _needs(variable: Json) -> set[str]:
    """The variables that stand in the definition of one."""
    return set(re.findall(r"\$\{?(\w+)", variable.get("definition", "")))


def _escaped(text: str) -> str:
    """A value within a regular expression within a string of PromQL."""
    return re.sub(r"[\\^$.*+?()\[\]{}|/]", r"\\\\\g<0>", text)


def _natural(text: str) -> list[tuple[int, int | str]]:
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", text) if part]
