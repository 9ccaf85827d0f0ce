"""Writes the Grafana dashboards and the alert rules: `python -m dashboards.generator`.

Metric names, selectors, formulas and thresholds stand in one place each; panels and alerts are made of them. What the
formulas mean, and why, is told in `dashboards/README.md`.
"""
