"""The sizes that a task can have on Fargate."""

import re

from ..exceptions import EcsException

MIB_PER_GB = 1024
UNITS_PER_VCPU = 1024
TROUBLESHOOTING = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."


def _gigabytes(first: int, last: int, step: int = 1) -> range:
    return range(first * MIB_PER_GB, last * MIB_PER_GB + 1, step * MIB_PER_GB)


# CPU units: MiB of memory that go with them.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
FARGATE_SIZES: dict[int, range | tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: _gigabytes(1, 4),
    1024: _gigabytes(2, 8),
    2048: _gigabytes(4, 16),
    4096: _gigabytes(8, 30),
    8192: _gigabytes(16, 60, step=4),
    16384: _gigabytes(32, 120, step=8),
}


def cpu_units(text: object, error: type[EcsException]) -> int:
    """CPU units from "256", ".25 vCPU" or "0.25vcpu"; raises ``error`` for anything else."""
    found = _read(text, "vcpu", UNITS_PER_VCPU)
    if not found:
        raise error(f"Invalid 'cpu' setting for task. {TROUBLESHOOTING}")
    return found


def memory_mib(text: object, error: type[EcsException]) -> int:
    """MiB from "512", "0.5GB" or "1 gb"; raises ``error`` for anything else."""
    found = _read(text, "gb", MIB_PER_GB)
    if not found:
        raise error(f"Invalid 'memory' setting for task. {TROUBLESHOOTING}")
    return found


def check_fargate_size(cpu: int, memory: int, error: type[EcsException]) -> None:
    """Raise ``error`` unless Fargate has this pair of CPU units and MiB."""
    if memory not in FARGATE_SIZES.get(cpu, ()):
        raise no_such_size(cpu, memory, error)


def no_such_size(cpu: int, memory: int, error: type[EcsException]) -> EcsException:
    """The error for a pair of CPU units and MiB that Fargate does not have."""
    return error(
        f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. "
        "See the Amazon ECS documentation for the valid values."
    )


def _read(text: object, unit: str, factor: int) -> int | None:
    """The number in the smaller unit; None if it is not a positive whole one."""
    match = re.fullmatch(rf"\s*(\d+|\d*\.\d+)\s*({unit})?\s*", str(text), re.IGNORECASE)
    if not match:
        return None
    number = float(match[1]) * (factor if match[2] else 1)
    return int(number) if number.is_integer() and number > 0 else None
