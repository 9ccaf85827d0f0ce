"""What holds for all tests, whoever starts them on whichever machine."""

import os
import signal

from hypothesis import HealthCheck, settings

# Hypothesis does not take a machine that stands still for a slow example.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# A shell's background job ignores SIGINT, and what a test starts would inherit that and outlive the test.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Whoever tries the exporter has settings of it in his shell; and a runner may be a service of systemd itself.
for name in list(os.environ):
    if name.startswith(("CAPGO_", "PROMETHEUS_", "NOTIFY_", "WATCHDOG_")):
        del os.environ[name]
