"""The deployed task definition with something added, for as long as a test needs it."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import boto3

from videobatch.pipeline import Pipeline


@contextlib.contextmanager
def revised(
    pipeline: Pipeline, environment: Mapping[str, str], entry_point: Sequence[str] | None = None
) -> Iterator[None]:
    """Let tasks that start within the block have these variables too, and another program in the worker's place."""
    ecs = boto3.client("ecs")
    deployed = ecs.describe_task_definition(taskDefinition=_family(pipeline))["taskDefinition"]
    members = ecs.meta.service_model.operation_model("RegisterTaskDefinition").input_shape.members
    request: dict[str, Any] = {name: value for name, value in deployed.items() if name in members and value}
    [container] = request["containerDefinitions"]
    more = [{"name": name, "value": value} for name, value in environment.items()]
    changed = {**container, "environment": [*container["environment"], *more]}
    if entry_point is not None:
        changed["entryPoint"] = list(entry_point)
    answer = ecs.register_task_definition(**{**request, "containerDefinitions": [changed]})
    try:
        yield
    finally:
        ecs.deregister_task_definition(taskDefinition=answer["taskDefinition"]["taskDefinitionArn"])


def _family(pipeline: Pipeline) -> str:
    states = boto3.client("stepfunctions")
    machine = states.describe_state_machine(stateMachineArn=pipeline.outputs["StateMachineArn"])
    family: str = json.loads(machine["definition"])["States"]["RunWorker"]["Parameters"]["TaskDefinition"]
    return family
