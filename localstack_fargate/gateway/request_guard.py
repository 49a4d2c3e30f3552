"""Refuses what web pages send to the account.

The account asks nobody who they are, and creating a function is running code. A page of any web site can make a browser
send requests to this machine; the page may not see the answers, but the account has done what they say. LocalStack's
own check of the origin lets requests through that name none, which a page can bring about, and does not cover S3.

Programs send none of the headers that are looked at here, except ``Host``:
https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Origin
"""

import re
import socket
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

ANY_ORIGIN = "*"
HOST = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]*))(?::\d*)?")
# PowerShell's Invoke-WebRequest, which is called curl in Windows, says Mozilla, too, and is no browser.
BROWSER = re.compile(r"Mozilla/(?!.*PowerShell)")
# Names that lead to this machine, wherever they are asked for. Containers call it by the second.
OWN_DOMAINS = ("localhost", "host.docker.internal", "localhost.localstack.cloud")


class RequestGuard:
    """Tells requests of web pages from all others.

    :param domains: the host names, also with names before them, by which the account is called besides OWN_DOMAINS
    :param origins: of the pages that may use the account, such as ``http://localhost:3000``; ANY_ORIGIN means all
    """

    def __init__(self, domains: Iterable[str], origins: Iterable[str]) -> None:
        self._domains = {*OWN_DOMAINS, *(domain.lower() for domain in domains)}
        self._origins = frozenset(origins)

    def refusal(self, headers: Mapping[str, str]) -> str | None:
        """Why a request with these headers is refused, in one sentence; None if it is not.

        :param headers: of the request; names in any case
        """
        host = headers.get("Host", "")
        if not self._is_own(host):
            return f"This account is not called {host}: use 127.0.0.1, localhost or the name in LOCALSTACK_HOST."
        # A page can keep Origin and Referer back, but not name another's.
        origin = headers.get("Origin") or _origin(headers.get("Referer", ""))
        if origin and (origin in self._origins or ANY_ORIGIN in self._origins):
            return None
        # Both schemes are answered on the one port.
        if origin and origin.lower() not in (f"http://{host}".lower(), f"https://{host}".lower()):
            return f"Pages of {origin} may not use this account: EXTRA_CORS_ALLOWED_ORIGINS lists those that may."
        site = headers.get("Sec-Fetch-Site")
        if site in ("cross-site", "same-site"):
            return (
                "A page of another web site may not use this account, nor keep back which one it is: "
                "EXTRA_CORS_ALLOWED_ORIGINS lists those that may."
            )
        # Browsers say it to no address but those of this machine: of a container's, pages can keep everything back.
        if site is None and not origin and BROWSER.match(headers.get("User-Agent", "")):
            return "This browser does not tell which page has sent the request: use 127.0.0.1 or localhost."
        return None

    def _is_own(self, host: str) -> bool:
        """Whether only this machine can be meant.

        Any other name may be that of a page whose owner has let it lead here, and who then is of the same origin as the
        account (DNS rebinding). That takes a name with a dot, such as no container's short name has.
        """
        parts = HOST.fullmatch(host)
        if not parts:
            return False
        name = (parts[1] or parts[2]).lower()
        try:
            ip_address(name)
        except ValueError:
            return "." not in name or name == socket.gethostname().lower() or self._is_in_own_domain(name)
        return True

    def _is_in_own_domain(self, name: str) -> bool:
        return any(name == domain or name.endswith(f".{domain}") for domain in self._domains)


def install() -> None:
    """Make the guard the first of the handlers that every request passes, WebSockets' too.

    :raises AttributeError: this LocalStack's gateway is not the one that we know
    """
    from localstack import config
    from localstack.runtime import get_current_runtime

    origins = (origin.strip() for origin in config.EXTRA_CORS_ALLOWED_ORIGINS.split(","))
    guard = RequestGuard([config.LOCALSTACK_HOST.host], filter(None, origins))

    def refuse_web_pages(chain: Any, context: Any, response: Any) -> None:
        if reason := guard.refusal(context.request.headers):
            response.status_code = 403
            response.set_json({"message": reason})
            chain.terminate()  # and not stop(): the handlers of responses would allow the page to read it

    get_current_runtime().components.gateway.request_handlers.insert(0, refuse_web_pages)


def _origin(url: str) -> str:
    """Scheme, host and port of a URL; of anything else all of it, which is nobody's origin."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else url
