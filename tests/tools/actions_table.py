"""Prints the table of actions for exporter/CLIENTS.md: `python -m tests.tools.actions_table`. A test compares them."""

from exporter.wire.actions import CATALOGUE, Kind

HEAD = ("| Kind | Action | Meaning |", "|---|---|---|")
STEPS = [f"`download_{percent}`" for percent in range(0, 100, 10)]


def table() -> str:
    """One row an action, by kind; the ten steps of a download share a row."""
    return "\n".join([*HEAD, *(row for kind in Kind for row in _rows(kind))])


def _rows(kind: Kind) -> list[str]:
    meanings = {f"`{action.name}`": action.meaning for action in CATALOGUE.values() if action.kind is kind}
    if kind is Kind.PROGRESS:
        others = {name: meaning for name, meaning in meanings.items() if name not in STEPS}
        meanings = {f"{STEPS[0]}, {STEPS[1]} … {STEPS[-1]}": "download at so many per cent"} | others
    first = f" {kind} "
    return [
        f"|{' ' if number else first}| {name} | {meaning} |" for number, (name, meaning) in enumerate(meanings.items())
    ]


if __name__ == "__main__":
    print(table())
