"""`python -m tests.fuzz.mutate --bodies 10000000`: mutated real bodies against decoding, labels and fingerprints.

Stops at the first that fails, and prints it with the seed and its number. One body in `COMPARED` is also read the
second way.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from typing import Final

from tests.fuzz.oracle import compare, read
from tests.support.mutator import Mutator, seeds

COMPARED: Final = 8


def main() -> int:
    """Returns 1 if a body failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so long")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    mutator = Mutator(seeds(), options.seed)
    began = time.monotonic()
    taken = done = 0
    for number in itertools.count():
        elapsed = time.monotonic() - began if number % 1000 == 0 else 0
        if number == options.bodies or elapsed > options.seconds:
            break
        body = mutator.body()
        try:
            batch = read(body)
            if number % COMPARED == 0:
                compare(body, batch)
        except Exception as error:
            print(f"seed {options.seed}, body {number}: {body!r}\n{type(error).__name__}: {error}", file=sys.stderr)
            return 1
        taken += batch is not None
        done = number + 1
    seconds = time.monotonic() - began
    print(f"{done} bodies in {seconds:.0f} s ({done / seconds:.0f}/s), {taken} of them JSON; none failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
