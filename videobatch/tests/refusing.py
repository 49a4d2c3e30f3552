"""Services that are not well."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSResponse


@contextmanager
def refusing(client: Any, call: str) -> Iterator[None]:
    """Have a client's calls of one operation refused in the block, without a request."""

    def refuse(**_: object) -> tuple[AWSResponse, dict[str, object]]:
        return AWSResponse("", 503, {}, None), {"Error": {"Code": "ServiceUnavailable", "Message": "Come back later"}}

    event = f"before-call.{client.meta.service_model.service_id.hyphenize()}.{call}"
    client.meta.events.register(event, refuse)
    yield
    client.meta.events.unregister(event, refuse)
