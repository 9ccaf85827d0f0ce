"""What an event of a fleet's mix costs, here and in another checkout: `python -m tests.bench.mix [DIRECTORY]`.

Arrays of what the simulator's phones say, those that send arrays; CPU time an event from the body to the commit. The
checkouts take turns with the same bodies in processes of their own, so the ratio is that of the code.
"""

import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from exporter.simulator.fleet import population
from exporter.simulator.options import Options
from exporter.simulator.phone import Phone, Step
from exporter.simulator.stories import Story

ROUNDS = 9
SIZES = (3, 50)
EVENTS = 20_000
ROOT = Path(__file__).parents[2]
_START_MS = 1_795_000_000_000

_MEASURE = """
import json, sys, tempfile
from pathlib import Path
from tests.bench.ledger import cpu, ingest
bodies = [line.encode() for line in Path(sys.argv[1]).read_text().splitlines()]
with tempfile.TemporaryDirectory() as folder:
    spine = ingest(Path(folder))
    half = len(bodies) // 2
    cpu(spine.post(body) for body in bodies[:half])
    print(cpu(spine.post(body) for body in bodies[half:]) / sum(len(json.loads(body)) for body in bodies[half:]) * 1e6)
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


def measure(checkout: Path, file: Path) -> float:
    """Microseconds of CPU an event."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(file)], cwd=checkout, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def main() -> None:
    """Measure all sizes in all checkouts."""
    checkouts = [ROOT, *map(Path, sys.argv[1:])]
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "bodies"
            arrays = bodies(size)
            file.write_text("\n".join(arrays))
            rounds = [[measure(checkout, file) for checkout in checkouts] for _ in range(ROUNDS)]
        events = sum(len(json.loads(body)) for body in arrays)
        for number, (checkout, figures) in enumerate(zip(checkouts, zip(*rounds, strict=True), strict=True)):
            ratio = statistics.median(own[0] / own[number] for own in rounds)
            spread = f"{min(figures):5.2f} {statistics.median(figures):5.2f} {max(figures):5.2f}"
            print(
                f"arrays of {size:>2}, {events:,} events, {checkout}: {spread} us CPU an event (min, median, max)"
                + (f"; here {ratio - 1:+.1%}" if number else "")
            )


if __name__ == "__main__":
    main()
