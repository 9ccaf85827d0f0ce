"""What holds for all tests: hypothesis does not take a machine that stands still for a slow example."""

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
