"""What the fleet's phones say is what the plugin of their version says, and the same for the same seed."""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from exporter.simulator.dialects import Platform, dialect
from exporter.simulator.fleet import population
from exporter.simulator.moments import Exit, Launch, Moment
from exporter.simulator.options import Options
from exporter.simulator.phone import Phone, Step
from exporter.simulator.rollout import Rollout
from exporter.simulator.stories import life

NATIVE, OLD, NEW = "1.2.0", "1.2.3", "1.2.4"
NOW_MS = 1_795_512_600_000
STEPS = {f"download_{stage}" for stage in range(0, 100, 10)}


def rollout(platform: Platform = "android", **failures: float) -> Rollout:
    """One in which nothing fails but what is chosen."""
    return Rollout(OLD, NEW, {(platform, action): share for action, share in failures.items()}, {}, 0.0)


def phone(platform: Platform, version: str, seed: int = 1) -> Phone:
    return Phone(dialect(platform, version), "com.example.shop", NATIVE, 0.0, random.Random(seed))


def moments(
    platform: Platform, version: str, plan: Rollout, count: int = 6000, seed: int = 1
) -> tuple[Phone, Iterator[Moment]]:
    who = phone(platform, version, seed)
    return who, islice(life(who, plan, 600.0, random.Random(seed)), count)


def steps(platform: Platform, version: str, plan: Rollout, count: int = 6000) -> list[Step]:
    return [moment for moment in moments(platform, version, plan, count)[1] if isinstance(moment, Step)]


def processes(platform: Platform, version: str, plan: Rollout) -> list[list[Step]]:
    """The steps of each life of the app's process, which a launch begins."""
    found: list[list[Step]] = []
    for moment in moments(platform, version, plan)[1]:
        if isinstance(moment, Launch):
            found.append([])
        elif isinstance(moment, Step):
            found[-1].append(moment)
    return found


def events(platform: Platform, version: str, plan: Rollout) -> list[dict[str, Any]]:
    """The JSON that goes out, all of it within one millisecond by the wall clock."""
    who, life_of_it = moments(platform, version, plan)
    return [json.loads(who.body(moment, NOW_MS)) for moment in life_of_it if isinstance(moment, Step)]


def actions(of: list[Step]) -> list[str]:
    return [step.action for step in of]


def test_a_newer_android_keeps_its_last_step_for_the_life_of_the_process() -> None:
    """Steps only rise, 0 is never said, and a second download in the same process says none that was said."""
    several = 0
    for process in processes("android", "8.51.23", rollout()):
        said = [int(step.action[9:]) for step in process if step.action in STEPS]
        assert said == sorted(set(said))
        assert 0 not in said
        several += actions(process).count("download_complete") > 1
    assert several, "no process in the sample downloads twice"


def test_an_older_android_says_every_ten_percent_of_every_download() -> None:
    """With 0, and again in the same process."""
    counts = Counter(actions(steps("android", "10.0.0", rollout())))
    assert {counts["download_complete"]} == {counts[step] for step in STEPS}


@pytest.mark.parametrize(("version", "zip_steps"), [("8.51.23", {0, 70, 80, 90}), ("7.18.14", set(range(0, 100, 10)))])
def test_ios_says_the_milestones_of_a_zip(version: str, zip_steps: set[int]) -> None:
    for process in processes("ios", version, rollout()):
        if "download_manifest_start" not in actions(process) and "download_complete" in actions(process):
            assert zip_steps == {int(step.action[9:]) for step in process if step.action in STEPS}


def test_ios_repeats_a_step_for_each_file_of_a_manifest() -> None:
    starts = {"download_zip_start", "download_manifest_start"}
    repeated = [
        process
        for process in processes("ios", "8.51.23", rollout())
        if sum(action in starts for action in actions(process)) == 1
        and max(Counter(action for action in actions(process) if action in STEPS).values()) > 1
    ]
    assert repeated
    assert all("download_manifest_start" in actions(process) for process in repeated)
    progress = {action for process in repeated for action in actions(process) if re.fullmatch(r"download_\d+", action)}
    assert progress <= STEPS, "tens only"


def test_electron_says_set_at_every_launch_and_nothing_of_progress() -> None:
    for process in processes("electron", "0.0.1", rollout()):
        assert process[0].action == "set"
        assert set(actions(process)) <= {"set", "download_complete"}


def test_react_native_says_set_at_every_launch_and_get_itself() -> None:
    """And `set` once more when a bundle is put in place, which the next launch runs."""
    installed = 0
    for process in processes("react-native", "0.1.0", rollout())[:-1]:  # the last one is cut off
        assert actions(process) in (["set"], ["set", "get", "set"])
        installed += len(process) == 3
    assert installed


@pytest.mark.parametrize(("system", "version"), [("android", "unknown"), ("ios", NEW)])
def test_react_native_tells_the_id_of_a_bundle_that_cannot_be_set_on_android(system: str, version: str) -> None:
    """Another one each time; it counts under no version."""
    seed = next(seed for seed in range(100) if phone("react-native", "0.1.0", seed).system == system)
    who, told = moments("react-native", "0.1.0", rollout("react-native", set_fail=1.0), seed=seed)
    failed = [step for step in told if isinstance(step, Step) and step.action == "set_fail"]

    named = {step.version_name for step in failed}
    assert len(named) == (len(failed) if system == "android" else 1)
    assert {who.labels(step).version for step in failed} == {version}
    assert {who.labels(step).platform for step in failed} == {"react-native"}


def test_react_native_is_a_phone_whose_client_says_what_it_is() -> None:
    """Single events without a timestamp; its ids are Android's own, or Apple's in upper case."""
    ids = {}
    for seed in range(20):
        event = json.loads(phone("react-native", "0.1.0", seed).body(Step(1, "set", OLD), NOW_MS))
        ids[event["platform"]] = event["device_id"]
        assert event["install_source"] == "react-native"
        assert not {"timestamp", "old_version_name", "defaultChannel", "metadata"} & event.keys()
    assert re.fullmatch("[0-9a-f]{16}", ids["android"])
    assert re.fullmatch("[0-9A-F-]{36}", ids["ios"])


def rollback(version: str, failed: str) -> list[tuple[str, str | None, str]]:
    """What follows the first failed update of a phone that ran the old bundle, up to the cleanup."""
    told = steps("android", version, rollout(update_fail=1.0))
    start = next(index for index, step in enumerate(told) if step.action == "set" and step[2:4] == (failed, OLD))
    rest = told[start + 1 :]
    end = actions(rest).index("delete")
    return [(step.action, step.version_name, step.old_version_name) for step in rest[: end + 1]]


def test_a_newer_plugin_says_what_was_thrown_and_rolls_back_without_a_reset() -> None:
    assert rollback("8.51.23", NEW) == [
        ("webview_javascript_error", NEW, ""),
        ("app_launch_timeout", NEW, ""),
        ("update_fail", NEW, ""),
        ("set", OLD, NATIVE),
        ("delete", NEW, ""),
    ]


def test_an_older_plugin_rolls_back_by_way_of_the_native_bundle() -> None:
    assert rollback("7.18.14", NEW) == [
        ("update_fail", NEW, ""),
        ("reset", "builtin", NEW),
        ("set", OLD, "builtin"),
        ("delete", NEW, ""),
    ]


def test_android_reports_a_manifest_file_twice_and_alone() -> None:
    """By its base name without `.br` and by its path, both after the version."""
    told = [
        step
        for step in steps("android", "8.51.23", rollout(download_manifest_file_fail=1.0))
        if step.action == "download_manifest_file_fail"
    ]
    assert told
    assert all(step.alone for step in told)
    for by_base, by_path in zip(told[::2], told[1::2], strict=True):
        assert by_base.version_name is not None
        assert by_path.version_name is not None
        assert by_base.version_name.startswith(f"{NEW}:")
        assert by_path.version_name.removesuffix(".br").endswith(by_base.version_name.partition(":")[2])


def test_android_forgets_the_version_of_a_failed_download() -> None:
    failed = [
        event
        for event in events("android", "8.51.23", rollout(download_fail=1.0))
        if event["action"] == "download_fail"
    ]
    assert failed
    assert all("version_name" not in event for event in failed)


def test_an_old_plugin_calls_no_update_a_failed_download() -> None:
    """And its label says that this is to be ignored, as it does not for a newer one."""
    bogus = [step for step in steps("ios", "7.0.2", rollout("ios")) if step.action == "download_fail"]
    assert bogus
    assert phone("ios", "7.0.2").labels(bogus[0]).ignored
    assert not phone("ios", "8.51.23").labels(bogus[0]).ignored
    assert "download_fail" not in actions(steps("ios", "8.51.23", rollout("ios")))


@pytest.mark.parametrize(
    ("name", "label"), [(f"{NEW}:a:b.js", NEW), ("builtin", NATIVE), ("", "unknown"), (None, "unknown")]
)
def test_the_version_of_an_event_is_a_bundle(name: str | None, label: str) -> None:
    assert phone("android", "8.51.23").labels(Step(0, "set", name)).version == label


def test_worker_posts_have_no_timestamp_and_their_neighbours_do() -> None:
    who = phone("android", "8.51.23")
    alone, queued = (json.loads(who.body(Step(1, "x", NEW, alone=single), NOW_MS)) for single in (True, False))
    assert "timestamp" not in alone
    assert "key_id" not in alone
    assert queued["timestamp"] > NOW_MS - 10 * 86_400_000


@pytest.mark.parametrize("version", ["8.51.23", "5.50.1"])
def test_no_two_events_of_a_device_have_the_key_by_which_a_retry_is_known(version: str) -> None:
    """Else a server would rightly take one for the other, and the account would be wrong."""
    told = [event for event in events("ios", version, rollout("ios", update_fail=0.5)) if "timestamp" in event]
    keys = Counter((event["action"], event.get("version_name"), event["timestamp"]) for event in told)
    assert max(keys.values()) == 1


@pytest.mark.parametrize(
    ("platform", "version", "agent"),
    [
        ("android", "8.51.23", r"CapacitorUpdater/8.51.23 (com.example.shop) android/"),
        ("ios", "7.18.14", "CapacitorUpdater/7.18.14 (com.example.shop)\r\n"),
        ("electron", "0.0.1", "CapacitorUpdater/0.0.1 (com.example.shop) electron/"),
        ("android", "10.0.0", "okhttp/"),
        ("android", "10.1.0", "CapacitorUpdater/10.1.0 (com.example.shop) android/"),
        ("ios", "9.0.1", "CapacitorUpdater/9.0.1 (com.example.shop) ios/"),
        ("react-native", "0.1.0", "CapgoRNUpdater/0.1.0\r\n"),
    ],
)
def test_the_user_agent_is_that_of_the_plugin_version(platform: Platform, version: str, agent: str) -> None:
    assert f"User-Agent: {agent}" in phone(platform, version).headers.decode()


def test_a_chosen_failure_rate_is_met() -> None:
    """7 % of those that get to it, over the installs of many phones."""
    counts: Counter[str] = Counter()
    for seed in range(300):
        _, told = moments("android", "8.51.23", rollout(update_fail=0.07), 300, seed)
        counts.update(step.action for step in told if isinstance(step, Step) and step.version_name == NEW)
    assert counts["update_fail"] / counts["set"] == pytest.approx(0.07, abs=0.02)


def test_a_stalled_download_ends_before_its_stage_without_a_word() -> None:
    plan = Rollout(OLD, NEW, {}, {"android": {"70": 1.0}}, 0.0)
    _, told = moments("android", "8.51.23", plan)
    new = {moment.action for moment in told if isinstance(moment, Step) and moment.version_name == NEW}
    assert "download_60" in new
    assert not {"download_70", "download_80", "download_90", "download_complete", "download_fail", "set"} & new
    assert any(isinstance(moment, Exit) and moment.killed for moment in moments("android", "8.51.23", plan)[1])


def told(seed: int) -> list[tuple[bytes, list[Moment]]]:
    """Each phone of a small fleet as it presents itself, with the beginning of its life."""
    options = Options.model_validate({"devices": 20, "seed": seed})
    return [(who.body(Step(1, "x", NEW), NOW_MS), [*islice(story, 200)]) for who, story in population(options)]


def test_the_same_seed_makes_the_same_phones_live_the_same_lives() -> None:
    assert told(7) == told(7)
    assert all(one != other for one, other in zip(told(7), told(8), strict=True))


def test_a_larger_fleet_begins_with_the_smaller_one() -> None:
    """A phone's life does not depend on how many others there are."""
    few, many = (population(Options.model_validate({"devices": count})) for count in (3, 30))
    for (one, its_life), (other, other_life) in zip(few, many, strict=False):
        assert one.headers == other.headers
        assert [*islice(its_life, 50)] == [*islice(other_life, 50)]
