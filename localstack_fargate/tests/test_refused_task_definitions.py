"""What RegisterTaskDefinition refuses."""

from functools import partial
from typing import Any

import pytest

from localstack_fargate.tests.conformance import check_refusal
from localstack_fargate.tests.conformance import refused as refused_row
from localstack_fargate.tests.kit import make_client, random_name

CLIENT = "ClientException"
ROLE = "arn:aws:iam::000000000000:role/execution"

refused = partial(refused_row, "RegisterTaskDefinition")


def container(name: str = "main", **definition: Any) -> dict[str, Any]:
    return {"name": name, "image": "example/shell", **definition}


def one(**definition: Any) -> dict[str, Any]:
    """The request's containers: one, with this added."""
    return {"containerDefinitions": [container(**definition)]}


def two(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {"containerDefinitions": [container("first", **first), container("second", **second)]}


def ec2(**definition: Any) -> dict[str, Any]:
    """A definition for EC2, without a size."""
    none = {"cpu": None, "memory": None, "networkMode": "bridge", "requiresCompatibilities": ["EC2"]}
    return {**none, **definition}


def logs(driver: str, **definition: Any) -> dict[str, Any]:
    options = {"awslogs-group": "/x", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "x"}
    given = {key: value for key, value in {**options, **definition.pop("options", {})}.items() if value is not None}
    return one(logConfiguration={"logDriver": driver, "options": given, **definition})


def health(**check: Any) -> dict[str, Any]:
    return one(healthCheck={"command": ["CMD-SHELL", "true"], **check})


def linux(**parameters: Any) -> dict[str, Any]:
    return one(linuxParameters=parameters)


def depends(condition: str, on: str = "second") -> dict[str, Any]:
    return {"dependsOn": [{"containerName": on, "condition": condition}]}


def volumes_from(source: str) -> dict[str, Any]:
    return {"volumesFrom": [{"sourceContainer": source}]}


def no_size(cpu: int, memory: int) -> str:
    return (
        f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. "
        "See the Amazon ECS documentation for the valid values."
    )


def unsupported(name: str) -> str:
    return f"Fargate compatible task definitions do not support {name}"


def not_in_awsvpc(what: str) -> str:
    return f"{what} not supported on container when networkMode=awsvpc."


TROUBLE = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
NO_MEMORY = "Invalid setting for container 'main'. At least one of 'memory' or 'memoryReservation' must be specified."
CPU_SUM = "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."
NO_EXECUTION_ROLE = "Fargate requires task definition to have execution role ARN to support"

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


def too_great(key: str, greatest: int) -> str:
    return f"Health check {key} must be less than or equal to the maximum allowed value {greatest} for container 'main'"


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

AWSVPC = [
    refused(
        "host port other than the container's",
        CLIENT,
        "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        **one(portMappings=[{"containerPort": 80, "hostPort": 8080}]),
    ),
    refused(
        "port mapping without a container port",
        CLIENT,
        "Invalid 'containerPort' setting for container 'main'.",
        **one(portMappings=[{"hostPort": 80}]),
    ),
    refused(
        "container port 65536",
        CLIENT,
        "Invalid 'containerPort' setting for container 'main'.",
        **one(portMappings=[{"containerPort": 65536}]),
    ),
    refused("unknown protocol", CLIENT, **one(portMappings=[{"containerPort": 80, "protocol": "icmp"}])),
    refused(
        "container port used twice",
        "InvalidParameterException",
        "Container port 80 is used in more than one port mapping for container main",
        **one(portMappings=[{"containerPort": 80}, {"containerPort": 80}]),
    ),
    refused(
        "port range and single port",
        CLIENT,
        "Invalid port mapping for container 'main', cannot specify both single port and port range.",
        **one(portMappings=[{"containerPort": 80, "containerPortRange": "80-90"}]),
    ),
    refused(
        "two port mappings of one name",
        CLIENT,
        "When networkMode=awsvpc, port mapping name is already used",
        **one(portMappings=[{"containerPort": 80, "name": "web"}, {"containerPort": 81, "name": "web"}]),
    ),
    refused("links", CLIENT, "Links are not supported when networkMode=awsvpc.", **one(links=["other"])),
    refused("hostname", CLIENT, not_in_awsvpc("hostname is"), **one(hostname="me")),
    refused("DNS servers", CLIENT, not_in_awsvpc("DNS servers are"), **one(dnsServers=["127.0.0.1"])),
    refused("DNS search domains", CLIENT, **one(dnsSearchDomains=["example.com"])),
    refused(
        "extra hosts",
        CLIENT,
        not_in_awsvpc("Extra hosts are"),
        **one(extraHosts=[{"hostname": "me", "ipAddress": "127.0.0.1"}]),
    ),
    refused("no networking", CLIENT, not_in_awsvpc("Disable Networking is"), **one(disableNetworking=True)),
]

FARGATE = [
    refused("network mode bridge", CLIENT, "Fargate only supports network mode ‘awsvpc’.", networkMode="bridge"),
    refused("no network mode", CLIENT, "Fargate only supports network mode ‘awsvpc’.", networkMode=None),
    refused(
        "privileged container",
        CLIENT,
        "Fargate requires that the ‘privileged’ setting be ‘false’ at the container level.",
        **one(privileged=True),
    ),
    refused(
        "image of ECR without an execution role",
        CLIENT,
        f"{NO_EXECUTION_ROLE} ECR images.",
        **one(image="000000000000.dkr.ecr.us-east-1.amazonaws.com/x:1"),
    ),
    refused("ipcMode", CLIENT, unsupported("ipcMode"), ipcMode="task"),
    refused(
        "pidMode host",
        CLIENT,
        "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'.",
        pidMode="host",
    ),
    refused(
        "placement constraints",
        CLIENT,
        unsupported("constraints"),
        placementConstraints=[{"type": "memberOf", "expression": "x"}],
    ),
    refused(
        "Docker security options",
        CLIENT,
        unsupported("dockerSecurityOptions"),
        **one(dockerSecurityOptions=["no-new-privileges"]),
    ),
    refused("devices", CLIENT, unsupported("devices"), **linux(devices=[{"hostPath": "/dev/null"}])),
    refused("shared memory size", CLIENT, unsupported("sharedMemorySize"), **linux(sharedMemorySize=64)),
    refused("maxSwap", CLIENT, unsupported("maxSwap"), **linux(maxSwap=64)),
    refused("tmpfs", CLIENT, **linux(tmpfs=[{"containerPath": "/x", "size": 64}])),
    refused(
        "capability NET_ADMIN",
        CLIENT,
        "NET_ADMIN is not allowed on Fargate.",
        **linux(capabilities={"add": ["SYS_PTRACE", "NET_ADMIN"]}),
    ),
    refused(
        "GPU",
        CLIENT,
        "Tasks using the Fargate launch type do not support GPU resource requirements.",
        **one(resourceRequirements=[{"type": "GPU", "value": "1"}]),
    ),
    refused("ulimit other than nofile", CLIENT, **one(ulimits=[{"name": "core", "softLimit": 1, "hardLimit": 1}])),
    refused("stop timeout of 121 seconds", CLIENT, **one(stopTimeout=121)),
    refused("start timeout of 121 seconds", CLIENT, **one(startTimeout=121)),
    refused("unknown CPU architecture", CLIENT, runtimePlatform={"cpuArchitecture": "VAX"}),
    refused("unknown operating system", CLIENT, runtimePlatform={"operatingSystemFamily": "CPM"}),
]

ALL = [*TASK, *SIZES, *CONTAINERS, *HEALTH, *DEPENDENCIES, *VOLUMES, *LOGS, *AWSVPC, *FARGATE]


@pytest.fixture(scope="module")
def register(endpoint: str) -> Any:
    return make_client("ecs", endpoint, checking=False).register_task_definition


@pytest.mark.parametrize(("request_", "code", "message"), ALL)
def test_refused(endpoint: str, register: Any, request_: dict[str, Any], code: str, message: str | None) -> None:
    family = random_name()
    parameters = {
        "family": family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        **one(),
        **request_,
    }
    given = {name: value for name, value in parameters.items() if value is not None}
    check_refusal(register, given, code, message)
    families = make_client("ecs", endpoint).list_task_definition_families(familyPrefix=family)["families"]
    assert families == []
