"""A download, as the plugin tells of it: percents, whole archives or single files, and what breaks."""

import random
from collections.abc import Iterator
from typing import Final

from exporter.simulator.dialects import Dialect
from exporter.simulator.moments import Story
from exporter.simulator.phone import Phone, Step
from exporter.simulator.rollout import MANIFEST_FAILURES
from exporter.simulator.told import Attempt

_FILES: Final = ("index.html.br", "main.js.br", "assets/logo @2x.png", "assets/i18n/de.json.br", "assets/app [1].css")


def download(phone: Phone, bundle: str, failure: str | None, chance: random.Random) -> Story:
    """A download that gets to its end, or to its failure."""
    manifest = failure in MANIFEST_FAILURES or (
        phone.dialect.has("manifests") and failure != "unzip_fail" and chance.random() < 0.5
    )
    breaks = failure in MANIFEST_FAILURES or failure == "download_fail"
    yield from progress(phone, bundle, chance, manifest, chance.randrange(20, 90) if breaks else 100)
    current = phone.name(phone.current)
    if failure in MANIFEST_FAILURES:
        yield from _broken_files(phone, bundle, failure, chance)
    if breaks:
        forgets = phone.dialect.platform == "android" and phone.dialect.has("finish_fail")
        yield Step(0.3, "download_fail", None if forgets else current, attempt=Attempt(bundle, "breaks"))
        return
    if phone.dialect.has("manifests"):
        yield _transfer(phone, bundle, "manifest" if manifest else "zip", "complete")
    if failure in ("checksum_fail", "unzip_fail", "finish_download_fail"):
        names_new = failure == "finish_download_fail" or (
            failure == "checksum_fail" and phone.dialect.platform == "ios"
        )
        name = phone.about(bundle) if names_new else current
        what = "failed" if failure == "finish_download_fail" else "breaks"
        yield Step(0.3, failure, name, attempt=Attempt(bundle, what))
        return
    yield Step(0.3, "download_complete", phone.about(bundle), attempt=Attempt(bundle, "downloaded"))
    if phone.dialect.has("set_next"):
        yield Step(0.1, "set_next", bundle, current, attempt=Attempt(bundle, "downloaded"))


def _transfer(phone: Phone, bundle: str, kind: str, what: str) -> Step:
    """On Android the download worker posts these itself."""
    alone = phone.dialect.platform == "android"
    return Step(0.2, f"download_{kind}_{what}", bundle, alone=alone, attempt=Attempt(bundle, "downloading"))


def progress(phone: Phone, bundle: str, chance: random.Random, manifest: bool, end: int) -> Story:
    """The progress of a download that gets to less than `end` percent, 100 for all of it."""
    dialect = phone.dialect
    if dialect.has("manifests"):
        yield _transfer(phone, bundle, "manifest" if manifest else "zip", "start")
    if not dialect.has("percents"):
        return
    steps = _ios_steps(dialect, manifest, chance) if dialect.platform == "ios" else _android_steps(phone, chance, end)
    for stage in steps:
        if stage >= end:
            return
        unnamed = stage == 0 and dialect.platform == "ios" and not manifest and not dialect.has("ios_progress_named")
        attempt = None if unnamed else Attempt(bundle, "downloading")
        yield Step(0.4, f"download_{stage}", "builtin" if unnamed else phone.about(bundle), attempt=attempt)


def _android_steps(phone: Phone, chance: random.Random, end: int) -> Iterator[int]:
    """Percents come as the network delivers them; newer clients floor them to tens, and the last step said is kept
    as long as the process lives: a second download in it says none."""
    if not phone.dialect.has("latched_percent"):
        yield from range(0, 100, 10)
        return
    percent = 0
    while (percent := percent + chance.randrange(1, 9)) < min(end, 100):
        step = percent // 10 * 10
        if step > phone.percent:
            phone.percent = step
            yield step


def _ios_steps(dialect: Dialect, manifest: bool, chance: random.Random) -> Iterator[int]:
    """A manifest reports after each file, so that a step comes as often as files end in it."""
    yield 0
    if manifest:
        files = chance.randrange(4, 15)
        yield from (10 + 60 * done // files // 10 * 10 for done in range(1, files + 1))
        return
    yield from (70, 80, 90) if dialect.has("ios_progress_named") else range(10, 100, 10)


def _broken_files(phone: Phone, bundle: str, failure: str, chance: random.Random) -> Story:
    """Android reports a file that can't be fetched twice, by its base name and by its path."""
    android = phone.dialect.platform == "android"
    for path in chance.sample(_FILES, chance.randrange(1, 4)):
        bare = path.removesuffix(".br")
        if failure != "download_manifest_file_fail":
            yield Step(0.1, failure, f"{bundle}:{bare}", alone=android)
            continue
        if android:
            yield Step(0.1, failure, f"{bundle}:{bare.rpartition('/')[2]}", alone=True)
        yield Step(0.1, failure, f"{bundle}:{path}", alone=android)
