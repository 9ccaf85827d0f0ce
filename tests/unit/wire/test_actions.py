"""The catalogue of actions: what it must hold, and that the documentation shows it."""

import re
from pathlib import Path

from exporter.wire.actions import CATALOGUE, OTHER, OUTCOMES, Kind
from tests.tools.actions_table import table

PAGE = Path(__file__).parents[3] / "exporter/CLIENTS.md"

DOCUMENTED = """
delete reset set get set_fail update_fail download_fail windows_path_fail canonical_path_fail directory_path_fail
unzip_fail low_mem_fail download_10 download_20 download_30 download_40 download_50 download_60 download_70
download_80 download_90 download_complete decrypt_fail app_moved_to_foreground app_moved_to_background
"""
# The interface that the plugin's documentation gives to whoever receives its stats:
# https://capgo.app/docs/self-hosted/auto-update/stats-endpoint, where `update_fail` stands twice.

UNDOCUMENTED = """
set_next finish_download_fail download_0 download_zip_start download_zip_complete download_manifest_start
download_manifest_complete download_manifest_file_fail download_manifest_checksum_fail download_manifest_brotli_fail
manifest_path_fail checksum_fail checksum_required session_key_required insufficient_disk_space backend_refusal
blocked_by_server_url rate_limit_reached app_launch_start app_launch_ready app_launch_timeout os_version_changed
native_app_version_changed app_crash app_crash_native app_anr app_killed_low_memory app_memory_warning
webview_javascript_error webview_unhandled_rejection webview_render_process_gone webview_content_process_terminated
webview_page_loaded revert invalid_signature ping uninstall needPlanUpgrade noNew NoChannelOrOverride InvalidIp
customIdBlocked
"""
# Some that the documentation lacks, of each kind, the oddly spelt ones among them: from the plugin's sources of all
# lines, and from the vendor's backend (`stats_actions.ts`).


def test_every_documented_action_is_in_the_catalogue() -> None:
    """Whoever comes from the documentation finds all 25."""
    documented = DOCUMENTED.split()

    assert len(documented) == 25
    assert set(documented) - CATALOGUE.keys() == set()


def test_so_is_what_devices_send_beyond_the_documentation() -> None:
    """An action that is missing here vanishes among the others."""
    assert set(UNDOCUMENTED.split()) - CATALOGUE.keys() == set()


def test_the_series_that_a_version_is_born_with_are_the_outcomes() -> None:
    """A dashboard's failure rate divides one outcome by another, so all of them must be there from the first scrape."""
    assert [action.name for action in CATALOGUE.values() if action.kind is Kind.OUTCOME] == list(OUTCOMES)


def test_no_action_is_spelt_like_the_label_of_unknown_ones() -> None:
    """Else the two could not be told apart."""
    assert OTHER not in CATALOGUE


def test_each_action_is_a_plain_word_with_a_plain_meaning() -> None:
    """The name is a label value, the meaning a cell of a table."""
    for name, action in CATALOGUE.items():
        assert name == action.name
        assert re.fullmatch(r"[A-Za-z0-9_]+", name)
        assert re.fullmatch(r"[^|`\n]{5,90}(?<!\.)", action.meaning), name


def test_the_documentation_shows_the_catalogue() -> None:
    """The text between the markers is what `python -m tests.tools.actions_table` prints."""
    shown = re.search(r"<!-- actions -->\n(.*)<!-- /actions -->", PAGE.read_text(), re.DOTALL)

    assert shown is not None
    assert shown[1].strip() == table()
