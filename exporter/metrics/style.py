"""How the landing page looks: in the reader's own light or dark; on a phone each row of a table is a card."""

from base64 import b64encode
from hashlib import sha256
from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --good: #2a9d50; --bad: #d64545; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; }
nav { display: flex; flex-wrap: wrap; gap: 0 1.2rem; align-items: baseline; margin: .3rem 0; }
nav a { padding: .3rem 0; }
.state { margin: 1rem 0; border-left: .35rem solid var(--bad); padding: .6rem 1rem; background: #8881; }
.state { font-size: 1.15rem; }
.good { border-color: var(--good); }
.quiet { opacity: .75; font-size: .9rem; }
.some { color: var(--bad); font-weight: 600; }
code { font-size: .95em; }
pre { white-space: pre-wrap; background: #8881; padding: .6rem 1rem; margin: .5rem 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
td:first-child { min-width: 9rem; }
.number { font-variant-numeric: tabular-nums; }
th, time, .number, td:first-child code { white-space: nowrap; }
@media (max-width: 44rem) {
  thead { display: none; }
  tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  td { display: flex; gap: 1rem; justify-content: space-between; text-align: right; border: 0; padding: .1rem 0; }
  td::before { content: attr(data-label); opacity: .75; flex: none; text-align: left; }
  td:first-child { font-weight: 600; }
}
"""

POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page's Content-Security-Policy: this style and nothing else, whatever may get into the page."""
