"""Secrets and environment files, as a process in the task finds them, and how a task fails without them."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from localstack_fargate.ecs.environment_files import parse_environment_file
from localstack_fargate.tests.kit import SHELL_IMAGE, Fargate, make_client, random_name

row = partial(pytest.mark.conformance, "Secrets and environment files")

ASM_FAILURE = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
    "unable to retrieve secret from asm: service call has been retried 1 time(s): "
)
SSM_FAILURE = ASM_FAILURE.replace("secret from asm", "secrets from ssm")


class Store:
    """Secrets, parameters and files; ``close`` removes them."""

    def __init__(self, client: Callable[[str], Any], endpoint: str) -> None:
        self._secrets, self._s3 = client("secretsmanager"), client("s3")
        self._endpoint = endpoint
        self._made: list[Callable[[], Any]] = []
        self.bucket = random_name()
        self._s3.create_bucket(Bucket=self.bucket)

    def secret(self, **value: Any) -> str:
        """Make a secret; returns its ARN."""
        arn: str = self._secrets.create_secret(Name=random_name("secret"), **value)["ARN"]
        self._made.append(partial(self._secrets.delete_secret, SecretId=arn, ForceDeleteWithoutRecovery=True))
        return arn

    def change_secret(self, arn: str, text: str) -> str:
        """Give the secret a new value; returns the id of that version."""
        version: str = self._secrets.put_secret_value(SecretId=arn, SecretString=text)["VersionId"]
        return version

    def parameter(self, name: str, value: str, kind: str = "String", region: str = "us-east-1") -> str:
        """Make a parameter; returns its ARN."""
        ssm = make_client("ssm", self._endpoint, region)
        ssm.put_parameter(Name=name, Value=value, Type=kind)
        self._made.append(partial(ssm.delete_parameter, Name=name))
        arn: str = ssm.get_parameter(Name=name)["Parameter"]["ARN"]
        return arn

    def file(self, text: str) -> dict[str, str]:
        """Make an environment file; returns its reference."""
        key = f"{random_name()}.env"
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode())
        self._made.append(partial(self._s3.delete_object, Bucket=self.bucket, Key=key))
        return {"type": "s3", "value": f"arn:aws:s3:::{self.bucket}/{key}"}

    def close(self) -> None:
        for remove in self._made:
            remove()
        self._s3.delete_bucket(Bucket=self.bucket)


@pytest.fixture
def store(client: Callable[[str], Any], endpoint: str) -> Iterator[Store]:
    made = Store(client, endpoint)
    yield made
    made.close()


def variables_of(fargate: Fargate, request: dict[str, Any] | None = None, **definition: Any) -> dict[str, str]:
    """Run a container that prints its environment, one variable a line."""
    arn = fargate.run(fargate.container(command=["env"], **definition), request=request)
    task = fargate.wait(arn)
    assert task["containers"][0].get("exitCode") == 0, task["stoppedReason"]
    return dict(line.partition("=")[::2] for line in fargate.output(arn))


def failure_of(fargate: Fargate, **definition: Any) -> str:
    task = fargate.wait(fargate.run(fargate.container(command=["exit 0"], **definition)))
    assert task["stopCode"] == "TaskFailedToStart"
    assert "exitCode" not in task["containers"][0]
    reason: str = task["stoppedReason"]
    return reason


def secrets(**value_from: str) -> list[dict[str, str]]:
    return [{"name": name, "valueFrom": value} for name, value in value_from.items()]


@row("Secrets Manager: whole, JSON key, version stage, version id")
def test_secrets_of_secrets_manager(fargate: Fargate, store: Store) -> None:
    whole = store.secret(SecretString='pass=word "quoted" €')
    members = store.secret(SecretString=json.dumps({"user": "me", "port": 5432, "tls": True, "list": [1, "a"]}))
    old = store.secret(SecretString='{"key": "old"}')
    version = store.change_secret(old, '{"key": "new"}')
    found = variables_of(
        fargate,
        secrets=secrets(
            WHOLE=whole,
            BINARY=store.secret(SecretBinary=b"bytes"),
            USER_NAME=f"{members}:user::",
            PORT=f"{members}:port::",
            TLS=f"{members}:tls::",
            LIST=f"{members}:list::",
            NEW=f"{old}:key::",
            PREVIOUS=f"{old}:key:AWSPREVIOUS:",
            BY_ID=f"{old}:key::{version}",
            WHOLE_PREVIOUS=f"{old}::AWSPREVIOUS:",
        ),
    )
    assert {name: found.get(name) for name in ("WHOLE", "BINARY", "USER_NAME", "PORT", "TLS", "LIST")} == {
        "WHOLE": 'pass=word "quoted" €',
        "BINARY": "bytes",
        "USER_NAME": "me",
        "PORT": "5432",
        "TLS": "true",
        "LIST": '[1, "a"]',
    }
    assert (found["NEW"], found["PREVIOUS"], found["BY_ID"]) == ("new", "old", "new")
    assert found["WHOLE_PREVIOUS"] == '{"key": "old"}'


@row("Parameter Store: by name, by ARN, of another region, `SecureString` decrypted")
def test_secrets_of_parameter_store(fargate: Fargate, store: Store) -> None:
    name, path, other = random_name("plain"), f"/{random_name()}/of/path", random_name("abroad")
    plain, secure = store.parameter(name, "one"), store.parameter(path, "two", "SecureString")
    abroad = store.parameter(other, "three", region="eu-west-1")
    many = {f"MANY_{number}": store.parameter(random_name(), str(number)) for number in range(11)}
    found = variables_of(
        fargate,
        secrets=secrets(NAME=name, ARN=plain, SECURE=path, SECURE_ARN=secure, ABROAD=abroad, **many),
    )
    expected = {"NAME": "one", "ARN": "one", "SECURE": "two", "SECURE_ARN": "two", "ABROAD": "three"}
    expected |= {f"MANY_{number}": str(number) for number in range(11)}
    assert {key: found.get(key) for key in expected} == expected


@row("What is missing fails the task with `ResourceInitializationError`")
def test_missing_secrets_fail_the_task(fargate: Fargate, store: Store) -> None:
    missing = "arn:aws:secretsmanager:us-east-1:000000000000:secret:missing-AbCdEf"
    reason = failure_of(fargate, secrets=secrets(A=missing))
    assert reason.startswith(
        f"{ASM_FAILURE}failed to fetch secret {missing} from secrets manager: operation error Secrets Manager: "
        "GetSecretValue, https response error StatusCode: 400, RequestID: "
    )
    assert reason.endswith(", ResourceNotFoundException: Secrets Manager can't find the specified secret.")
    secret = store.secret(SecretString='{"a": 1}')
    reason = failure_of(fargate, secrets=secrets(A=f"{secret}:b::"))
    assert reason == f"{ASM_FAILURE}retrieved secret from Secrets Manager did not contain json key b"
    text = store.secret(SecretString="text")
    assert failure_of(fargate, secrets=secrets(A=f"{text}:b::")) == (
        f"{ASM_FAILURE}invalid character 't' looking for beginning of value"
    )
    there = random_name()
    store.parameter(there, "value")
    reason = failure_of(fargate, secrets=secrets(A="/no/such", B=there, C="nor-this"))
    assert reason == f"{SSM_FAILURE}invalid ssm parameters: /no/such,nor-this"


@row("Environment files: the first counts, then `environment`, then `secrets`")
def test_environment_files_and_what_takes_precedence(fargate: Fargate, store: Store) -> None:
    first = store.file("A=first\nB=first\nC=first\nQUOTED='a b' \n#D=comment\n\nEMPTY=\nE=x=y\n")
    second = store.file("B=second\nD=second\nF=second")
    found = variables_of(
        fargate,
        environmentFiles=[first, second],
        environment=[{"name": "C", "value": "definition"}],
        secrets=secrets(F=store.secret(SecretString="secret")),
    )
    assert "EMPTY" not in found
    assert {name: found.get(name) for name in ("A", "B", "C", "D", "E", "F", "QUOTED")} == {
        "A": "first",
        "B": "first",
        "C": "definition",
        "D": "second",
        "E": "x=y",
        "F": "secret",
        "QUOTED": "'a b' ",
    }


@row("Environment files of an override replace the definition's")
def test_environment_files_of_an_override_replace_the_others(fargate: Fargate, store: Store) -> None:
    override = {"name": "main", "environmentFiles": [store.file("A=override")]}
    request = {"overrides": {"containerOverrides": [override]}}
    found = variables_of(fargate, request, environmentFiles=[store.file("A=definition\nB=definition")])
    assert (found.get("A"), found.get("B")) == ("override", None)


@row("A missing environment file fails the task with `ResourceInitializationError`")
def test_missing_environment_file_fails_the_task(fargate: Fargate, store: Store) -> None:
    file = {"type": "s3", "value": f"arn:aws:s3:::{store.bucket}/missing.env"}
    reason = failure_of(fargate, environmentFiles=[file])
    assert reason.startswith(
        "ResourceInitializationError: failed to download env files: service call has been retried 1 time(s): "
        "operation error S3: "
    )
    assert "https response error StatusCode: 404" in reason
    assert reason.endswith(", NoSuchKey: The specified key does not exist.")


@row("Without an execution role that can be assumed the task fails")
def test_execution_role_that_cannot_be_assumed(fargate: Fargate, store: Store) -> None:
    definition = fargate.register(fargate.container(secrets=secrets(A=store.secret(SecretString="secret"))))
    role = "arn:aws:iam::1:role/nobody"
    (task,) = fargate.run_task(definition, overrides={"executionRoleArn": role})["tasks"]
    reason = fargate.wait(task["taskArn"])["stoppedReason"]
    assert reason.startswith(f"ResourceInitializationError: ECS was unable to assume the role '{role}' that was ")


@row("Without an execution role a task with environment files fails")
def test_environment_files_without_an_execution_role(fargate: Fargate, store: Store) -> None:
    container = {"name": "main", "image": SHELL_IMAGE, "environmentFiles": [store.file("A=1")]}
    reason = fargate.wait(fargate.run(container, executionRoleArn=""))["stoppedReason"]
    assert reason.startswith("ResourceInitializationError: the task has no execution role")


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A=1\nA=2", {"A": "1"}),
        (" A = 1", {" A ": " 1"}),
        ("A\n=1\nB=2", {"B": "2"}),
        ("# A=1", {}),
        ("", {}),
    ],
)
def test_lines_of_an_environment_file(text: str, variables: dict[str, str]) -> None:
    assert parse_environment_file(text) == variables
