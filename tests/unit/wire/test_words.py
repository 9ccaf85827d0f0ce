"""What each event says of the device that sent it, in the words of the contract."""

from collections.abc import Mapping

import pytest

from exporter.wire.actions import CATALOGUE, OTHER, Kind
from exporter.wire.events import Event
from exporter.wire.labels import REACT_NATIVE, policy
from exporter.wire.words import Word

CONTRACT: Mapping[Word, str] = {
    Word.RUNS: """
        reset revert app_moved_to_foreground app_moved_to_background app_launch_start app_launch_ready
        app_crash app_crash_native app_anr app_killed_low_memory app_killed_excessive_resource_usage
        app_memory_warning os_version_changed native_app_version_changed
        webview_javascript_error webview_unhandled_rejection webview_resource_error
        webview_security_policy_violation webview_unclean_restart webview_render_process_gone
        webview_content_process_terminated webview_dom_content_loaded webview_page_loaded
    """,
    Word.SETS: "set",
    Word.BEGINS: """
        download_0 download_10 download_20 download_30 download_40 download_50 download_60 download_70 download_80
        download_90 download_zip_start download_manifest_start
    """,
    Word.GOES_ON: """
        download_zip_complete download_manifest_complete
        download_manifest_file_fail download_manifest_checksum_fail download_manifest_brotli_fail manifest_path_fail
    """,
    Word.COMPLETES: "download_complete set_next",
    Word.FAILS: "set_fail update_fail finish_download_fail decrypt_fail",
    Word.BREAKS: """
        download_fail unzip_fail checksum_fail checksum_required session_key_required low_mem_fail
        insufficient_disk_space windows_path_fail canonical_path_fail directory_path_fail
        invalid_signature signature_not_provided signature_validation_failed
    """,
}
SAID = {action: word for word, actions in CONTRACT.items() for action in actions.split()}


def said(action: str, platform: str = "android", plugin_version: str | None = "8.51.23", name: str = "1.4.2") -> Word:
    event = Event(
        app_id="com.acme.notes",
        action=action,
        platform="android" if platform == REACT_NATIVE else platform,
        install_source=platform if platform == REACT_NATIVE else None,
        plugin_version=plugin_version,
        version_name=name,
    )
    return policy(())(event)[action].word


@pytest.mark.parametrize("action", [*CATALOGUE, OTHER, "download_37", "Set", "made up"])
def test_an_action_says_what_the_contract_has(action: str) -> None:
    """Those that it does not name say that the device is there, and no more."""
    assert said(action) is SAID.get(action, Word.NOTHING)


def test_the_contract_names_actions_of_the_catalogue() -> None:
    """A slip of the pen would say nothing."""
    assert SAID.keys() <= CATALOGUE.keys()


@pytest.mark.parametrize("action", [name for name, action in CATALOGUE.items() if action.kind is Kind.PROGRESS])
def test_the_native_bundle_is_neither_downloaded_nor_installed(action: str) -> None:
    """iOS says `builtin` of a download whose name it has not noted yet, React Native at its launch."""
    assert said(action, name="builtin", platform="ios") is Word.NOTHING
    assert said("set", name="builtin") is Word.RUNS
    assert said("app_launch_start", name="builtin") is Word.RUNS


@pytest.mark.parametrize("platform", ["android", "ios"])
@pytest.mark.parametrize("version", ["3.3.20", "4.61.11", "5.2.35", "5.8.99", "9.0.0", "10.0.0"])
def test_a_client_that_always_names_the_running_bundle_says_only_which(version: str, platform: str) -> None:
    """Whatever its event is about."""
    assert {said(action, platform=platform, plugin_version=version) for action in CATALOGUE} == {Word.RUNS}


@pytest.mark.parametrize(
    ("platform", "version"),
    [
        *(("android", version) for version in ("5.9.0", "5.43.3", "6.0.0", "8.51.23", "9.0.1", "9.1.0", "10.0.1")),
        ("electron", "0.0.1"),
        *(("react-native", version) for version in ("0.1.0", "1.0.0", "5.2.35")),
        *(("ios", version) for version in ("", "unknown", "8", "5.2", "10.0.0-beta", "x" * 1_000_000)),
        ("ios", None),
        ("other", "5.2.35"),
    ],
)
def test_all_others_name_what_the_event_is_about(platform: str, version: str | None) -> None:
    """A number that can't be read is that of a current client's download worker."""
    assert said("update_fail", platform=platform, plugin_version=version) is Word.FAILS
