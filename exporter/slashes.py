"""A slash too many, as joined addresses have them, changes no path: `//stats`, `/stats//`.

Whoever posted there would be told that there is nothing, and a plugin drops a batch for good then.
"""

import falcon
import falcon.asgi


class OneSlash:
    """Falcon middleware, of both kinds."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Have the request routed by what its path means."""
        req.path = _bare(req.path)

    async def process_request_async(self, req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        """The same."""
        req.path = _bare(req.path)


def _bare(path: str) -> str:
    return "/" + "/".join(filter(None, path.split("/")))
