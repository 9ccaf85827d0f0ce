"""HTML in which a text is always text: what is not made by `element` is escaped by it."""

from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """Is HTML already."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: str) -> Html:
    """An element; `class_` and `data_label` are the attributes `class` and `data-label`."""
    words = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{words}>{together(*children)}</{name}>")


def together(*children: str) -> Html:
    """Several, side by side."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """A table; each cell also carries its column's title, for a page that is too narrow for columns."""
    titles = element("thead", element("tr", *(element("th", title) for title in head)))
    return element("table", titles, element("tbody", *(_row(head, row) for row in rows)))


def _row(head: Sequence[str], row: Sequence[str]) -> Html:
    cells = zip(head, row, strict=True)
    return element("tr", *(element("td", text, data_label=title) for title, text in cells))
