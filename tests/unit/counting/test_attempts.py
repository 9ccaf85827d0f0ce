"""What a device has said after a row of words, told as the stories of real clients."""

from typing import NamedTuple

import pytest

from exporter.counting.attempts import Stage, Standing, entered, hear
from exporter.wire.words import WORDS, Word

VERSIONS = ["none", "unknown", "0.9", "1.0", "1.1", "1.2"]
"""By their numbers."""


class End(NamedTuple):
    """Where a story leaves a device: the versions that it runs and tries by their names, its stage, and the stages that
    were entered, each as `version stage`.
    """

    runs: str
    tried: str
    stage: str
    entered: list[str]


def tell(story: str) -> End:
    """`action version` after `action version`, separated by commas."""
    device, stages = Standing(VERSIONS.index("unknown")), []
    for event in filter(None, (part.strip() for part in story.split(","))):
        action, _, name = event.partition(" ")
        after = hear(device, WORDS[action], VERSIONS.index(name or "unknown"))
        stage = entered(device, after)
        if stage:
            stages.append(f"{VERSIONS[after.tried]} {stage.label}")
        device = after
    return End(VERSIONS[device.runs], VERSIONS[device.tried], device.stage.label, stages)


STORIES = {
    "nothing is known of a device that is only there": ("ping", End("unknown", "none", "none", [])),
    "a visit says what it runs": ("app_moved_to_foreground 1.0", End("1.0", "none", "none", [])),
    "an update that goes well": (
        "app_launch_start 1.0, download_zip_start 1.1, download_50 1.1, download_zip_complete 1.1, "
        "download_complete 1.1, set_next 1.1, app_moved_to_background 1.0, set 1.1, delete 1.0, app_launch_ready 1.1",
        End("1.1", "1.1", "installed", ["1.1 downloading", "1.1 downloaded", "1.1 installed"]),
    ),
    "a rollback leaves the version failed": (
        "set 1.0, download_complete 1.1, set 1.1, app_launch_timeout 1.1, update_fail 1.1, set 1.0, delete 1.1",
        End("1.0", "1.1", "failed", ["1.0 installed", "1.1 downloaded", "1.1 installed", "1.1 failed"]),
    ),
    "a rollback of an older client, by way of the native bundle": (
        "set 1.1, update_fail 1.1, reset 0.9, set 1.0, delete 1.1",
        End("1.0", "1.1", "failed", ["1.1 installed", "1.1 failed"]),
    ),
    "a rollback to the native bundle, which nothing tells but the next visit": (
        "set 1.1, update_fail 1.1, delete 1.1, app_moved_to_foreground 0.9",
        End("0.9", "1.1", "failed", ["1.1 installed", "1.1 failed"]),
    ),
    "failing ten times in a row is failing once": (
        "download_zip_start 1.1, download_fail, " * 10,
        End("unknown", "1.1", "failed", ["1.1 downloading", "1.1 failed"]),
    ),
    "one that then succeeds is installed": (
        "download_10 1.1, download_fail, download_10 1.1, download_complete 1.1, set 1.1",
        End(
            "1.1",
            "1.1",
            "installed",
            [f"1.1 {stage}" for stage in ("downloading", "failed", "downloaded", "installed")],
        ),
    ),
    "Electron says set at every launch": (
        "set 1.0, set 1.0, download_complete 1.1, set 1.0, set 1.0, set 1.1, set 1.1",
        End("1.1", "1.1", "installed", ["1.0 installed", "1.1 downloaded", "1.1 installed"]),
    ),
    "a bundle that is gone is set in vain": (
        "set 1.0, download_complete 1.1, set_fail 1.1, set 1.0",
        End("1.0", "1.1", "failed", ["1.0 installed", "1.1 downloaded", "1.1 failed"]),
    ),
    "a download that breaks names the running version, or none": (
        "app_launch_start 1.0, download_30 1.1, download_fail 1.0",
        End("1.0", "1.1", "failed", ["1.1 downloading", "1.1 failed"]),
    ),
    "what breaks when nothing is downloading says nothing": (
        "set 1.1, download_fail 1.1, checksum_fail 1.1, unzip_fail 1.1, insufficient_disk_space",
        End("1.1", "1.1", "installed", ["1.1 installed"]),
    ),
    "a failing file is followed by a zip": (
        "download_manifest_start 1.1, download_manifest_file_fail 1.1, download_zip_start 1.1, download_complete 1.1",
        End("unknown", "1.1", "downloaded", ["1.1 downloading", "1.1 downloaded"]),
    ),
    "a failing file that is heard first has begun": (
        "download_manifest_checksum_fail 1.1",
        End("unknown", "1.1", "downloading", ["1.1 downloading"]),
    ),
    "the last words of a download worker come late": (
        "download_manifest_start 1.1, download_fail, download_manifest_file_fail 1.1, download_zip_complete 1.1",
        End("unknown", "1.1", "failed", ["1.1 downloading", "1.1 failed"]),
    ),
    "finishing a download fails": (
        "download_zip_start 1.1, download_zip_complete 1.1, finish_download_fail 1.1, download_zip_complete 1.1",
        End("unknown", "1.1", "failed", ["1.1 downloading", "1.1 failed"]),
    ),
    "progress lowers nothing": (
        "set 1.1, download_0 1.1, download_zip_start 1.1, download_complete 1.1, set_next 1.1",
        End("1.1", "1.1", "installed", ["1.1 installed"]),
    ),
    "a crash of its new bundle is no failure of the attempt": (
        "set 1.1, app_crash 1.1, webview_javascript_error 1.1",
        End("1.1", "1.1", "installed", ["1.1 installed"]),
    ),
    "a newer version takes the place of one that was under way": (
        "download_10 1.1, download_10 1.2, download_complete 1.2",
        End("unknown", "1.2", "downloaded", ["1.1 downloading", "1.2 downloading", "1.2 downloaded"]),
    ),
    "a version that fails though another was tried since": (
        "set 1.1, download_10 1.2, update_fail 1.1, set 1.0",
        End("1.0", "1.1", "failed", ["1.1 installed", "1.2 downloading", "1.1 failed"]),
    ),
    "what names another bundle says nothing of what runs": (
        "app_launch_start 1.0, app_launch_timeout 1.1, delete 0.9, set_next 1.1, get 1.2",
        End("1.0", "1.1", "downloaded", ["1.1 downloaded"]),
    ),
    "a reset is no attempt": ("set 1.1, reset 0.9", End("0.9", "1.1", "installed", ["1.1 installed"])),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_leaves_a_device_where_it_is(name: str) -> None:
    """Its name is the claim."""
    story, end = STORIES[name]

    assert end == tell(story)


@pytest.mark.parametrize("word", Word)
@pytest.mark.parametrize("before", ["", "set 1.1", "download_0 1.1", "download_complete 1.1", "update_fail 1.1"])
@pytest.mark.parametrize("version", [1, 2])
def test_to_say_it_again_changes_nothing(word: Word, before: str, version: int) -> None:
    """Events without a timestamp may come twice."""
    device = Standing(1)
    if before:
        device = hear(device, WORDS[before.split()[0]], 2)
    once = hear(device, word, version)

    assert hear(once, word, version) == once
    assert entered(once, once) is Stage.NONE


@pytest.mark.parametrize("stage", Stage)
def test_the_stages_keep_their_numbers(stage: Stage) -> None:
    """They are stored."""
    assert {"NONE": 0, "FAILED": 1, "DOWNLOADING": 2, "DOWNLOADED": 3, "INSTALLED": 4}[stage.name] == stage
