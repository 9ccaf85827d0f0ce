"""No post can hurt: the attack script for a few seconds."""

from __future__ import annotations

from pathlib import Path

from tests.attack.attack import run


def test_an_attack_hurts_nobody(tmp_path: Path) -> None:
    """No error but the refusals, all that the fleet was acknowledged counted, every scrape answered, bounded memory."""
    figures = run(tmp_path, 12, with_wrk=False)
    print(figures)

    figures.check()
