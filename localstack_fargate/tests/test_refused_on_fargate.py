"""What RegisterTaskDefinition refuses because Fargate, or its network mode awsvpc, does not have it."""

from typing import Any

import pytest

from localstack_fargate.tests.refusal_kit import (
    CLIENT,
    NO_EXECUTION_ROLE,
    check_registration,
    one,
    refused,
    unsupported,
)


def not_in_awsvpc(what: str) -> str:
    return f"{what} not supported on container when networkMode=awsvpc."


def linux(**parameters: Any) -> dict[str, Any]:
    return one(linuxParameters=parameters)


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


@pytest.mark.parametrize(("request_", "code", "message"), [*AWSVPC, *FARGATE])
def test_on_fargate(endpoint: str, request_: dict[str, Any], code: str, message: str | None) -> None:
    check_registration(endpoint, request_, code, message)
