"""Prometheus exporter for the events that capacitor-updater POSTs to a statsUrl."""

from importlib.metadata import version
from typing import Final

__version__: Final = version("capgo-exporter")
