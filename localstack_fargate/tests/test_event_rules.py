"""EventBridge rules that run tasks."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localstack_fargate.eventbridge.run_task_target import run_task_request
from localstack_fargate.tests.kit import Fargate, poll, random_name

pytestmark = pytest.mark.launchers("process")  # a rule does not know what runs its task
row = partial(pytest.mark.conformance, "EventBridge: rules that run tasks")


class Rule:
    """A rule with one target, a task in the cluster; ``close`` removes it."""

    def __init__(self, client: Callable[[str], Any], fargate: Fargate) -> None:
        self._events = client("events")
        self._fargate = fargate
        self.name = random_name("rule")
        self.source = random_name("source")

    def put(self, definition: str, schedule: str | None = None, **target: Any) -> None:
        """Make the rule for events of ``source``, or for a schedule; ``target`` are more members of the target."""
        when = {"ScheduleExpression": schedule} if schedule else {"EventPattern": json.dumps({"source": [self.source]})}
        self._events.put_rule(Name=self.name, **when)
        vpc = self._fargate.network["awsvpcConfiguration"]
        parameters = {
            "TaskDefinitionArn": definition,
            "LaunchType": "FARGATE",
            "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": vpc["subnets"], "AssignPublicIp": "ENABLED"}},
        }
        cluster = self._fargate.ecs.describe_clusters(clusters=[self._fargate.name])["clusters"][0]["clusterArn"]
        whole = {"Id": "task", "Arn": cluster, "RoleArn": self._fargate.role_arn, "EcsParameters": parameters, **target}
        if target.get("EcsParameters"):
            whole["EcsParameters"] = parameters | target["EcsParameters"]
        present = {name: value for name, value in whole.items() if value is not None}
        self._events.put_targets(Rule=self.name, Targets=[present])

    def send(self, **detail: Any) -> None:
        """Send an event that matches."""
        entry = {"Source": self.source, "DetailType": "test", "Detail": json.dumps(detail)}
        assert self._events.put_events(Entries=[entry])["FailedEntryCount"] == 0

    def tasks(self, count: int = 1, timeout: float = 20) -> list[dict[str, Any]]:
        """Wait until the rule has run as many tasks; returns them stopped, with their tags."""
        ecs, cluster, started_by = self._fargate.ecs, self._fargate.name, f"events-rule/{self.name}"

        def started() -> list[str]:
            request = {"cluster": cluster, "startedBy": started_by}
            return [a for s in ("RUNNING", "STOPPED") for a in ecs.list_tasks(**request, desiredStatus=s)["taskArns"]]

        poll(lambda: len(set(started())) >= count, timeout, f"{count} tasks of {self.name}")
        arns = set(started())
        assert len(arns) == count
        for arn in arns:
            self._fargate.wait(arn)
        tasks: list[dict[str, Any]] = ecs.describe_tasks(cluster=cluster, tasks=list(arns), include=["TAGS"])["tasks"]
        return tasks

    def close(self) -> None:
        try:
            self._events.remove_targets(Rule=self.name, Ids=["task"])
            self._events.delete_rule(Name=self.name)
        except self._events.exceptions.ResourceNotFoundException:
            pass  # a test that does not make it


@pytest.fixture
def rule(client: Callable[[str], Any], fargate: Fargate) -> Iterator[Rule]:
    made = Rule(client, fargate)
    yield made
    made.close()


@row("A rule with an event pattern runs its task")
def test_event_runs_a_task(fargate: Fargate, rule: Rule) -> None:
    rule.put(fargate.register(fargate.container(command=["exit 4"])))
    rule.send()
    (task,) = rule.tasks()
    assert task["containers"][0]["exitCode"] == 4
    assert task["startedBy"] == f"events-rule/{rule.name}"
    assert task["launchType"] == "FARGATE"


@row("All of a target's EcsParameters count")
def test_parameters_of_the_target(fargate: Fargate, rule: Rule) -> None:
    tags = [{"key": "from", "value": "definition"}]
    definition = fargate.register(fargate.container(command=["exit 0"]), tags=tags, taskRoleArn=fargate.role_arn)
    parameters = {
        "TaskCount": 2,
        "LaunchType": "FARGATE",
        "PlatformVersion": "1.4.0",
        "Group": "batch",
        "PropagateTags": "TASK_DEFINITION",
        "EnableECSManagedTags": True,
        "EnableExecuteCommand": True,
        "Tags": [{"Key": "colour", "Value": "red"}],
    }
    rule.put(definition, EcsParameters=parameters)
    rule.send()
    for task in rule.tasks(2):
        assert (task["group"], task["platformVersion"], task["enableExecuteCommand"]) == ("batch", "1.4.0", True)
        expected = {"from": "definition", "colour": "red", "aws:ecs:clusterName": fargate.name}
        assert {tag["key"]: tag["value"] for tag in task["tags"]} == expected


@row("A target's input is the overrides")
def test_input_is_the_overrides(fargate: Fargate, rule: Rule) -> None:
    override = {"name": "main", "command": ["echo $WHO"], "environment": [{"name": "WHO", "value": "input"}]}
    definition = fargate.register(fargate.container(command=["exit 1"]))
    rule.put(definition, Input=json.dumps({"containerOverrides": [override]}))
    rule.send()
    (task,) = rule.tasks()
    assert fargate.output(task["taskArn"]) == ["input"]


@row("What an input transformer makes of an event is the overrides")
def test_transformed_event_is_the_overrides(fargate: Fargate, rule: Rule) -> None:
    template = '{"containerOverrides": [{"name": "main", "environment": [{"name": "KEY", "value": <key>}]}]}'
    rule.put(
        fargate.register(fargate.container(command=["echo $KEY"])),
        InputTransformer={"InputPathsMap": {"key": "$.detail.key"}, "InputTemplate": template},
    )
    rule.send(key="a/b c.mp4")
    (task,) = rule.tasks()
    assert fargate.output(task["taskArn"]) == ["a/b c.mp4"]


@row("A schedule runs its task")
def test_schedule_runs_a_task(fargate: Fargate, rule: Rule) -> None:
    rule.put(fargate.register(fargate.container(command=["exit 5"])), schedule="rate(1 minute)")
    (task,) = rule.tasks(timeout=75)  # LocalStack looks once a minute
    assert task["containers"][0]["exitCode"] == 5


@row("A stopped task can run the next: its event matches like any other")
def test_task_after_task(fargate: Fargate, rule: Rule, client: Callable[[str], Any]) -> None:
    rule.put(fargate.register(fargate.container(command=["exit 0"])))
    first = fargate.register(fargate.container(command=["exit 0"]))
    pattern = {"source": ["aws.ecs"], "detail": {"lastStatus": ["STOPPED"], "taskDefinitionArn": [first]}}
    client("events").put_rule(Name=rule.name, EventPattern=json.dumps(pattern))
    fargate.run_task(first)
    assert len(rule.tasks()) == 1


@pytest.mark.parametrize(
    ("member", "message"),
    [
        pytest.param(
            "RoleArn",
            "RoleArn is required for target",
            marks=row("Refused: a target without a role (`ValidationException`)"),
        ),
        pytest.param(
            "EcsParameters",
            "Parameter(s) EcsParameters must be specified for target: task.",
            marks=row("Refused: a target without EcsParameters (`ValidationException`)", wording="unverified"),
        ),
    ],
)
def test_refused_targets(fargate: Fargate, rule: Rule, member: str, message: str) -> None:
    definition = fargate.register()
    with pytest.raises(ClientError) as caught:
        rule.put(definition, **{member: None})
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert message in caught.value.response["Error"]["Message"]


def test_names_that_run_task_does_not_take() -> None:
    request = run_task_request({"Arn": "cluster", "EcsParameters": {"TaskDefinitionArn": "x"}}, "a.b" + "c" * 200, "{}")
    assert request == {"cluster": "cluster", "taskDefinition": "x", "startedBy": "events-rule/a-b" + "c" * 113}
