"""What a container writes is in CloudWatch Logs, line by line, when its task is STOPPED."""

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from localstack_fargate.ecs.logs import BATCH_BYTES, EVENT_BYTES, AwsLogs, LineSplitter
from localstack_fargate.ecs.multiline import EventJoiner
from localstack_fargate.tests.kit import PYTHON_IMAGE, Fargate, make_client, poll, random_name


@pytest.mark.conformance("Logs", "`awslogs`: no line is lost or split, streams have AWS's names")
def test_ten_thousand_lines_none_lost_none_split(fargate: Fargate) -> None:
    script = """
import sys
for number in range(10000):
    print(f"{number:05d} " + "äöü€😀" * 12)
print("the last line, without a newline é", end="")
"""
    arn = fargate.run(
        fargate.container(image=PYTHON_IMAGE, command=[script], environment=[{"name": "PYTHONUTF8", "value": "1"}])
    )
    assert fargate.wait(arn)["containers"][0]["exitCode"] == 0
    expected = [f"{number:05d} " + "äöü€😀" * 12 for number in range(10000)]
    assert fargate.output(arn) == [*expected, "the last line, without a newline é"]


@pytest.mark.conformance("Logs", "`awslogs`: no line is lost or split, streams have AWS's names")
def test_a_hundred_thousand_lines_at_once(fargate: Fargate) -> None:
    arn = fargate.run_script("seq 1 100000 | sed 's/$/ äöü€😀 of a hundred thousand lines/'")
    assert fargate.wait(arn, timeout=60)["containers"][0]["exitCode"] == 0
    assert fargate.output(arn) == [f"{number} äöü€😀 of a hundred thousand lines" for number in range(1, 100_001)]


@pytest.mark.conformance("Logs", "Lines longer than an event are cut between characters")
def test_very_long_lines_are_cut_between_characters_and_nowhere_else(fargate: Fargate) -> None:
    """CloudWatch Logs does not take longer ones."""
    script = "for i in 1 2; do printf '€%.0s' $(seq 1 200000); echo; done"
    arn = fargate.run_script(script)
    fargate.wait(arn, timeout=60)
    lines = fargate.output(arn)
    assert {len(line.encode()) // 3 for line in lines[:2]} == {EVENT_BYTES // 3}
    assert "".join(lines) == "€" * 400_000
    assert len(lines) == 6


@pytest.mark.conformance("Logs", "`mode` and `max-buffer-size` are accepted")
def test_options_that_change_nothing_here(fargate: Fargate) -> None:
    container = fargate.container(command=["seq 1 1000"])
    container["logConfiguration"]["options"] |= {"mode": "non-blocking", "max-buffer-size": "1m"}
    arn = fargate.run(container)
    fargate.wait(arn)
    assert fargate.output(arn) == [str(number) for number in range(1, 1001)]


@pytest.mark.conformance("Logs", "`awslogs-region`")
def test_log_group_of_another_region(fargate: Fargate, endpoint: str) -> None:
    logs = make_client("logs", endpoint, region="eu-west-1")
    logs.create_log_group(logGroupName=fargate.log_group)
    container = fargate.container(command=["echo abroad"])
    container["logConfiguration"]["options"] |= {"awslogs-region": "eu-west-1"}
    arn = fargate.run(container)
    fargate.wait(arn)
    stream = f"tasks/main/{arn.rsplit('/', 1)[-1]}"
    (event,) = logs.get_log_events(logGroupName=fargate.log_group, logStreamName=stream)["events"]
    assert event["message"] == "abroad"
    logs.delete_log_group(logGroupName=fargate.log_group)


@pytest.mark.conformance("Logs", "Standard output and error in one stream")
def test_both_streams_each_line_whole(fargate: Fargate) -> None:
    arn = fargate.run_script("for i in 1 2 3; do printf a; echo x >&2; echo b; done")
    fargate.wait(arn)
    assert sorted(fargate.output(arn)) == ["ab", "ab", "ab", "x", "x", "x"]


@pytest.mark.conformance("Logs", "Lines come while the task runs")
def test_lines_come_while_the_task_runs(fargate: Fargate) -> None:
    arn = fargate.run_script("echo first; sleep 30")
    fargate.wait(arn, "RUNNING")
    poll(lambda: fargate.output(arn) == ["first"])
    assert fargate.describe(arn)["lastStatus"] == "RUNNING"


@pytest.mark.conformance("Start failures", "`ResourceInitializationError` for a missing log group")
def test_missing_log_group_fails_the_task(fargate: Fargate) -> None:
    container = fargate.container(command=["exit 0"])
    container["logConfiguration"]["options"]["awslogs-group"] = random_name("/missing")
    task = fargate.wait(fargate.run(container))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith(
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
        "failed to create Cloudwatch log stream: operation error CloudWatch Logs: CreateLogStream, "
        "https response error StatusCode: 400, RequestID: "
    )
    assert task["stoppedReason"].endswith(
        ", ResourceNotFoundException: The specified log group does not exist. : exit status 1"
    )
    assert "exitCode" not in task["containers"][0]


@pytest.mark.conformance("Logs", "`awslogs-create-group`")
def test_log_group_is_created_if_wanted(fargate: Fargate) -> None:
    group = random_name("/made")
    container = fargate.container(command=["echo hello"])
    container["logConfiguration"]["options"] |= {"awslogs-group": group, "awslogs-create-group": "true"}
    fargate.wait(fargate.run(container))
    streams = fargate.logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert len(streams) == 1
    fargate.logs.delete_log_group(logGroupName=group)


def test_logs_that_vanish_do_not_hold_up_the_task(fargate: Fargate) -> None:
    group = random_name("/gone")
    container = fargate.container(command=["sleep 0.7; seq 100000"])
    container["logConfiguration"]["options"]["awslogs-group"] = group
    fargate.logs.create_log_group(logGroupName=group)
    arn = fargate.run(container)
    fargate.wait(arn, "RUNNING")
    fargate.logs.delete_log_group(logGroupName=group)
    assert fargate.wait(arn, timeout=10)["containers"][0]["exitCode"] == 0


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_splitter_finds_the_same_lines_however_bytes_come(size: int) -> None:
    data = "one\n\ntwo é😀\r\nthree".encode()
    splitter = LineSplitter()
    lines = [line for start in range(0, len(data), size) for line in splitter.feed(data[start : start + size])]
    assert [*lines, *splitter.rest()] == [b"one", "two é😀\r".encode(), b"three"]


@pytest.mark.parametrize("character", ["a", "é", "€", "😀"])
def test_splitter_cuts_long_lines_between_characters(character: str) -> None:
    text = character * EVENT_BYTES
    splitter = LineSplitter()
    pieces = splitter.feed(("x" + text + "\n").encode())
    assert "".join(piece.decode() for piece in pieces) == "x" + text
    assert max(map(len, pieces)) <= EVENT_BYTES
    assert splitter.rest() == []


def seconds_of_cpu(work: Callable[[int], None], amount: int) -> float:
    """The least of some attempts."""

    def attempt() -> float:
        started = time.thread_time()
        work(amount)
        return time.thread_time() - started

    return min(attempt() for _ in range(3))


def test_a_line_that_comes_in_many_pieces_costs_what_its_bytes_cost() -> None:
    """Ten times the bytes are ten times the work, not a hundred times."""

    def split(pieces: int) -> None:
        splitter = LineSplitter()
        for _ in range(pieces):
            splitter.feed(b"x" * 5)
        assert len(splitter.rest()[0]) == pieces * 5

    assert seconds_of_cpu(split, 50_000) < 25 * seconds_of_cpu(split, 5_000)


def test_an_event_of_many_lines_costs_what_its_bytes_cost() -> None:
    def join(lines: int) -> None:
        joiner = EventJoiner(re.compile(b"^x"), EVENT_BYTES)
        joiner.feed([b"abc"] * lines, 0)
        assert len(joiner.rest()[0][1]) == lines * 4

    assert seconds_of_cpu(join, 50_000) < 25 * seconds_of_cpu(join, 5_000)


class SlowLogs:
    """A CloudWatch Logs that refuses the first requests and keeps the rest."""

    class exceptions:
        class ResourceNotFoundException(Exception):
            pass

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.batches: list[list[dict[str, Any]]] = []

    def put_log_events(self, *, logGroupName: str, logStreamName: str, logEvents: list[dict[str, Any]]) -> None:
        assert (logGroupName, logStreamName) == ("group", "stream")
        if self.refusals:
            self.refusals -= 1
            raise TimeoutError("not now")
        self.batches.append(logEvents)


def test_batches_keep_within_the_limits_and_in_order_despite_refusals() -> None:
    client = SlowLogs(refusals=2)
    logs = AwsLogs(client, "group", "stream")
    started = time.monotonic()
    for number in range(25_000):
        logs.write("stdout", f"{number} {'x' * 90}\n".encode())
    assert time.monotonic() - started < 1.5, "write waits for CloudWatch Logs"
    logs.close()
    events = [event for batch in client.batches for event in batch]
    assert [int(event["message"].split()[0]) for event in events] == list(range(25_000))
    assert max(map(len, client.batches)) <= 10_000
    assert max(sum(len(event["message"]) + 26 for event in batch) for batch in client.batches) <= BATCH_BYTES
    assert json.dumps(events)


class WatchedPattern:
    """A regular expression that knows which threads have waited for it."""

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def search(self, line: bytes) -> bool:
        self.threads.add(threading.get_ident())
        return line.startswith(b"x")


def test_patterns_are_matched_by_the_streams_own_thread() -> None:
    """Whoever writes reads the output of other containers, too."""
    client, pattern = SlowLogs(refusals=0), WatchedPattern()
    logs = AwsLogs(client, "group", "stream", pattern)
    logs.write("stdout", b"x one\n two\nx three\n")
    logs.close()
    assert [event["message"] for batch in client.batches for event in batch] == ["x one\n two\n", "x three\n"]
    assert threading.get_ident() not in pattern.threads


def test_events_of_a_batch_are_in_the_order_of_their_times() -> None:
    client = SlowLogs(refusals=0)
    logs = AwsLogs(client, "group", "stream", re.compile(b"^x"))
    for stream, line in (
        ("stderr", b"x first"),
        ("stdout", b"x second"),
        ("stdout", b"x third"),
        ("stderr", b"x last"),
    ):
        logs.write(stream, line + b"\n")
        time.sleep(0.002)  # the next line is of another millisecond
    logs.close()
    for batch in client.batches:
        times = [event["timestamp"] for event in batch]
        assert times == sorted(times)
    messages = [event["message"] for batch in client.batches for event in batch]
    assert sorted(messages) == ["x first\n", "x last\n", "x second\n", "x third\n"]
