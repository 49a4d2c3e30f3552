"""S3 that answers with errors, late, in part, wrongly or not at all: by a proxy between the worker and the account."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import boto3

from e2e.faults.fault import Fault, NewFault
from e2e.faults.proxy import (
    Act,
    FaultProxy,
    Gate,
    Rule,
    alter,
    cut_in_body,
    delay,
    lose_answer,
    lose_request,
    refuse,
)
from e2e.inspection import tasks_of, wait_until
from videobatch.pipeline import Pipeline

ALWAYS = 1000
ALL_OF_AN_ATTEMPT = 6  # the worker's client asks once and then five times more
INTERRUPTED = 43


@dataclass(frozen=True)
class Case:
    """A fault of S3 and what becomes of the job.

    Attributes:
        request: Which requests are meant: for the video, for the result, or for the record's last state.
        end: State, attempt, and the error's code.
    """

    name: str
    request: str
    act: Act
    times: int = 1
    end: tuple[str, int, str | None] = ("SUCCEEDED", 1, None)

    def rule(self, pipeline: Pipeline, name: str) -> Rule:
        """The rule for the upload ``name``."""
        source = pipeline.outputs["UploadPrefix"] + name
        if self.request == "video":
            return Rule("GET", source, self.act, times=self.times)
        if self.request == "result":
            return Rule("PUT", pipeline.result_key(name), self.act, times=self.times)
        last = ('"state": "SUCCEEDED"', f'"key": "{source}"')
        return Rule("PUT", ".json", self.act, containing=last, times=self.times)


CASES = [
    Case("S3 answers 500 to reads", "video", refuse(500, "InternalError"), times=2),
    Case(
        "S3 answers 503 to all reads of an attempt", "video", refuse(503, "SlowDown"), ALL_OF_AN_ATTEMPT,
        end=("SUCCEEDED", 2, None),
    ),
    Case("S3 answers 503 to writes", "result", refuse(503, "SlowDown"), times=2),
    Case("S3 answers 500 to the record's last state", "record", refuse(500, "InternalError"), times=2),
    Case("S3 answers 3 s late", "video", delay(3)),
    Case("S3 breaks off in the video", "video", cut_in_body, end=("SUCCEEDED", 2, None)),
    Case("S3 breaks off in the video, always", "video", cut_in_body, ALWAYS, ("FAILED", 3, "STORAGE_UNAVAILABLE")),
    Case("S3 hangs up on the result", "result", lose_request),
    Case("S3 takes the result, its answer is lost", "result", lose_answer),
    Case("S3 takes the record's last state, its answer is lost", "record", lose_answer),
    Case("S3 denies access to the video", "video", refuse(403, "AccessDenied"), ALWAYS, ("FAILED", 1, "ACCESS_DENIED")),
    Case("S3 denies writing the result", "result", refuse(403, "AccessDenied"), ALWAYS, ("FAILED", 1, "ACCESS_DENIED")),
    Case("S3 returns other bytes than their checksum says", "video", alter, end=("SUCCEEDED", 2, None)),
]  # fmt: skip


def test_s3_in_all_its_moods(pipeline: Pipeline, proxy: FaultProxy, new_fault: NewFault, clip: Path) -> None:
    """All at the same time, each with an upload of its own."""
    running: list[tuple[Case, Rule, Fault]] = []
    for number, case in enumerate(CASES):
        name = f"s3/{number:02}.mp4"
        rule, fault = proxy.inject(case.rule(pipeline, name)), new_fault(case.name)
        running.append((case, rule, fault))
        fault.upload(clip, name)
    for case, rule, fault in running:
        [record] = fault.wait()
        fault.settle(injected=rule.applied)
        error = record["error"]
        assert (record["state"], record["attempt"], error and error["code"]) == case.end, record
        assert rule.applied == case.times or case.times == ALWAYS
        assert len(tasks_of(pipeline, record["job_id"])) == record["attempt"]


def test_a_result_in_parts_that_is_interrupted(
    pipeline: Pipeline, proxy: FaultProxy, new_fault: NewFault, noise: Path
) -> None:
    """First the worker is stopped between two parts, then a part is lost, and the last answer, too."""
    fault = new_fault("SIGTERM, lost part, lost answer while PUBLISHING in parts")
    key = pipeline.result_key("parts.mp4")
    gate = Gate("request")
    rules = [
        proxy.inject(Rule("PUT", key, gate, query="partNumber=2")),
        proxy.inject(Rule("PUT", key, lose_request, query="partNumber=2")),
        proxy.inject(Rule("POST", key, lose_answer, containing=("CompleteMultipartUpload",))),
    ]
    version_id = fault.upload(noise, "parts.mp4")
    wait_until(lambda: gate.is_reached, "the second part", seconds=120)
    held = pipeline.record_of(version_id)
    assert held is not None
    [task] = tasks_of(pipeline, held["job_id"])
    boto3.client("ecs").stop_task(cluster=pipeline.outputs["ClusterName"], task=task["taskArn"])
    wait_until(lambda: _ended(pipeline, held["job_id"]), "the worker's end", seconds=10)
    gate.open()
    [record] = fault.settle(injected=len(rules))
    assert record["state"] == "SUCCEEDED", record
    assert [rule.applied for rule in rules] == [1] * len(rules)
    codes = [task["containers"][0]["exitCode"] for task in tasks_of(pipeline, record["job_id"])]
    assert (codes[0], codes[-1]) == (INTERRUPTED, 0)


def _ended(pipeline: Pipeline, job_id: str) -> Sequence[str]:
    return [task["taskArn"] for task in tasks_of(pipeline, job_id) if task["lastStatus"] == "STOPPED"]
