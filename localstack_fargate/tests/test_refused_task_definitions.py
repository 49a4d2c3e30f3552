"""What RegisterTaskDefinition refuses of a task as a whole: its parts, its size and its volumes."""

from typing import Any

import pytest

from localstack_fargate.tests.refusal_kit import (
    CLIENT,
    check_registration,
    container,
    ec2,
    one,
    refused,
    two,
    unsupported,
)

TROUBLE = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
NO_MEMORY = "Invalid setting for container 'main'. At least one of 'memory' or 'memoryReservation' must be specified."
CPU_SUM = "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."


def no_size(cpu: int, memory: int) -> str:
    return (
        f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. "
        "See the Amazon ECS documentation for the valid values."
    )


TASK = [
    refused("family with a space", CLIENT, "Family contains invalid characters.", family="no family"),
    refused("family of 256 characters", CLIENT, family="x" * 256),
    refused("definition of more than 64 KiB", CLIENT, **one(command=["x" * 65536])),
    refused("no containers", CLIENT, "Container list cannot be empty.", containerDefinitions=[]),
    refused("11 containers", CLIENT, containerDefinitions=[container(f"c{number}") for number in range(11)]),
    refused(
        "two containers of one name",
        CLIENT,
        "Container names must be unique within a task definition.",
        containerDefinitions=[container(), container()],
    ),
    refused(
        "no essential container",
        CLIENT,
        "Task definition doesn't have any essential container.",
        **one(essential=False),
    ),
    refused("unknown compatibility", CLIENT, requiresCompatibilities=["LAMBDA"]),
    refused("unknown network mode", CLIENT, networkMode="token-ring"),
    refused("task role that is none", CLIENT, "Role is not valid", taskRoleArn="arn:aws:s3:::bucket"),
    refused("execution role that is none", CLIENT, "Role is not valid", executionRoleArn="arn:aws:s3:::bucket"),
    refused(
        "inference accelerators",
        CLIENT,
        "Unsupported field 'inferenceAccelerators'.",
        inferenceAccelerators=[{"deviceName": "x", "deviceType": "eia2.medium"}],
    ),
    refused(
        "ephemeral storage of 20 GiB",
        CLIENT,
        "EphemeralStorage size should be at least 21",
        ephemeralStorage={"sizeInGiB": 20},
    ),
    refused(
        "ephemeral storage of 201 GiB",
        CLIENT,
        "EphemeralStorage size should be at most 200",
        ephemeralStorage={"sizeInGiB": 201},
    ),
    refused(
        "ephemeral storage on EC2",
        CLIENT,
        "Tasks using the EC2 launch type do not support EphemeralStorage.",
        **ec2(memory="512", ephemeralStorage={"sizeInGiB": 30}),
    ),
    refused(
        "App Mesh proxy without awsvpc",
        CLIENT,
        "APPMESH proxy configuration is only supported in networkMode=awsvpc",
        **ec2(memory="512", proxyConfiguration={"containerName": "main"}),
    ),
    refused(
        "App Mesh proxy that is not there",
        CLIENT,
        "Proxy container [nope] does not exist",
        proxyConfiguration={"containerName": "nope"},
    ),
    refused("tag key of AWS", "InvalidParameterException", tags=[{"key": "aws:x", "value": "x"}]),
    refused("the same tag key twice", "InvalidParameterException", tags=[{"key": "x", "value": "x"}] * 2),
    refused("51 tags", "InvalidParameterException", tags=[{"key": str(number), "value": "x"} for number in range(51)]),
]

SIZES = [
    refused("no CPU", CLIENT, "Fargate requires that 'cpu' be defined at the task level.", cpu=None),
    refused(
        "no memory",
        CLIENT,
        "Fargate requires that 'memory' be defined at the task level.",
        memory=None,
        **one(memory=128),
    ),
    refused("no memory at all", CLIENT, NO_MEMORY, memory=None),
    refused("CPU that is no number", CLIENT, f"Invalid 'cpu' setting for task. {TROUBLE}", cpu="lots"),
    refused("memory that is no number", CLIENT, f"Invalid 'memory' setting for task. {TROUBLE}", memory="lots"),
    refused("CPU that Fargate does not have", CLIENT, no_size(300, 512), cpu="300"),
    refused("memory that does not go with the CPU", CLIENT, no_size(256, 4096), memory="4096"),
    refused("memory between two sizes", CLIENT, no_size(1024, 2500), cpu="1024", memory="2500"),
    refused("8 vCPU with memory between two sizes", CLIENT, no_size(8192, 17408), cpu="8 vCPU", memory="17GB"),
    refused("16 vCPU with too little memory", CLIENT, no_size(16384, 16384), cpu="16 vCPU", memory="16GB"),
    refused(
        "Windows with half a CPU",
        CLIENT,
        no_size(512, 2048),
        cpu="512",
        memory="2048",
        runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
    ),
    refused(
        "container memory over the task's",
        CLIENT,
        "The 'memory' setting for container 'main' is greater than for the task.",
        **one(memory=513),
    ),
    refused("sum of the containers' memory over the task's", CLIENT, **two({"memory": 300}, {"memory": 300})),
    refused("sum of the containers' CPU over the task's", CLIENT, CPU_SUM, **two({"cpu": 200}, {"cpu": 200})),
    refused(
        "reservation over the limit",
        CLIENT,
        "Invalid setting for container 'main'. 'memory' must be greater than or equal to 'memoryReservation'.",
        **one(memory=128, memoryReservation=256),
    ),
    refused("container memory of 3 MiB", CLIENT, **one(memory=3)),
    refused("container on EC2 without memory", CLIENT, NO_MEMORY, **ec2()),
]

VOLUMES = [
    refused(
        "mount of an unknown volume",
        CLIENT,
        "Unknown volume 'nope'.",
        **one(mountPoints=[{"sourceVolume": "nope", "containerPath": "/x"}]),
    ),
    refused("two volumes of one name", CLIENT, volumes=[{"name": "x"}, {"name": "x"}]),
    refused("volume name with a dot", CLIENT, "volume.name contains invalid characters.", volumes=[{"name": "a.b"}]),
    refused(
        "two mounts at one path",
        CLIENT,
        volumes=[{"name": "a"}, {"name": "b"}],
        **one(mountPoints=[{"sourceVolume": name, "containerPath": "/x"} for name in "ab"]),
    ),
    refused(
        "folder of the host on Fargate",
        CLIENT,
        unsupported("sourcePath"),
        volumes=[{"name": "x", "host": {"sourcePath": "/x"}}],
    ),
    refused(
        "Docker volume on Fargate",
        CLIENT,
        unsupported("dockerVolumeConfiguration"),
        volumes=[{"name": "x", "dockerVolumeConfiguration": {"scope": "task"}}],
    ),
]


@pytest.mark.parametrize(("request_", "code", "message"), [*TASK, *SIZES, *VOLUMES])
def test_task(endpoint: str, request_: dict[str, Any], code: str, message: str | None) -> None:
    check_registration(endpoint, request_, code, message)
