"""What RegisterTaskDefinition refuses of a container: its settings, health check, dependencies and log driver."""

from typing import Any

import pytest

from localstack_fargate.tests.refusal_kit import (
    CLIENT,
    NO_EXECUTION_ROLE,
    ROLE,
    check_registration,
    ec2,
    one,
    refused,
    two,
)


def health(**check: Any) -> dict[str, Any]:
    return one(healthCheck={"command": ["CMD-SHELL", "true"], **check})


def too_great(key: str, greatest: int) -> str:
    return f"Health check {key} must be less than or equal to the maximum allowed value {greatest} for container 'main'"


def depends(condition: str, on: str = "second") -> dict[str, Any]:
    return {"dependsOn": [{"containerName": on, "condition": condition}]}


def volumes_from(source: str) -> dict[str, Any]:
    return {"volumesFrom": [{"sourceContainer": source}]}


def logs(driver: str, **definition: Any) -> dict[str, Any]:
    options = {"awslogs-group": "/x", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "x"}
    given = {key: value for key, value in {**options, **definition.pop("options", {})}.items() if value is not None}
    return one(logConfiguration={"logDriver": driver, "options": given, **definition})


CONTAINERS = [
    refused(
        "container without a name",
        CLIENT,
        "Container.name should not be null or empty.",
        containerDefinitions=[{"image": "x"}],
    ),
    refused("container name with a space", CLIENT, "Container.name contains invalid characters.", **one(name="a b")),
    refused("container name of 256 characters", CLIENT, **one(name="x" * 256)),
    refused(
        "container without an image",
        CLIENT,
        "Container.image should not be null or empty.",
        containerDefinitions=[{"name": "main"}],
    ),
    refused(
        "image with a space", CLIENT, "Container.image contains invalid characters.", **one(image="example/shell ")
    ),
    refused("negative stop timeout", CLIENT, **one(stopTimeout=-1)),
    refused(
        "soft limit over the hard limit", CLIENT, **one(ulimits=[{"name": "nofile", "softLimit": 2, "hardLimit": 1}])
    ),
    refused(
        "restart attempt period of 59 seconds",
        CLIENT,
        "The 'restartAttemptPeriod' setting for container 'main' must be between 60 and 1800.",
        **one(restartPolicy={"enabled": True, "restartAttemptPeriod": 59}),
    ),
    refused(
        "secrets without an execution role",
        CLIENT,
        "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        **one(secrets=[{"name": "KEY", "valueFrom": "parameter"}]),
    ),
    refused(
        "secret with the name of a variable",
        CLIENT,
        "The secret name must be unique and not shared with any new or existing environment variables set on the "
        "container, such as 'KEY'.",
        executionRoleArn=ROLE,
        **one(secrets=[{"name": "KEY", "valueFrom": "parameter"}], environment=[{"name": "KEY", "value": "x"}]),
    ),
    refused(
        "11 environment files",
        CLIENT,
        "The maximum number of environment files was exceeded. Specify ten or less and try again.",
        **one(environmentFiles=[{"type": "s3", "value": f"arn:aws:s3:::bucket/{number}.env"} for number in range(11)]),
    ),
    refused(
        "environment file that is no ARN",
        CLIENT,
        "Invalid arn syntax.",
        **one(environmentFiles=[{"type": "s3", "value": "s3://bucket/x.env"}]),
    ),
    refused(
        "environment file from elsewhere",
        CLIENT,
        **one(environmentFiles=[{"type": "http", "value": "arn:aws:s3:::bucket/x.env"}]),
    ),
]

HEALTH = [
    refused("health check without a command", CLIENT, **health(command=[])),
    refused("health check interval of 4 seconds", CLIENT, **health(interval=4)),
    refused("health check interval of 301 seconds", CLIENT, too_great("interval", 300), **health(interval=301)),
    refused("health check timeout of 1 second", CLIENT, **health(timeout=1)),
    refused("health check timeout of 61 seconds", CLIENT, too_great("timeout", 60), **health(timeout=61)),
    refused("health check without retries", CLIENT, **health(retries=0)),
    refused("health check with 11 retries", CLIENT, too_great("retries", 10), **health(retries=11)),
    refused("health check start period of 301 s", CLIENT, too_great("startPeriod", 300), **health(startPeriod=301)),
]

DEPENDENCIES = [
    refused(
        "dependsOn an unknown container",
        CLIENT,
        "Cannot depend on container + 'nope' because it does not exist",
        **one(**depends("START", "nope")),
    ),
    refused("dependsOn with an unknown condition", CLIENT, **two(depends("MAYBE"), {})),
    refused("container that depends on itself", CLIENT, **one(**depends("START", "main"))),
    refused("containers that depend on each other", CLIENT, **two(depends("START"), depends("START", "first"))),
    refused(
        "dependsOn HEALTHY without a health check",
        CLIENT,
        "A dependency container with HEALTHY condition must have health check configured",
        **two(depends("HEALTHY"), {}),
    ),
    *(
        refused(
            f"dependsOn {condition} of an essential container",
            CLIENT,
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
            **two(depends(condition), {}),
        )
        for condition in ("SUCCESS", "COMPLETE")
    ),
    refused("volumesFrom an unknown container", CLIENT, **one(volumesFrom=[{"sourceContainer": "nope"}])),
    refused("container with volumesFrom itself", CLIENT, **one(**volumes_from("main"))),
    refused("containers with volumesFrom each other", CLIENT, **two(volumes_from("second"), volumes_from("first"))),
    refused("volumesFrom a container that depends on this one", CLIENT, **two(depends("START"), volumes_from("first"))),
]

LOGS = [
    refused("unknown log driver", CLIENT, **ec2(memory="512", **logs("carrier-pigeon"))),
    refused(
        "log driver that Fargate does not have",
        CLIENT,
        "json-file is not a valid log driver. Must be one of [awslogs,splunk,awsfirelens]",
        **logs("json-file"),
    ),
    refused("awslogs without an execution role", CLIENT, f"{NO_EXECUTION_ROLE} log driver awslogs.", **logs("awslogs")),
    refused(
        "awslogs without a group",
        CLIENT,
        "Log driver awslogs requires options: awslogs-group",
        **logs("awslogs", options={"awslogs-group": None}),
    ),
    refused(
        "awslogs without options",
        CLIENT,
        "Log driver awslogs requires options: awslogs-region, awslogs-group",
        **logs("awslogs", options={"awslogs-group": None, "awslogs-region": None}),
    ),
    refused(
        "awslogs on Fargate without a stream prefix",
        CLIENT,
        "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver awslogs.",
        executionRoleArn=ROLE,
        **logs("awslogs", options={"awslogs-stream-prefix": None}),
    ),
    refused(
        "awsfirelens without a router",
        CLIENT,
        "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be "
        "configured in one of the containers.",
        **logs("awsfirelens"),
    ),
]


@pytest.mark.parametrize(("request_", "code", "message"), [*CONTAINERS, *HEALTH, *DEPENDENCIES, *LOGS])
def test_container(endpoint: str, request_: dict[str, Any], code: str, message: str | None) -> None:
    check_registration(endpoint, request_, code, message)
