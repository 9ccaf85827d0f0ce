"""What a phone's life is made of."""

from collections.abc import Iterator
from typing import NamedTuple

from exporter.simulator.phone import Step


class Launch(NamedTuple):
    """The app's process starts."""

    after: float


class Exit(NamedTuple):
    """The process ends; a killed one while it posts."""

    after: float
    killed: bool


Moment = Step | Launch | Exit
Story = Iterator[Moment]
