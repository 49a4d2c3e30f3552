"""The work behind scripts/bench_starts.sh: what a task costs beside a bare container of the same engine.

First, how long it takes from RunTask to the first line of the container's process, and from a bare create and start to
the same line, in turn. Then, how many one-second tasks are done per second, and how many of `docker run`, at the number
of parallel ones that suits the engine best. Everything is told as medians and ratios of one run: absolute times are of
this machine at this hour.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from docker import APIClient

from localstack_fargate.tests.docker_kit import engine_with_images
from localstack_fargate.tests.kit import SHELL_IMAGE, START_TIMEOUT_SECONDS, Emulator, Fargate, emulator, poll

TELL_TIME = "date +%s.%N"
TASKS_PER_REQUEST = 10  # RunTask's maximum
TASK_TIMEOUT_SECONDS = 600


def time_task(fargate: Fargate, definition: str) -> float:
    """Seconds from RunTask to the first line of the container."""
    started = time.time()
    arn = fargate.run_task(definition)["tasks"][0]["taskArn"]
    fargate.wait(arn)
    return float(fargate.output(arn)[0]) - started


def time_bare(docker: APIClient) -> float:
    """Seconds from the request to create a container to its first line."""
    started = time.time()
    container = docker.create_container_from_config({"Image": SHELL_IMAGE, "Cmd": [TELL_TIME]})["Id"]
    docker.start(container)
    docker.wait(container)
    line = docker.logs(container)
    docker.remove_container(container)
    return float(line) - started


def tasks_per_second(fargate: Fargate, number: int) -> float:
    """Run one-second tasks as fast as they go."""
    definition = fargate.register(fargate.container(command=["sleep 1"]))
    started = time.monotonic()
    arns: list[str] = []
    while len(arns) < number:
        count = min(TASKS_PER_REQUEST, number - len(arns))
        arns += [task["taskArn"] for task in fargate.run_task(definition, count=count)["tasks"]]
    for arn in arns:
        task = fargate.wait(arn, timeout=TASK_TIMEOUT_SECONDS)
        if task["containers"][0].get("exitCode") != 0:
            raise RuntimeError(f"the task failed: {task}")
    return number / (time.monotonic() - started)


def runs_per_second(parallel: int, number: int) -> float:
    """Run one-second containers with Docker's own command."""

    def run(_index: int) -> None:
        name = f"bench-starts-{uuid.uuid4().hex}"
        subprocess.run(
            ["docker", "run", "--rm", "--name", name, SHELL_IMAGE, "sleep 1"], check=True, capture_output=True
        )

    started = time.monotonic()
    with ThreadPoolExecutor(parallel) as pool:
        list(pool.map(run, range(number)))
    return number / (time.monotonic() - started)


def resident_megabytes(started: Emulator) -> int:
    """The most memory that the emulator has had so far."""
    status = Path(f"/proc/{started.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def compare_latency(fargate: Fargate, docker: APIClient, rounds: int) -> None:
    """Print the table of the first question."""
    definition = fargate.register(fargate.container(command=[TELL_TIME]))
    time_task(fargate, definition)  # the first loads what all others find loaded
    tasks, bare = [], []
    for _ in range(rounds):
        tasks.append(time_task(fargate, definition))
        bare.append(time_bare(docker))
    task, container = statistics.median(tasks), statistics.median(bare)
    difference = statistics.median(t - b for t, b in zip(tasks, bare, strict=True))
    print(f"| to the first line, median of {rounds} | seconds |\n| --- | --- |")
    print(f"| RunTask | {task:.3f} |\n| bare create and start | {container:.3f} |")
    print(f"| difference (median of pairs) | {difference:+.3f} |\n| ratio | {task / container:.2f} |\n", flush=True)


def compare_throughput(fargate: Fargate, started: Emulator, number: int, starts: str) -> None:
    """Print the table of the second question."""
    print("| one-second containers | per second |\n| --- | --- |")
    rates = {}
    for parallel in range(1, 9):
        rates[parallel] = runs_per_second(parallel, max(number // 4, parallel))
        print(f"| `docker run`, {parallel} in parallel | {rates[parallel]:.2f} |", flush=True)
    best = max(rates.values())
    tasks = tasks_per_second(fargate, number)
    print(f"| {number} tasks, {starts} starts at a time | {tasks:.2f} |\n| ratio to the best | {tasks / best:.2f} |\n")
    print(f"The emulator had at most {resident_megabytes(started)} MB.")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench_starts.sh", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="rounds of the first comparison (default: 15; 0: none)")
    parser.add_argument("--tasks", type=int, default=100, help="tasks of the second (default: 100; 0: none)")
    parser.add_argument("--starts", default="", help="FARGATE_MAX_STARTS of the emulator (default: its own)")
    arguments = parser.parse_args()
    docker = engine_with_images()
    settings = {"FARGATE_LAUNCHER": "docker", "FARGATE_MAX_TASKS": "", "FARGATE_MAX_STARTS": arguments.starts}
    with tempfile.TemporaryDirectory() as folder, emulator(Path(folder), **settings) as started:
        poll(started.is_ready, START_TIMEOUT_SECONDS, "the emulator")
        fargate = Fargate(started.url)
        if arguments.rounds:
            compare_latency(fargate, docker, arguments.rounds)
        if arguments.tasks:
            compare_throughput(fargate, started, arguments.tasks, arguments.starts or "the default number of")
    return 0


if __name__ == "__main__":
    sys.exit(main())
