"""What an event of a fleet's mix costs, here and in another checkout: `python -m tests.bench.mix [DIRECTORY]`.

Arrays of what the simulator's phones say, those that send arrays; CPU time an event from the body to the commit, which
posts share as they do under load, when all series are known. The checkouts take turns with the same bodies, in
processes of their own, so the ratio is that of the code.
"""

import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from exporter.simulator.fleet import population
from exporter.simulator.moments import Story
from exporter.simulator.options import Options
from exporter.simulator.phone import Phone, Step

ROUNDS = 9
TOGETHER = {3: 32, 50: 8}
"""Events in an array, and posts in a commit."""

EVENTS = 20_000
ROOT = Path(__file__).parents[2]
_START_MS = 1_795_000_000_000

_MEASURE = """
import sys, tempfile
from pathlib import Path
from tests.bench.ledger import cpu
from tests.support.spine import Spine
bodies = [line.encode() for line in Path(sys.argv[1]).read_text().splitlines()]
together = int(sys.argv[2])
commits = [bodies[start : start + together] for start in range(0, len(bodies), together)]
later = [[body.replace(b'"timestamp":1', b'"timestamp":2') for body in commit] for commit in commits]
with tempfile.TemporaryDirectory() as folder:
    spine = Spine(Path(folder))
    cpu(spine.post(*commit) for commit in commits)  # all series are born
    print(cpu(spine.post(*commit) for commit in later) / sum(body.count(b'"timestamp":1') for body in bodies) * 1e6)
    spine.close()
"""


def said(phone: Phone, story: Story) -> Iterator[str]:
    """What a phone puts into its queue, one event after the other."""
    now = _START_MS
    for moment in story:
        now += int(moment.after * 1000)
        if isinstance(moment, Step) and not moment.alone:
            yield phone.body(moment, now).decode()


def bodies(size: int) -> list[str]:
    """Arrays of so many events, each of one phone, in any order."""
    phones = [(phone, story) for phone, story in population(Options(devices=400)) if phone.dialect.has("arrays")]
    each = EVENTS // len(phones) // size + 1
    arrays = []
    for phone, story in phones:
        events = said(phone, story)
        arrays += [f"[{','.join(islice(events, size))}]" for _ in range(each)]
    random.Random(1).shuffle(arrays)
    return arrays


def measure(checkout: Path, file: Path, together: int) -> float:
    """Microseconds of CPU an event."""
    command = [sys.executable, "-c", _MEASURE, str(file), str(together)]
    return float(subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measure all sizes in all checkouts."""
    checkouts = [ROOT, *map(Path, sys.argv[1:])]
    for size, together in TOGETHER.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "bodies"
            file.write_text("\n".join(bodies(size)))
            rounds = [[measure(checkout, file, together) for checkout in checkouts] for _ in range(ROUNDS)]
        for number, (checkout, figures) in enumerate(zip(checkouts, zip(*rounds, strict=True), strict=True)):
            ratio = statistics.median(own[0] / own[number] for own in rounds)
            spread = f"{min(figures):5.2f} {statistics.median(figures):5.2f} {max(figures):5.2f}"
            print(
                f"arrays of {size:>2}, {checkout}: {spread} us CPU an event (min, median, max)"
                + (f"; here {ratio - 1:+.1%}" if number else "")
            )


if __name__ == "__main__":
    main()
