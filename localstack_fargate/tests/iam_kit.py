"""Roles, and sessions of theirs, in an emulator that enforces IAM."""

import json
import urllib.request
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError

from localstack_fargate.tests.kit import REGION, random_name

ACCOUNT = "000000000000"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
SESSION_NAME = "test"
HERE = f"{REGION}:{ACCOUNT}"

row = partial(pytest.mark.conformance, "IAM enforcement")


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(*services: str, **more: Any) -> dict[str, Any]:
    principal = {"Service": [f"{each}.amazonaws.com" for each in services]} if services else {"AWS": ROOT}
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


@cache
def operator_client(service: str, endpoint: str, account: str) -> Any:
    """A client of an account's operator."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=account,
        aws_secret_access_key="test",
    )


class Role:
    """A role that an account made; the tests' own, if no other is given, which it trusts."""

    def __init__(
        self, endpoint: str, *statements: dict[str, Any], trusted: dict[str, Any] | None = None, account: str = ACCOUNT
    ) -> None:
        self._endpoint = endpoint
        self.operator = partial(operator_client, endpoint=endpoint, account=account)
        self.iam = self.operator("iam")
        self.name = random_name("role")
        trusted = trusted or trust() | {"Principal": {"AWS": account}}
        made = self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=document(trusted))
        self.arn: str = made["Role"]["Arn"]
        if statements:
            self.put(*statements)

    def put(self, *statements: dict[str, Any]) -> None:
        """Give it the inline policy "own", in place of an earlier one."""
        self.iam.put_role_policy(RoleName=self.name, PolicyName="own", PolicyDocument=document(*statements))

    @property
    def session_arn(self) -> str:
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.name}/{SESSION_NAME}"

    def session(self) -> Callable[..., Any]:
        """Make clients of one session of the role."""
        sts = self.operator("sts")
        return self.clients(sts.assume_role(RoleArn=self.arn, RoleSessionName=SESSION_NAME)["Credentials"])

    def clients(self, session: dict[str, Any]) -> Callable[..., Any]:
        """Make clients of a session, given by its credentials."""
        return partial(
            boto3.client,
            endpoint_url=self._endpoint,
            region_name=REGION,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )


def refused(call: Callable[..., Any], **request: Any) -> tuple[str, str]:
    """Error code and message of a call that has to fail."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def request_without_session(method: str, url: str, **request: Any) -> urllib3.BaseHTTPResponse:
    """Do what anybody can who was given something presigned, by a connection that the gateway has not closed yet."""
    with urllib3.PoolManager() as pool:
        return pool.request(method, url, **request)


def ledger(endpoint: str) -> Any:
    with urllib.request.urlopen(f"{endpoint}/_fargate/iam", timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def denials(endpoint: str) -> list[str]:
    return [each["message"] for each in ledger(endpoint)["denials"]]
