"""Log events of several lines."""

import re
import time

import pytest

from localstack_fargate.ecs.multiline import DATETIME_FORMAT, PATTERN, EventJoiner, event_pattern
from localstack_fargate.tests.kit import Fargate

TRACE = """
printf '2026-11-22 10:00:00 first\\n'
printf '2026-11-22 10:00:01 second\\n  at one\\n\\n  at two\\n'
printf '2026-11-22 10:00:02 third\\nits end'
"""


@pytest.mark.conformance("Logs", "`awslogs-multiline-pattern` and `awslogs-datetime-format`")
@pytest.mark.parametrize(
    "option",
    [{"awslogs-multiline-pattern": "^20[0-9]{2}-"}, {"awslogs-datetime-format": "%Y-%m-%d %H:%M:%S"}],
    ids=lambda option: next(iter(option)),
)
def test_events_of_several_lines(fargate: Fargate, option: dict[str, str]) -> None:
    container = fargate.container(command=[TRACE])
    container["logConfiguration"]["options"] |= option
    arn = fargate.run(container)
    fargate.wait(arn)
    assert fargate.output(arn) == [
        "2026-11-22 10:00:00 first\n",
        "2026-11-22 10:00:01 second\n  at one\n\n  at two\n",
        "2026-11-22 10:00:02 third\nits end\n",
    ]


def test_event_of_several_lines_comes_while_the_task_runs(fargate: Fargate) -> None:
    container = fargate.container(command=["echo START; echo more; sleep 60"])
    container["logConfiguration"]["options"] |= {"awslogs-multiline-pattern": "START"}
    arn = fargate.run(container)
    assert fargate.wait_for_output(arn) == ["START\nmore\n"]
    assert fargate.describe(arn)["lastStatus"] == "RUNNING"


@pytest.mark.conformance("Logs", "A task whose `awslogs-multiline-pattern` is none of RE2 fails")
@pytest.mark.parametrize("pattern", ["(", "(?=START)"], ids=["unclosed", "look-ahead"])
def test_pattern_that_is_none_fails_the_task(fargate: Fargate, pattern: str) -> None:
    container = fargate.container(command=["exit 0"])
    container["logConfiguration"]["options"] |= {"awslogs-multiline-pattern": pattern}
    reason = fargate.wait(fargate.run(container))["stoppedReason"]
    assert reason.startswith("ResourceInitializationError: failed to validate logger args: awslogs could not parse ")


@pytest.mark.parametrize(
    ("pattern", "first", "other"),
    [
        (r"^\p{Lu}", "Éa", "éA"),
        ("^[[:digit:]]{4}-", "2026-11-22", "١٢٣٤-"),
        (r"^\d", "1", "١"),
        ("(?i)^error", "ERROR", "an error"),
        ("^.:", "é:", "éé:"),
        (r"\x{1F600}$", "a 😀", "a"),
        (r"end\z", "the end", "the end."),
    ],
)
def test_syntax_of_patterns(pattern: str, first: str, other: str) -> None:
    compiled = event_pattern({PATTERN: pattern})
    assert compiled
    assert compiled.search(first.encode())
    assert not compiled.search(other.encode())


@pytest.mark.parametrize("pattern", ["(?=x)", "(?<!x)y", r"(a)\1", "a++", r"x\Z", "x{1001}"])
def test_what_only_python_knows_is_no_pattern(pattern: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"^awslogs could not parse multiline pattern key .*: error parsing regexp: "):
        event_pattern({PATTERN: pattern})
    assert capfd.readouterr().err == ""


def test_no_pattern_takes_its_time() -> None:
    """Going through all ways to match would take 2³⁰ steps of these, half a minute or more."""
    pattern = event_pattern({PATTERN: "^(a+)+$"})
    assert pattern
    started = time.thread_time()
    assert not pattern.search(b"a" * 30 + b"!")
    assert not pattern.search(b"a" * 200_000 + b"!")
    assert time.thread_time() - started < 2


@pytest.mark.parametrize(
    ("datetime_format", "first"),
    [
        ("[%d/%b/%Y:%H:%M:%S %z]", "GET [22/Nov/2026:18:50:07 +0100] /"),
        ("%a %B %w %j %y %I%p %Z", "Sun November 0 326 26 06PM CEST"),
        ("%m-%dT%H:%M:%S%L (%f) 100%% é", "11-22T18:50:07.123 (123456) 100% é"),
        ("%A.%q", "Sunday.%q"),
    ],
)
def test_codes_of_datetime_formats(datetime_format: str, first: str) -> None:
    pattern = event_pattern({DATETIME_FORMAT: datetime_format})
    assert pattern
    assert pattern.search(first.encode())
    assert not pattern.search(re.sub(r"[0-9.]", "x", first).encode())


@pytest.mark.parametrize("limit", [4, 10])
def test_joined_events_keep_within_the_limit(limit: int) -> None:
    joiner = EventJoiner(re.compile(b"^x"), limit)
    lines = [b"xab", b"c", b"", b"de", b"x", b"fghi"]
    events = [event for _, event in [*joiner.feed(lines, 0), *joiner.rest()]]
    assert b"".join(events).replace(b"\n", b"") == b"".join(lines)
    assert max(map(len, events)) <= limit
