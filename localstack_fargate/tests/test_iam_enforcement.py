"""What IAM allows and denies in an emulator with ``FARGATE_ENFORCE_IAM=1``.

One emulator does for all these tests, and processes share none: so those of three modules run as this file's.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from localstack_fargate.tests.conftest import wait_until_ready
from localstack_fargate.tests.iam_callers import *  # noqa: F403 - tests are found by their names
from localstack_fargate.tests.iam_kit import SESSION_NAME, Role, allow, ledger, refused, row
from localstack_fargate.tests.iam_pass_role import *  # noqa: F403
from localstack_fargate.tests.iam_services import *  # noqa: F403
from localstack_fargate.tests.kit import Fargate, emulator, make_client, random_name

pytestmark = pytest.mark.launchers("process")  # IAM does not know what runs a task


@pytest.fixture(scope="module")
def endpoint(launcher: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an emulator that enforces IAM, for the tests of this file."""
    with emulator(tmp_path_factory.mktemp("enforcing"), FARGATE_LAUNCHER=launcher, FARGATE_ENFORCE_IAM="1") as started:
        wait_until_ready(started)
        yield started.url


@pytest.fixture(scope="module")
def operator(endpoint: str) -> Callable[[str], Any]:
    return partial(make_client, endpoint=endpoint)


@pytest.fixture(scope="module")
def bucket(operator: Callable[[str], Any]) -> str:
    """A bucket with the object ``a``, of the operator's, who may do anything."""
    name = random_name("films")
    operator("s3").create_bucket(Bucket=name)
    operator("s3").put_object(Bucket=name, Key="a", Body=b"x")
    return name


@pytest.fixture
def new_role(endpoint: str) -> Callable[..., Role]:
    return partial(Role, endpoint)


@pytest.fixture
def fargate(endpoint: str) -> Iterator[Fargate]:
    made = Fargate(endpoint)
    yield made
    made.close()


@row("What was used is told, by role and statement")
def test_ledger(endpoint: str, new_role: Callable[..., Role], bucket: str) -> None:
    role = new_role(
        allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Sid="Read"),
        allow("s3:*", f"arn:aws:s3:::{bucket}/b", Sid="All"),
    )
    s3 = role.session()("s3")
    s3.put_object(Bucket=bucket, Key="b")
    for key in ("b", "a"):
        s3.get_object(Bucket=bucket, Key=key)
    uses = [use for use in ledger(endpoint)["uses"] if use["caller"] == role.arn]
    shown = {(use["policy"], use["statement"], use["action"]): (use["calls"], use["alone"]) for use in uses}
    assert shown == {
        ("own", "All", "s3:PutObject"): (1, 1),
        ("own", "All", "s3:GetObject"): (1, 0),
        ("own", "Read", "s3:GetObject"): (2, 1),
    }
    [read] = [use["example"] for use in uses if use["statement"] == "Read"]
    assert (read["action"], read["resource"]) == ("s3:GetObject", f"arn:aws:s3:::{bucket}/a")
    assert read["context"]["aws:principalarn"] == [role.arn]
    assert read["context"]["sts:rolesessionname"] == [SESSION_NAME]


@row("What a call was allowed that was denied in the end is not told as used")
def test_ledger_of_a_denied_call(endpoint: str, new_role: Callable[..., Role], bucket: str) -> None:
    role = new_role(allow("s3:PutObject"))
    assert "s3:GetObject on" in refused(role.session()("s3").put_object, Bucket=bucket, Key="a", IfMatch='"e"')[1]
    assert role.arn not in {use["caller"] for use in ledger(endpoint)["uses"]}
