"""How a task's size is divided between its containers."""

import pytest

from localstack_fargate.launchers.base import ContainerSpec, TaskSpec
from localstack_fargate.launchers.docker.limits import MIB, cpu_limits, memory_limits

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
    assert [cpu_limits(whole, each, hard=False) for each in definitions] == [{"CpuShares": each} for each in shares]
    assert [cpu_limits(whole, each, hard=True) for each in definitions] == [
        {"CpuShares": each, "NanoCpus": round(each * VCPU / 1024)} for each in shares
    ]


@pytest.mark.parametrize(
    ("definition", "limit"), [({}, 1024), ({"memory": 300}, 300), ({"memory": 4096}, 1024), ({"memory": None}, 1024)]
)
def test_memory(definition: dict[str, int | None], limit: int) -> None:
    assert memory_limits(task(0), definition) == {"Memory": limit * MIB, "MemorySwap": limit * MIB}
