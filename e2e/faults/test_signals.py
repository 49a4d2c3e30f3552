"""A worker that is killed, stopped or robbed of its capacity in any phase: its job is done all the same."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from e2e.faults.fault import Fault, NewFault
from e2e.faults.proxy import FaultProxy, Gate, Rule
from e2e.inspection import tasks_of, wait_until
from e2e.targets import Target
from videobatch.pipeline import Pipeline

PHASES = ("FETCHING", "PROBING", "ENCODING", "VERIFYING", "PUBLISHING")
GATE_SECONDS = 120
SIGKILL, SIGTERM = 137, 43  # what a task ends with: 128 + 9, and INTERRUPTED


def gate_in(phase: str, name: str, pipeline: Pipeline, proxy: FaultProxy) -> Gate:
    """Hold the first worker of an upload in this phase: with half of the video, with news of it, or with the result."""
    source = pipeline.outputs["UploadPrefix"] + name
    if phase == "FETCHING":
        gate = Gate("halfway")
        proxy.inject(Rule("GET", source, gate))
    elif phase == "PUBLISHING":
        gate = Gate("request")
        proxy.inject(Rule("PUT", pipeline.result_key(name), gate))
    else:
        gate = Gate("answer")
        proxy.inject(Rule("PUT", ".json", gate, containing=(f'"phase": "{phase}"', f'"key": "{source}"')))
    return gate


def running_task(pipeline: Pipeline, job_id: str) -> str:
    """The ARN of a job's latest task."""
    arn: str = tasks_of(pipeline, job_id)[-1]["taskArn"]
    return arn


def kill(target: Target, pipeline: Pipeline, job_id: str) -> None:  # noqa: ARG001 - one of two of a kind
    assert target.kill_worker(job_id), "there is no worker"


def stop(target: Target, pipeline: Pipeline, job_id: str) -> None:  # noqa: ARG001
    boto3.client("ecs").stop_task(cluster=pipeline.outputs["ClusterName"], task=running_task(pipeline, job_id))


def wait_for_end(target: Target, job_id: str) -> None:
    """See that nothing of a job's worker is there any more, within the time that Docker allows by default."""
    wait_until(lambda: not target.worker_runs(job_id), "the worker's end", seconds=10)


@pytest.mark.parametrize(
    ("signal", "send", "exit_code"), [("SIGKILL", kill, SIGKILL), ("SIGTERM", stop, SIGTERM)], ids=["KILL", "TERM"]
)
def test_a_worker_that_is_ended_in_any_phase(
    pipeline: Pipeline,
    target: Target,
    proxy: FaultProxy,
    new_fault: NewFault,
    clip: Path,
    signal: str,
    send: Callable[[Target, Pipeline, str], None],
    exit_code: int,
) -> None:
    """All phases at the same time, each with an upload of its own."""
    held: dict[Gate, Fault] = {}
    for phase in PHASES:
        name = f"{signal}/{phase}.mp4"
        fault = new_fault(f"{signal} while {phase}")
        held[gate_in(phase, name, pipeline, proxy)] = fault
        fault.upload(clip, name)
    faults = list(held.values())
    deadline = time.monotonic() + GATE_SECONDS
    while held:
        assert time.monotonic() < deadline, f"not reached: {[fault.name for fault in held.values()]}"
        for gate in [gate for gate in held if gate.is_reached]:
            [upload] = held.pop(gate).uploads
            record = pipeline.record_of(upload.version_id)
            assert record is not None
            assert upload.name.endswith(f"/{record['phase']}.mp4"), record
            send(target, pipeline, record["job_id"])
            wait_for_end(target, record["job_id"])
            gate.open()
        time.sleep(0.05)
    for fault in faults:
        [record] = fault.settle(injected=1)
        assert (record["state"], record["attempt"], record["error"]) == ("SUCCEEDED", 2, None), record
        first, second = tasks_of(pipeline, record["job_id"])
        assert (first["containers"][0]["exitCode"], second["containers"][0]["exitCode"]) == (exit_code, 0)


@pytest.fixture
def spot(pipeline: Pipeline, target: Target) -> Iterator[None]:
    """The deployed state machine as UseSpot makes it. For emulated capacity only."""
    target.emulator_url()
    states = boto3.client("stepfunctions")
    deployed = states.describe_state_machine(stateMachineArn=pipeline.outputs["StateMachineArn"])
    definition = json.loads(deployed["definition"])
    definition["States"]["FirstAttempt"]["Parameters"]["spot"] = "yes"
    states.update_state_machine(stateMachineArn=deployed["stateMachineArn"], definition=json.dumps(definition))
    yield
    states.update_state_machine(stateMachineArn=deployed["stateMachineArn"], definition=deployed["definition"])


@pytest.fixture
def no_spot_capacity(pipeline: Pipeline) -> Iterator[None]:
    """The deployed cluster without what every cluster of the template has."""
    ecs, cluster = boto3.client("ecs"), pipeline.outputs["ClusterName"]
    providers = ["FARGATE", "FARGATE_SPOT"]
    ecs.put_cluster_capacity_providers(cluster=cluster, capacityProviders=[], defaultCapacityProviderStrategy=[])
    yield
    ecs.put_cluster_capacity_providers(cluster=cluster, capacityProviders=providers, defaultCapacityProviderStrategy=[])


@pytest.mark.usefixtures("spot")
def test_a_task_whose_spot_capacity_is_taken_back(
    pipeline: Pipeline, target: Target, proxy: FaultProxy, new_fault: NewFault, clip: Path
) -> None:
    """The next attempt has capacity that nobody takes back."""
    fault = new_fault("Spot interruption while ENCODING")
    gate = gate_in("ENCODING", "spot.mp4", pipeline, proxy)
    version_id = fault.upload(clip, "spot.mp4")
    wait_until(lambda: gate.is_reached, "the encode")
    interrupted = pipeline.record_of(version_id)
    assert interrupted is not None
    task_id = running_task(pipeline, interrupted["job_id"]).rsplit("/", 1)[-1]
    request = urllib.request.Request(  # noqa: S310 - of the account's own endpoint
        f"{target.emulator_url()}/_aws/ecs/tasks/{task_id}/spot-interruption", method="POST"
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        assert answer.status == 204
    gate.open()
    [record] = fault.settle(injected=1)
    assert (record["state"], record["attempt"], record["error"]) == ("SUCCEEDED", 2, None), record
    first, second = tasks_of(pipeline, record["job_id"])
    assert (first["stopCode"], first["containers"][0]["exitCode"]) == ("SpotInterruption", SIGTERM)
    assert (first["capacityProviderName"], second.get("capacityProviderName")) == ("FARGATE_SPOT", None)
    assert (second["launchType"], second["containers"][0]["exitCode"]) == ("FARGATE", 0)


@pytest.mark.usefixtures("spot", "no_spot_capacity")
def test_a_task_that_spot_refuses_runs_on_demand_at_once(pipeline: Pipeline, new_fault: NewFault, clip: Path) -> None:
    """The cluster has no Spot capacity at all; no attempt has begun, so none is counted."""
    fault = new_fault("Spot refuses the task")
    fault.upload(clip, "refused-by-spot.mp4")
    [record] = fault.settle(injected=1)
    assert (record["state"], record["attempt"]) == ("SUCCEEDED", 1), record
    [task] = tasks_of(pipeline, record["job_id"])
    assert (task["launchType"], task.get("capacityProviderName")) == ("FARGATE", None)
