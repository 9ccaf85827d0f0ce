"""What holds for all tests, whoever starts them on whichever machine."""

import signal

from hypothesis import HealthCheck, settings

# Hypothesis does not take a machine that stands still for a slow example.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# A shell's background job ignores SIGINT, and what a test starts would inherit that and outlive the test.
signal.signal(signal.SIGINT, signal.default_int_handler)
