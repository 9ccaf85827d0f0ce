"""A bundle is put in place, and back again if the app does not start with it."""

from typing import Final

from exporter.simulator.moments import Story
from exporter.simulator.phone import Phone, Step
from exporter.simulator.told import Attempt

_MESSAGE: Final = "TypeError: Cannot read properties of undefined (reading 'total')"
_THROWN: Final = {
    "error_type": "javascript_error",
    "message": _MESSAGE,
    "source": "main.4f2a.js",
    "line": "1187",
    "column": "31",
    "stack": f"{_MESSAGE}\n    at CartPage.render (main.4f2a.js:1187:31)",
    "href": "http://localhost/cart",
}
_TIMEOUT: Final = {"timeout_ms": "10000", "source": "notify_app_ready"}


def install(phone: Phone, bundle: str, failure: str | None) -> Story:
    """What was downloaded is put in place while nobody looks."""
    before, previous = phone.name(phone.current), phone.current
    if failure == "set_fail":
        phone.failed |= {bundle}
        yield Step(0.2, "set_fail", phone.about(bundle), attempt=Attempt(bundle, "failed"))
        return
    phone.current = bundle
    yield Step(0.2, "set", bundle, before, attempt=Attempt(bundle, "installed"))
    if failure == "update_fail":
        yield from _roll_back(phone, bundle, previous)
    elif previous is not None:
        yield Step(1.0, "delete", phone.about(previous))


def _roll_back(phone: Phone, bundle: str, previous: str | None) -> Story:
    """The app did not call `notifyAppReady` in time, because its page threw."""
    phone.failed |= {bundle}
    if phone.dialect.has("metadata"):
        yield Step(1.4, "webview_javascript_error", bundle, metadata=_THROWN)
    if phone.dialect.has("launch_events"):
        yield Step(10.0, "app_launch_timeout", bundle, metadata=_TIMEOUT)
    yield Step(0.01, "update_fail", bundle, attempt=Attempt(bundle, "failed"))
    if not phone.dialect.has("quiet_rollback"):
        phone.current = None
        yield Step(0, "reset", phone.native_name, bundle)
    phone.current = previous
    if previous is not None:
        yield Step(0, "set", previous, phone.native_name, restores=True)
    yield Step(0.1, "delete", phone.about(bundle))
