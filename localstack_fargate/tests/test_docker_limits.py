"""How a task's size is divided between its containers."""

from typing import Any

import pytest
from docker import APIClient

from localstack_fargate.launchers.base import ContainerSpec, TaskSpec
from localstack_fargate.launchers.docker.limits import MIB, cpu_limits, memory_limits
from localstack_fargate.tests.kit import SHELL_IMAGE

VCPU = 1_000_000_000


def task(*cpu: int) -> TaskSpec:
    """A task of half a vCPU and 1 GiB, with containers that say so much of their CPU."""
    names = [f"container-{number}" for number in range(len(cpu))]
    specs = [ContainerSpec(name, {"name": name, "cpu": units}, {}) for name, units in zip(names, cpu, strict=True)]
    return TaskSpec("id", tuple(specs), 0.5, 1024)


@pytest.mark.parametrize(
    ("cpu", "shares"),
    [
        ([0], [512]),
        ([128], [512]),  # it is alone: on Fargate it has the whole task's
        ([128, 0], [128, 384]),
        ([0, 0, 256], [128, 128, 256]),
        ([512, 0], [512, 2]),  # the kernel's least
    ],
)
def test_cpu(cpu: list[int], shares: list[int]) -> None:
    whole = task(*cpu)
    definitions = [container.definition for container in whole.containers]
    assert [cpu_limits(whole, each, None) for each in definitions] == [{"CpuShares": each} for each in shares]
    assert [cpu_limits(whole, each, 2) for each in definitions] == [
        {"CpuShares": each, "NanoCpus": VCPU // 2} for each in shares
    ]


@pytest.mark.parametrize("task_vcpus", [0.25, 16])
def test_the_engine_takes_the_ceiling(docker: APIClient, task_vcpus: float) -> None:
    """Also for a task larger than the machine, and for a container without CPU beside one that has all of it."""
    vcpus = docker.info()["NCPU"]
    definitions: list[dict[str, Any]] = [{"name": "all", "cpu": int(task_vcpus * 1024)}, {"name": "none"}]
    whole = TaskSpec("id", tuple(ContainerSpec("", each, {}) for each in definitions), task_vcpus, 1024)
    for definition in definitions:
        container = docker.create_container_from_config(
            {
                "Image": SHELL_IMAGE,
                "Cmd": ["exit 3"],
                "HostConfig": cpu_limits(whole, definition, vcpus) | memory_limits(whole, definition),
            }
        )["Id"]
        try:
            docker.start(container)
            assert docker.wait(container)["StatusCode"] == 3
            assert docker.inspect_container(container)["HostConfig"]["NanoCpus"] == min(task_vcpus, vcpus) * VCPU
        finally:
            docker.remove_container(container, force=True)


@pytest.mark.parametrize(
    ("definition", "limit"), [({}, 1024), ({"memory": 300}, 300), ({"memory": 4096}, 1024), ({"memory": None}, 1024)]
)
def test_memory(definition: dict[str, int | None], limit: int) -> None:
    assert memory_limits(task(0), definition) == {"Memory": limit * MIB, "MemorySwap": limit * MIB}
