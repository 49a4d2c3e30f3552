"""What a process may use, from the files in which Linux tells it."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from worker.resources import MIB, Resources, available
from worker.task import Task, describe_task

UNLIMITED = available(process=Path("/nonexistent"))
NO_LIMIT = "9223372036854771712"  # of version 1
CONTAINER = "/docker/8f2b"


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., Path]:
    """A function that makes a process's folder in /proc: its groups, the mounts, and the files of the groups."""

    def make(groups: str, mounts: str, files: dict[str, str]) -> Path:
        (tmp_path / "cgroup").write_text(groups)
        (tmp_path / "mountinfo").write_text(mounts.replace("SYS", str(tmp_path / "sys")))
        for name, content in files.items():
            file = tmp_path / "sys" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        return tmp_path

    return make


V2_MOUNT = "22 1 0:20 / / rw - ext4 /dev/vda rw\n31 22 0:27 / SYS rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"


def v1_mounts(root: str) -> str:
    return (
        f"31 23 0:28 / SYS rw - tmpfs tmpfs rw,mode=755\n"
        f"32 31 0:29 {root} SYS/cpu,cpuacct ro master:9 - cgroup cgroup rw,cpu,cpuacct\n"
        f"35 31 0:32 {root} SYS/memory ro master:12 - cgroup cgroup rw,memory\n"
        f"36 31 0:33 {root} SYS/systemd ro - cgroup cgroup rw,xattr,name=systemd\n"
    )


V1_GROUPS = "9:name=systemd:{0}\n4:memory:{0}\n1:cpu,cpuacct:{0}\n0::/\n"


@pytest.mark.parametrize(
    ("groups", "mounts", "files", "expected"),
    [
        pytest.param(
            "0::/\n", V2_MOUNT, {"memory.max": "536870912\n", "cpu.max": "25000 100000\n"},
            Resources(0.25, 512 * MIB), id="a container of version 2",
        ),
        pytest.param(
            "0::/a/b\n", V2_MOUNT,
            {"a/b/memory.max": "max\n", "a/memory.max": "1048576\n",
             "a/b/cpu.max": "max 100000\n", "a/cpu.max": "10000 50000\n"},
            Resources(0.2, MIB), id="a group of version 2 below one with limits",
        ),
        pytest.param(
            "0::/a\n", V2_MOUNT, {"a/memory.max": "1048576\n", "a/cpu.max": "50000 100000\n", "memory.max": "2097152\n",
                                  "ab/memory.max": "1\n"},
            Resources(0.5, MIB), id="the least of several counts",
        ),
        pytest.param(
            V1_GROUPS.format(CONTAINER), v1_mounts(CONTAINER),
            {"memory/memory.limit_in_bytes": "536870912\n", "cpu,cpuacct/cpu.cfs_quota_us": "25000\n",
             "cpu,cpuacct/cpu.cfs_period_us": "100000\n"},
            Resources(0.25, 512 * MIB), id="a container of version 1",
        ),
        pytest.param(
            V1_GROUPS.format("/c/x"), v1_mounts("/"),
            {"memory/c/x/memory.limit_in_bytes": NO_LIMIT, "memory/c/memory.limit_in_bytes": "4096\n",
             "cpu,cpuacct/c/x/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/c/x/cpu.cfs_period_us": "100000\n",
             "cpu,cpuacct/c/cpu.cfs_quota_us": "1000\n", "cpu,cpuacct/c/cpu.cfs_period_us": "10000\n"},
            Resources(0.1, 4096), id="a group of version 1 below one with limits",
        ),
        pytest.param(
            V1_GROUPS.format("/"), v1_mounts("/"),
            {"memory/memory.limit_in_bytes": NO_LIMIT, "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
             "cpu,cpuacct/cpu.cfs_period_us": "100000\n"},
            UNLIMITED, id="no limit in version 1",
        ),
        pytest.param("0::/\n", V2_MOUNT, {}, UNLIMITED, id="no limit in version 2"),
        pytest.param("0::/../elsewhere\n", V2_MOUNT, {"memory.max": "1048576\n"},
                     Resources(UNLIMITED.cpus, MIB), id="a group outside of the name space"),
    ],
)  # fmt: skip
def test_the_limits_of_control_groups(
    process: Callable[..., Path], groups: str, mounts: str, files: dict[str, str], expected: Resources
) -> None:
    assert available(process=process(groups, mounts, files)) == expected


def test_without_limits_the_machine_is_what_there_is() -> None:
    assert 1 <= UNLIMITED.cpus == len(os.sched_getaffinity(0))
    total = Path("/proc/meminfo").read_text().split()[1]
    assert UNLIMITED.memory == int(total) * 1024


def test_a_process_that_is_bound_to_one_cpu_has_one() -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert available().cpus == 1
    finally:
        os.sched_setaffinity(0, before)


def test_a_task_limits_a_container_without_limits(process: Callable[..., Path]) -> None:
    assert available(Task(vcpus=0.5, memory_mb=1024), Path("/nonexistent")) == Resources(0.5, 1024 * MIB)
    inside = process("0::/\n", V2_MOUNT, {"memory.max": "1048576\n"})
    assert available(Task(vcpus=64, memory_mb=1024), inside) == Resources(UNLIMITED.cpus, MIB)


@pytest.fixture
def endpoint() -> Iterator[Callable[[bytes], str]]:
    """A function that gives the address of a metadata endpoint which answers with these bytes for the task."""
    answer = b""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/v4/1/task" else 404)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def serve(content: bytes) -> str:
        nonlocal answer
        answer = content
        return f"http://127.0.0.1:{server.server_port}/v4/1"

    yield serve
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_task_says_what_it_is(endpoint: Callable[[bytes], str]) -> None:
    document = {"TaskARN": "arn:aws:ecs:x:1:task/c/1", "Limits": {"CPU": 0.25, "Memory": 512}}
    task = describe_task(endpoint(json.dumps(document).encode()))
    assert task == Task("arn:aws:ecs:x:1:task/c/1", 0.25, 512)
    assert task.as_record() == {"vcpu": 0.25, "memory_mb": 512}


@pytest.mark.parametrize(
    "content",
    [b"", b"no json", b"[]", b"{}", b'{"TaskARN": 1, "Limits": []}', b'{"Limits": {"CPU": "x", "Memory": -1}}'],
)
def test_an_endpoint_that_says_nothing_of_use(endpoint: Callable[[bytes], str], content: bytes) -> None:
    task = describe_task(endpoint(content))
    assert task == Task()
    assert task.as_record() is None


def test_no_endpoint() -> None:
    assert describe_task(None) == Task()
    assert describe_task("http://127.0.0.1:1/v4") == Task()
