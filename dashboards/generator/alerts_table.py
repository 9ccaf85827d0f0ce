"""The alerts that fire now, each with the first thing to do."""

from dataclasses import replace
from typing import Final

from dashboards.generator.alert import Alert
from dashboards.generator.panels import Panel
from dashboards.generator.tables import Column, Label, field, table
from dashboards.generator.update_panels import APP, version_label
from dashboards.generator.words import in_words

_RULE: Final = {
    "title": "What it means, and its runbook",
    "url": "/alerting/list?search=${__value.raw:percentencode}",
    "targetBlank": False,
}
"""Grafana's own list of rules, which shows an alert's words; it has those of its data sources as well."""


def alerts_table(alerts: list[Alert], size: tuple[int, int], *matchers: str) -> Panel:
    """Whichever of both forms is loaded: Prometheus writes ALERTS, Grafana (if told to) GRAFANA_ALERTS."""
    of_both = ",".join(('__name__=~"ALERTS|GRAFANA_ALERTS"', 'alertstate="firing"', 'alertname=~"Capgo.+"', *matchers))
    firing = f"max by (severity, alertname, app_id, version, platform, instance) ({{{of_both}}})"
    todo = f'label_replace({firing}, "todo", "$1", "alertname", "(.*)")'
    return table(
        "Firing alerts",
        "Alerts that fire now, as Prometheus stores them in `ALERTS`. Grafana's own rules show here only if Grafana "
        "writes `GRAFANA_ALERTS` to this Prometheus; else look under Alerting. An alert's name opens its rule there, "
        "with what it means and where in dashboards/README.md its runbook is; a version opens in Rollout. Good: none.",
        size,
        {
            "severity": Label("Severity", 80),
            "alertname": Label("Alert", 230, [_RULE]),
            "app_id": replace(APP, width=170),
            "version": replace(version_label(field("App")), width=80),
            "platform": Label("Platform", 80),
            "todo": Label("First", words=in_words({alert.name: alert.first_step for alert in alerts})),
        },
        [Column("Firing", todo, hidden=True)],
        sort="Severity",
        ascending=True,
        no_value="No alert fires",
    )
