"""Functions to make and call in the tests of the Lambda executor."""

import base64
import io
import json
import textwrap
import zipfile
from typing import Any

from localstack_fargate.tests.kit import poll, random_name

ROLE = "arn:aws:iam::000000000000:role/any"


def package(code: str, **modules: str) -> bytes:
    """A zip file with ``app.py`` and other modules."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in {"app": code, **modules}.items():
            archive.writestr(f"{name}.py", textwrap.dedent(text))
    return data.getvalue()


class Functions:
    """Creates functions and calls them."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.names: list[str] = []

    def create(self, code: str, *, handler: str = "app.handler", **settings: Any) -> str:
        name = random_name()
        variables = settings.pop("environment", {})
        runtime = settings.pop("runtime", "python3.13")
        self.api.create_function(
            FunctionName=name,
            Runtime=runtime,
            Role=ROLE,
            Handler=handler,
            Code={"ZipFile": package(code)},
            Environment={"Variables": variables},
            **{"Timeout": 10, **settings},
        )
        self.names.append(name)
        poll(lambda: self.api.get_function(FunctionName=name)["Configuration"]["State"] != "Pending")
        return name

    def update(self, name: str, code: str) -> None:
        self.api.update_function_code(FunctionName=name, ZipFile=package(code))
        poll(lambda: self.configuration(name)["LastUpdateStatus"] == "Successful")

    def configuration(self, name: str) -> dict[str, Any]:
        configuration: dict[str, Any] = self.api.get_function(FunctionName=name)["Configuration"]
        return configuration

    def invoke(self, name: str, event: object = None) -> tuple[Any, str | None, str]:
        """Call a function: its result, the kind of error if there was one, and the tail of its log."""
        answer = self.api.invoke(FunctionName=name, Payload=json.dumps(event).encode(), LogType="Tail")
        log = base64.b64decode(answer["LogResult"]).decode()
        return json.load(answer["Payload"]), answer.get("FunctionError"), log

    def close(self) -> None:
        """Delete all functions that were made."""
        for name in self.names:
            self.api.delete_function(FunctionName=name)
