"""Lets the emulator's own calls outlive a connection that its gateway has just closed for having been idle.

Every SDK sends such a call again. LocalStack's clients for Step Functions send each only once, so that a state fails
with States.Runtime, which a state machine cannot be expected to retry. Nothing but closed connections is tried again
here: what a service answers is the state's to see.
"""

import functools
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ConnectionClosedError
from localstack.aws.connect import InternalClientFactory

ATTEMPTS = 3  # the next connection of the pool may have been idle as well


def install() -> None:
    """Have each client that LocalStack makes for itself try again."""
    original = InternalClientFactory._get_client_post_hook

    @functools.wraps(original)
    def post_hook(self: Any, client: Any) -> Any:
        client = original(self, client)
        session = client._endpoint.http_session
        session.send = _persistent(session.send)
        return client

    InternalClientFactory._get_client_post_hook = post_hook


def _persistent(send: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(send)
    def send_until_answered(request: Any) -> Any:
        for _ in range(ATTEMPTS - 1):
            try:
                return send(request)
            except ConnectionClosedError:
                request.reset_stream()
        return send(request)

    return send_until_answered
