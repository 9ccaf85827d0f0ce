"""Tables: a line for each combination of labels, a column for each query."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.generator.panels import PLAIN, Json, Panel, Query, letter, override, panel


@dataclass(frozen=True)
class Column:
    """A column of figures: what it asks, its heading and how it looks. `mappings` show figures as words.

    Headings are unique in their table; those that shall look alike differ by blanks at their ends. Several questions,
    each about other lines, are for one that would be too long for a store.
    """

    title: str
    expr: str | Sequence[str]
    unit: str = "none"
    decimals: int = 0
    thresholds: Json | None = None
    no_value: str = "-"
    width: int | None = None
    mappings: list[Json] | None = None
    hidden: bool = False
    """Asked for its labels only."""
    links: Sequence[Json] = ()

    @property
    def exprs(self) -> Sequence[str]:
        return [self.expr] if isinstance(self.expr, str) else self.expr


@dataclass(frozen=True)
class Label:
    """A column of names: the heading of a label, its width in pixels, where it leads and other words for its values."""

    title: str
    width: int | None = None
    links: Sequence[Json] = ()
    words: Json | None = None
    wrapped: bool = False
    """Sentences, which may need several lines."""


def table(
    title: str,
    description: str,
    size: tuple[int, int],
    labels: dict[str, Label],
    columns: Sequence[Column],
    *,
    sort: str,
    ascending: bool = False,
    no_value: str = "No data",
    only: str | None = None,
) -> Panel:
    """Sorted by the column of the heading `sort`, largest first unless `ascending`.

    `only` is the heading of a column without which a line is left out.
    """
    asked = [(expr, column) for column in columns for expr in column.exprs]
    values = ["Value"] if len(asked) == 1 else [f"Value #{letter(index)}" for index in range(len(asked))]
    of_column = {value: column for value, (_, column) in zip(values, asked, strict=True)}
    joined = {
        column.title: [value for value, one in of_column.items() if one is column]
        for column in columns
        if len(column.exprs) > 1
    }
    hidden = [value for value, column in of_column.items() if column.hidden or column.title in joined]
    order = [*labels, *(column.title if column.title in joined else value for value, column in of_column.items())]
    organize = {
        "excludeByName": {"Time": True, **dict.fromkeys(hidden, True)},
        "includeByName": {},
        "indexByName": {name: index for index, name in enumerate(dict.fromkeys(order))},
        "renameByName": {name: label.title for name, label in labels.items()}
        | {value: column.title for value, column in of_column.items()},
    }
    defaults = {
        "unit": "none",
        "color": {"mode": "thresholds"},
        "thresholds": PLAIN,
        "noValue": no_value,
        "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "minWidth": 50},
    }
    return panel(
        "table",
        title,
        description,
        size,
        [Query(expr) for expr, _ in asked],
        instant=True,
        defaults=defaults,
        options={"showHeader": True, "cellHeight": "sm", "sortBy": [{"displayName": sort, "desc": not ascending}]},
        overrides=[*map(_of_label, labels.values()), *(_of_column(one) for one in columns if not one.hidden)],
        transformations=[
            {"id": "merge", "options": {}},
            *(_joined(heading, several) for heading, several in joined.items()),
            {"id": "organize", "options": organize},
            *([_without_empty(only)] if only else []),
        ],
    )


def _joined(heading: str, values: list[str]) -> Json:
    """Of several columns of which each line has one, one."""
    reduce = {"reducer": "max", "include": values}
    options = {"mode": "reduceRow", "reduce": reduce, "alias": heading, "replaceFields": False}
    return {"id": "calculateField", "options": options}


def _without_empty(heading: str) -> Json:
    empty = {"fieldName": heading, "config": {"id": "isNull", "options": {}}}
    return {"id": "filterByValue", "options": {"filters": [empty], "type": "exclude", "match": "any"}}


def _of_label(label: Label) -> Json:
    look: Json = {"noValue": "-", **({"links": list(label.links)} if label.links else {})}
    look |= {"custom.width": label.width} if label.width else {}
    look |= {"custom.wrapText": True} if label.wrapped else {}
    return override("byName", label.title, look | (label.words or {}))


def _of_column(column: Column) -> Json:
    look: Json = {"unit": column.unit, "decimals": column.decimals, "noValue": column.no_value}
    if column.links:
        look["links"] = list(column.links)
    if column.thresholds:
        look["thresholds"] = column.thresholds
    if column.mappings:
        look["mappings"] = column.mappings
    if column.thresholds or column.mappings:
        look["custom.cellOptions"] = {"type": "color-text"}
    return override("byName", column.title, look | ({"custom.width": column.width} if column.width else {}))


def link(title: str, uid: str, **variables: str) -> Json:
    """A link to another dashboard over the same time range; a variable's value may hold `${__data.fields.Heading}`."""
    chosen = "".join(f"&var-{name}={value}" for name, value in variables.items())
    kept = "${__url_time_range}&${datasource:queryparam}&${prefix:queryparam}"
    return {"title": title, "url": f"/d/{uid}?{kept}{chosen}", "targetBlank": False}


def field(heading: str) -> str:
    """The cell under `heading` in the same line, as part of an address."""
    return f"${{__data.fields.{heading}:percentencode}}"
