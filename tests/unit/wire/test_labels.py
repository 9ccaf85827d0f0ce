"""Every label value comes from a closed set or has a bounded form, whatever a client sends."""

import string
import tracemalloc
from typing import get_type_hints

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporter.wire.actions import CATALOGUE, OTHER
from exporter.wire.bounds import APP_ID_LENGTH, VERSION_LENGTH
from exporter.wire.events import Event, Rejected
from exporter.wire.labels import (
    INVALID_VERSION,
    PLATFORMS,
    UNKNOWN_VERSION,
    Ignored,
    Series,
    Version,
    is_app_id,
    policy,
    version_label,
)
from exporter.wire.plugins import fails_without_update

APP = "com.acme.notes"
ANY_TEXT = st.text(st.characters())  # lone surrogates among them
LETTERS_AND_DIGITS = string.ascii_letters + string.digits
LEGACY = Ignored("legacy_download_fail")


def outcome(action: str = "set", app_id: str = APP, **fields: object) -> Series | Ignored | Rejected:
    return policy(())(Event(app_id=app_id, action=action, **fields))[action].outcome  # type: ignore[arg-type]


def series(action: str = "set", app_id: str = APP, **fields: object) -> Series:
    found = outcome(action, app_id, **fields)
    assert isinstance(found, Series)
    return found


@settings(deadline=None)
@given(ANY_TEXT | st.sampled_from(sorted(PLATFORMS)))
def test_a_platform_is_one_of_six(platform: str) -> None:
    """Exactly the names that clients send; everything else, another case included, is `other`."""
    assert series(platform=platform).version.platform == (
        platform if platform in {"android", "ios", "electron", "react-native", "web"} else "other"
    )


def test_without_a_platform_it_is_other() -> None:
    """The event counts all the same."""
    assert series(platform=None).version.platform == "other"


BUNDLE_ID = "0f673663-459a-44c0-a7f5-613f2a4af3ab"


@pytest.mark.parametrize("platform", ["android", "ios", "electron", "windows", "", None])
def test_react_native_is_a_platform_of_its_own(platform: str | None) -> None:
    """Its client says so in `install_source`, whatever the phone is."""
    found = series("download_fail", platform=platform, install_source="react-native", plugin_version="0.1.0")

    assert found.version.platform == "react-native"
    assert found.action == "download_fail"


@pytest.mark.parametrize("install_source", ["google_play", "React-Native", "react-native ", "react_native", "", None])
def test_another_source_says_nothing_of_the_platform(install_source: str | None) -> None:
    """Stores are in there, too."""
    assert series(platform="android", install_source=install_source).version.platform == "android"


@pytest.mark.parametrize("name", [BUNDLE_ID, BUNDLE_ID.upper(), f"{BUNDLE_ID}:x"])
def test_a_bundles_id_makes_no_version(name: str) -> None:
    """React Native tells it of a bundle that can't be set: each device would make a version of its own."""
    failed = series("set_fail", version_name=name, install_source="react-native")
    assert failed == Series(Version(APP, "react-native", UNKNOWN_VERSION, test=False), "set_fail")


@pytest.mark.parametrize(
    ("action", "install_source"), [("set", "react-native"), ("set_fail", "google_play"), ("update_fail", None)]
)
def test_a_version_may_look_like_an_id_elsewhere(action: str, install_source: str | None) -> None:
    """Who serves bundles names them as they please."""
    assert series(action, version_name=BUNDLE_ID, install_source=install_source).version.version == BUNDLE_ID


@settings(deadline=None)
@given(ANY_TEXT.filter(bool) | st.sampled_from(sorted(CATALOGUE)))
def test_an_action_is_in_the_catalogue_or_other(action: str) -> None:
    """A new plugin's new action counts, and can't make a series of its own."""
    assert series(action, platform="electron").action == (action if action in CATALOGUE else OTHER)


@settings(deadline=None)
@given(ANY_TEXT | ANY_TEXT.map(lambda text: f"builtin:{text}") | st.just("builtin"), st.none() | ANY_TEXT)
@example("1.0\n", None)
@example("\ud800", None)
@example("builtin", "\ud800")
def test_a_version_has_a_bounded_form(name: str, build: str | None) -> None:
    """It can be written to the text format, to a database and to a terminal."""
    label = version_label(name, build)

    assert 1 <= len(label) <= VERSION_LENGTH == 64
    assert label.isprintable()
    assert label.encode()
    assert label == INVALID_VERSION or not label.startswith("__")


@pytest.mark.parametrize(
    ("name", "build", "label"),
    [
        ("1.2.3", "1.0.0", "1.2.3"),
        ("1.2.3-beta.1+build 7", None, "1.2.3-beta.1+build 7"),
        ("1.2.3:assets/main.js", None, "1.2.3"),
        ("1.2.3:C:/a b/[c]@2x.js", None, "1.2.3"),
        ("1.2.3:", None, "1.2.3"),
        (":main.js", None, UNKNOWN_VERSION),
        (None, "1.0.0", UNKNOWN_VERSION),
        ("", "1.0.0", UNKNOWN_VERSION),
        ("builtin", "1.0.0", "1.0.0"),
        ("builtin:main.js", "1.0.0", "1.0.0"),
        ("builtin", None, "builtin"),
        ("builtin", "", "builtin"),
        ("Builtin", "1.0.0", "Builtin"),
        ("unknown", "1.0.0", "unknown"),
        ("v" * 64, None, "v" * 64),
        ("v" * 65, None, INVALID_VERSION),
        ("v:" + "x" * 100, None, "v"),
        ("__overflow__", None, INVALID_VERSION),
        ("__overflow__:main.js", None, INVALID_VERSION),
        ("_1", None, "_1"),
        ("1\t2", None, INVALID_VERSION),
        ("1\ud8002", None, INVALID_VERSION),
        ("1:\ud8002", None, "1"),
        ("builtin", "__overflow__", INVALID_VERSION),
        ("1.2.3-é版", None, "1.2.3-é版"),
    ],
)
def test_a_version_is_the_bundle_without_what_clients_attach(name: str | None, build: str | None, label: str) -> None:
    """A failing manifest attaches a path, and old plugins call the native bundle `builtin`."""
    assert version_label(name, build) == label


def has_the_form(text: str) -> bool:
    """That of an app's id, written down without a pattern."""
    labels = text.split(".")
    return (
        len(text) <= 128
        and len(labels) > 1
        and all(label != "" and set(label) <= set(LETTERS_AND_DIGITS + "_-") for label in labels)
    )


@settings(deadline=None)
@given(
    ANY_TEXT.filter(bool)
    | st.from_regex(r"[\w-]+(\.[\w-]+)+", fullmatch=True)
    | st.text("aZ9._-\n ", min_size=1, max_size=12)
)
@example("com.acme.notes\n")
@example("com.acme.\u0663")
@example("\u212aom.acme")
@example("com." + "a" * 124)
@example("com." + "a" * 125)
@example("my_company.shop")
@example("my-company.shop-2.Lite")
@example("-.-")
@example("__overflow__.x")
def test_an_app_id_has_the_form_that_capacitor_and_apple_take(app_id: str) -> None:
    """Anything else is refused, so that it never reaches a label."""
    found = outcome(app_id=app_id)

    assert is_app_id(app_id) == has_the_form(app_id)
    if has_the_form(app_id):
        assert found == Series(Version(app_id, "other", UNKNOWN_VERSION, test=False), "set")
    else:
        assert found == Rejected("invalid_app_id")


def test_the_length_of_an_app_id_is_the_documented_one() -> None:
    """128 characters."""
    assert APP_ID_LENGTH == 128


def test_only_allowed_apps_are_counted_if_there_is_a_list() -> None:
    """The whole id, in the case given; what has no app's form at all is told so."""
    label = policy(["com.acme.notes", "com.acme.till"])

    app_ids = ("com.acme.till", "com.acme.notes2", "com.acme", "COM.acme.notes", "notes")
    known, *strangers, formless = [label(Event(app_id=app_id, action="set"))["set"].outcome for app_id in app_ids]
    assert isinstance(known, Series)
    assert strangers == [Rejected("app_not_allowed")] * 3
    assert formless == Rejected("invalid_app_id")


@pytest.mark.parametrize(
    ("is_emulator", "is_prod", "test"),
    [
        (None, None, False),
        (False, True, False),
        (False, None, False),
        (None, True, False),
        (True, True, True),
        (True, None, True),
        (True, False, True),
        (False, False, True),
        (None, False, True),
    ],
)
def test_emulators_and_development_builds_are_test_devices(
    is_emulator: bool | None, is_prod: bool | None, test: bool
) -> None:
    """Plugins that are too old to say are taken for a user's."""
    assert series(is_emulator=is_emulator, is_prod=is_prod).version.test is test


OLD = ["3.3.20", "4.61.11", "5.2.35", "5.9.5", "5.42.99", "6.0.0", "6.9.0", "6.14.24", "7.0.0", "7.16.9"]
ACCIDENTAL = ["9.0.0", "10.0.0"]
UNPARSABLE = ["unknown", "not-a-version", "", "8", "8.51", "v8.51.23", "8.51.x", " 8.51.23", "٨.51.23", None]
TRUE = ["5.43.0", "5.43.3", "5.50.1", "6.14.25", "6.51.16", "7.17.0", "7.51.21", "8.0.0", "8.51.23", "11.0.0", "12.3.4"]
TRUE += ["8.51.23-alpha.1", "8.52.0+7"]
TRUE += ["9.0.1", "9.1.0", "9.51.7", "10.0.1", "10.99.0", "9.0.0-alpha.3", "10.0.0-rc.1", "9.0.00", "9.0.0 "]


@pytest.mark.parametrize("platform", ["android", "ios"])
@pytest.mark.parametrize("plugin_version", [*OLD, *ACCIDENTAL, *UNPARSABLE])
def test_a_download_fail_that_means_no_update_is_ignored(platform: str, plugin_version: str | None) -> None:
    """Old plugins send it at every launch; 9.0.0 and 10.0.0 are old ones with a high number."""
    assert outcome("download_fail", platform=platform, plugin_version=plugin_version) == LEGACY


@pytest.mark.parametrize("platform", ["android", "ios"])
@pytest.mark.parametrize("plugin_version", TRUE)
def test_a_download_fail_of_a_newer_plugin_counts(platform: str, plugin_version: str) -> None:
    """From 6.14.25, 7.17.0 and the backports of 5.43 on; of 9 and 10, all but the two that are known to be old."""
    assert series("download_fail", platform=platform, plugin_version=plugin_version).action == "download_fail"


@pytest.mark.parametrize("platform", ["electron", "web", "windows", None])
@pytest.mark.parametrize("plugin_version", ["0.0.1", "5.2.35", None])
def test_a_download_fail_of_another_platform_counts(platform: str | None, plugin_version: str | None) -> None:
    """Electron numbers its own versions, from 0.0.1 on."""
    assert series("download_fail", platform=platform, plugin_version=plugin_version).name == "download_fail"


def test_no_other_action_of_an_old_plugin_is_ignored() -> None:
    """Its `update_fail` is real."""
    for action in CATALOGUE.keys() - {"download_fail"}:
        assert series(action, platform="android", plugin_version="4.61.11").action == action


EVENTS = st.builds(
    Event,
    app_id=st.sampled_from([APP, "com.acme.till", "notes"]),
    action=st.sampled_from(["set", "download_fail", "app_moved_to_foreground", "x"]),
    platform=st.sampled_from(["android", "electron", None]),
    version_name=st.sampled_from(["1.0", "builtin", None]),
    version_build=st.sampled_from(["1.0", "2.0", None]),
    plugin_version=st.sampled_from(["4.6.2", "8.51.23", None]),
    is_emulator=st.none() | st.booleans(),
    is_prod=st.none() | st.booleans(),
    install_source=st.sampled_from(["react-native", "google_play", None]),
    version_os=st.sampled_from(["10", "16", None]),
)


VISIT = {"action": "app_moved_to_foreground", "version_os": "16"}


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"plugin_version": "8.51.23"}, "crashes"),
        ({"plugin_version": "8.51.23", "version_os": "10"}, "errors"),
        ({"plugin_version": "8.51.23", "version_os": "10", "platform": "ios"}, "crashes"),
        ({"plugin_version": "8.45.11"}, "nothing"),
        ({"plugin_version": "8.51.23", "install_source": "react-native"}, "nothing"),
        ({}, "nothing"),
    ],
)
def test_a_visit_counts_by_what_its_sender_reports(fields: dict[str, str], part: str) -> None:
    """In one of three counters, all of its action."""
    counted = series(**{"platform": "android"} | VISIT | fields)

    assert (counted.name, counted.action) == (f"visits:{part}", "app_moved_to_foreground")


def test_no_word_of_a_client_is_a_part() -> None:
    """An action that is spelt as one is other."""
    for name in ("visits:crashes", "launch:sum", "page_load:+Inf"):
        assert series(name).name == OTHER


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=10))
def test_what_came_before_changes_no_label(events: list[Event]) -> None:
    """Outcomes are remembered, so one that is remembered for another event would be wrong for ever."""
    label = policy(())

    for event in events:
        assert label(event)[event.action] == policy(())(event)[event.action]


LONG = st.text(st.characters(), min_size=1, max_size=5).map(lambda text: text * (400 // len(text)))
TEXTS = ANY_TEXT | LONG | st.builds("{}:{}".format, ANY_TEXT, LONG) | st.builds("{}{}".format, LONG, ANY_TEXT)


@settings(deadline=None)
@given(TEXTS, TEXTS | st.sampled_from(["android", "ios"]), TEXTS | st.just("builtin"), TEXTS, TEXTS)
def test_the_length_of_a_text_changes_no_label(action: str, platform: str, name: str, build: str, plugin: str) -> None:
    """What is too long to be remembered gets the label that it would get anyway."""
    event = Event(
        app_id=APP, action=action, platform=platform, version_name=name, version_build=build, plugin_version=plugin
    )
    meanings = policy(())(event)
    of_failure, of_action = meanings["download_fail"].outcome, meanings[action].outcome

    expected = platform if platform in PLATFORMS else "other"
    version = Version(APP, expected, version_label(name, build), test=False)
    assert isinstance(of_action, Series)
    assert (of_action.version, of_action.action) == (version, action if action in CATALOGUE else OTHER)
    ignored = fails_without_update(platform, plugin)
    assert of_failure == (LEGACY if ignored else Series(version, "download_fail"))


@pytest.mark.parametrize("apps", [[], ["com.acme.other"]], ids=["taken", "refused"])
@pytest.mark.parametrize("field", [field for field, kind in get_type_hints(Event).items() if "str" in repr(kind)])
def test_no_text_of_a_client_is_kept(field: str, apps: list[str]) -> None:
    """Each of these is another one, and megabytes long; what is remembered has a bound."""
    label = policy(apps)
    sizes = []
    tracemalloc.start()
    try:
        for number in range(60):
            text = f"{number:02}" * 2**19
            value = {"k": text} if field == "metadata" else text
            event = Event(**{"app_id": APP, "action": "download_fail", "platform": "ios"} | {field: value})  # type: ignore[arg-type]
            label(event)[event.action]
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()

    assert sizes[-1] - sizes[0] < 2**19
