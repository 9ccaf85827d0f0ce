"""The runbook as a page, for links from alerts: Prometheus serves it, so that it is where the alerts are."""

import html
import re
from typing import Final

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Runbook</title>
<style>
body {{ max-width: 46em; margin: 1em auto; padding: 0 1em; font: 1rem/1.5 sans-serif }}
h2:target {{ background: #fe9 }}
</style>
<h1>Runbook</h1>
{sections}
</html>
"""
_SECTION: Final = re.compile(r"^### (\w+)\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)


def runbook(readme: str) -> str:
    """The sections of `dashboards/README.md` that are named after alerts, each under its name in lower case."""
    text = readme.split("\n## Runbook\n", 1)[1]
    return _PAGE.format(sections="\n".join(_section(name, words) for name, words in _SECTION.findall(text)))


def _section(name: str, words: str) -> str:
    lines = "<br>\n".join(_line(line) for line in words.strip().splitlines())
    return f'<h2 id="{name.lower()}">{name}</h2>\n<p>{lines}</p>'


def _line(text: str) -> str:
    """A line with the marks that we use: code, emphasis, links within the page; other links lose their target."""
    text = html.escape(text)
    text = re.sub(r"`(.+?)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"\*(.+?)\*", r"<em>\1</em>", text)
    text = re.sub(r"\[(.+?)\]\((#\w+)\)", r'<a href="\2">\1</a>', text)
    return re.sub(r"\[(.+?)\]\(.+?\)", r"\1", text)
