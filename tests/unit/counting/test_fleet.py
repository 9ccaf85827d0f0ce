"""Whatever real clients post, in any order and as often as they can, each device is where its own account has it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest

from exporter.counting.view import View
from exporter.simulator.fleet import population
from exporter.simulator.moments import Story
from exporter.simulator.options import Options
from exporter.simulator.phone import Phone, Step
from exporter.wire.families import STAGES, key_of, member_of
from exporter.wire.labels import Version
from tests.support.spine import Spine

PHONES = 40
MOMENTS = 150
FAILURES = ("download_fail", "set_fail", "update_fail", "checksum_fail", "finish_download_fail", "unzip_fail")
FAIL = [f"{platform}:{failure}=0.1" for platform in ("android", "ios", "electron") for failure in FAILURES]
STALL = ["android:50=0.1", "ios:70=0.1"]

START_MS = 1_795_000_000_000


class Post(NamedTuple):
    """What a phone posts; the `last` words of a download worker go their own way, and may be late."""

    events: Sequence[bytes]
    array: bool
    last: bool = False

    @property
    def body(self) -> bytes:
        return b"[%b]" % b",".join(self.events) if self.array else self.events[0]


def posts(phone: Phone, story: Story) -> Iterator[Post]:
    """The posts of a part of a life, as the phone means them."""
    now, due, queue = START_MS, 0, list[bytes]()
    for moment in islice(story, MOMENTS):
        now += int(moment.after * 1000)
        if queue and now >= due:
            yield Post(queue, array=True)
            queue = []
        if not isinstance(moment, Step):
            continue
        phone.tell(moment)
        body = phone.body(moment, now)
        if moment.alone or not phone.dialect.has("arrays"):
            yield Post([body], array=False, last=moment.alone and not moment.action.endswith("_start"))
        else:
            due = due if queue else now + 1000
            queue.append(body)
    if queue:
        yield Post(queue, array=True)


def delivered(sent: Iterator[Post], chance: random.Random) -> Iterator[Post]:
    """What arrives of them: some twice, some merged with what the first try said already, some late."""
    late: Post | None = None
    unheard: list[bytes] = []
    for post in sent:
        if post.last and late is None and chance.random() < 0.3:
            late = post
            continue
        if post.array:
            post = Post([*unheard, *post.events], array=True)
            unheard = [*post.events] if chance.random() < 0.2 else []
        yield post
        if not post.array and chance.random() < 0.1:  # an HTTP library's own retry
            yield post
        if late is not None:
            yield late
            late = None
    if late is not None:
        yield late


@pytest.mark.parametrize("seed", range(4))
def test_each_device_is_where_its_story_left_it(tmp_path: Path, seed: int) -> None:
    """Its version, its newest attempt and the stage of that, and each stage that it entered, once."""
    chance = random.Random(seed)
    phones = [*population(Options(devices=PHONES, seed=seed, fail=FAIL, stall=STALL, test_share=0.1))]
    view = heard(tmp_path, [delivered(posts(phone, story), chance) for phone, story in phones], chance)

    told = [phone.told for phone, _ in phones if phone.told.heard and not phone.is_test]
    here = view.devices
    assert {place(version): devices for version, devices in here.running["1d"].items()} == Counter(
        (one.platform, one.runs) for one in told
    )
    assert {(*place(version), stage.label): devices for (version, stage), devices in here.trying.items()} == Counter(
        (one.platform, one.tried, one.stage) for one in told if one.tried
    )
    entered: Counter[tuple[str, str, str]] = Counter()
    for one in told:
        entered.update({(one.platform, *reached): times for reached, times in one.entered.items()})
    assert {
        (*place(series.version), member_of(series.name)): devices
        for series, devices in view.shown.items()
        if key_of(series.name) == STAGES.key and devices
    } == entered


def place(version: Version) -> tuple[str, str]:
    return version.platform, version.version


def heard(directory: Path, ways: list[Iterator[Post]], chance: random.Random) -> View:
    """What a ledger shows that took the posts of phones in any order of these, some of them together."""
    now = START_MS / 1000
    spine = Spine(directory, clock=lambda: now)
    while ways:
        way = chance.choice(ways)
        some = [post.body for post in islice(way, chance.randint(1, 3))]
        if some:
            spine.post(*some)
        else:
            ways.remove(way)
    for _ in range(4):  # until all is shown that was held
        spine.scrape()
        now += 160
    view = spine.scrape()
    spine.close()
    return view
