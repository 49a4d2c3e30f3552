"""The image's health check: exit code 0 if an upload would work, else 1 and what is missing.

LocalStack prints "Ready." and answers even if a hook has failed, so each hook is looked at, and S3 has to answer.
"""

import json
import os
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

HOOKS = Path("/etc/localstack/init/ready.d")
START_TIMEOUT_SECONDS = 280  # a little less than the image allows a check
ANSWER_TIMEOUT_SECONDS = 20  # a hundred uploads at once keep it busy
POLL_SECONDS = 0.3
# S3 wants to see who asks before it answers; the emulator takes any key and any signature.
ANYBODY = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


class Unhealthy(Exception):
    """An upload would not work; the message says why."""


def check(port: int) -> None:
    """Wait for the hooks to end; raise Unhealthy unless every one has succeeded and S3 lists its buckets."""
    states = _states_of_hooks(port)
    for name in sorted(hook.name for hook in HOOKS.iterdir()):
        if states.get(name) != "SUCCESSFUL":
            raise Unhealthy(f"the hook {name} is {states.get(name, 'unknown')}; the container's log says why")
    if b"<Bucket>" not in _get(port, "/", ANYBODY):
        raise Unhealthy("S3 has no bucket")


def _states_of_hooks(port: int) -> dict[str, str]:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        problem = "its hooks are not through"
        try:
            answer: dict[str, Any] = json.loads(_get(port, "/_localstack/init/ready"))
            if answer["completed"]:
                return {script["name"]: script["state"] for script in answer["scripts"]}
        except ConnectionRefusedError:
            problem = "it does not answer"
        if time.monotonic() > deadline:
            raise Unhealthy(f"the emulator is not up after {START_TIMEOUT_SECONDS} s: {problem}")
        time.sleep(POLL_SECONDS)


def _get(port: int, path: str, authorization: str = "") -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers={"Authorization": authorization} if authorization else {})
        answer = connection.getresponse()
        if answer.status != 200:
            raise Unhealthy(f"{path} answers {answer.status}")
        return answer.read()
    finally:
        connection.close()


def main() -> int:
    """Print the first thing that is missing, if any."""
    try:
        check(int(os.environ["GATEWAY_LISTEN"].split(",")[0].rsplit(":", 1)[-1]))
    except Unhealthy as error:
        print(error, file=sys.stderr)
        return 1
    except (OSError, HTTPException) as error:
        print(f"the emulator does not answer as it should: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
