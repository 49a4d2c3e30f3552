"""Task state changes on EventBridge, as a rule's target gets them."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pytest

from localstack_fargate.ecs.events import TaskEvents
from localstack_fargate.tests.kit import Fargate, interrupt_spot_task, poll, random_name
from localstack_fargate.tests.task_kit import make_task

row = partial(pytest.mark.conformance, "EventBridge: task state changes")


class Events:
    """A queue that gets the events of a cluster; ``close`` removes it and the rule."""

    def __init__(self, client: Callable[[str], Any], cluster: str) -> None:
        self._events, self._queues = client("events"), client("sqs")
        self._rule = random_name("rule")
        self._queue = self._queues.create_queue(QueueName=self._rule)["QueueUrl"]
        attributes = self._queues.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        pattern = {"source": ["aws.ecs"], "detail": {"clusterArn": [{"suffix": f":cluster/{cluster}"}]}}
        self._events.put_rule(Name=self._rule, EventPattern=json.dumps(pattern))
        self._events.put_targets(Rule=self._rule, Targets=[{"Id": "queue", "Arn": attributes["QueueArn"]}])
        self._received: list[dict[str, Any]] = []

    def until_stopped(self, *arns: str) -> list[dict[str, Any]]:
        """All events of these tasks, oldest first, once each has all versions up to its last."""
        poll(lambda: self._have_received(arns), 60, "the events of the tasks")
        events = [event for event in self._received if event["resources"][0] in arns]
        return sorted(events, key=lambda event: event["detail"]["version"])

    def _have_received(self, arns: Iterable[str]) -> bool:
        answer = self._queues.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", ()):
            self._received.append(json.loads(message["Body"]))
            self._queues.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return all(self._is_complete(arn) for arn in arns)

    def _is_complete(self, arn: str) -> bool:
        details = [event["detail"] for event in self._received if event["resources"] == [arn]]
        last = [detail["version"] for detail in details if detail["lastStatus"] == "STOPPED"]
        return bool(last) and {detail["version"] for detail in details} == set(range(1, last[0] + 1))

    def close(self) -> None:
        self._events.remove_targets(Rule=self._rule, Ids=["queue"])
        self._events.delete_rule(Name=self._rule)
        self._queues.delete_queue(QueueUrl=self._queue)


@pytest.fixture
def events(client: Callable[[str], Any], fargate: Fargate) -> Iterator[Events]:
    made = Events(client, fargate.name)
    yield made
    made.close()


@row("One for each version of a task, with the task as EventBridge shows it")
def test_events_of_a_life(fargate: Fargate, events: Events) -> None:
    request = {"tags": [{"key": "colour", "value": "red"}]}
    arn = fargate.run(fargate.container(command=["exit 3"]), request=request)
    received = events.until_stopped(arn)
    assert {(event["source"], event["detail-type"], event["version"]) for event in received} == {
        ("aws.ecs", "ECS Task State Change", "0")
    }
    details = [event["detail"] for event in received]
    statuses = [detail["lastStatus"] for detail in details]
    assert list(dict.fromkeys(statuses)) == [
        *("PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"),
        *("DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"),
    ]
    assert [detail["version"] for detail in details] == list(range(1, len(details) + 1))
    assert [detail["updatedAt"] for detail in details] == sorted(detail["updatedAt"] for detail in details)

    task, last = fargate.describe(arn), details[-1]
    for name in ("createdAt", "connectivityAt", "pullStartedAt", "startedAt", "stoppingAt", "stoppedAt"):
        assert last[name] == task[name].strftime("%Y-%m-%dT%H:%M:%S.") + f"{task[name].microsecond // 1000:03d}Z"
    (attachment,), (shown,) = last["attachments"], task["attachments"]
    assert attachment == {**shown, "type": "eni"}
    for name in ("containers", "overrides", "stopCode", "stoppedReason", "taskDefinitionArn", "version", "cpu"):
        assert last[name] == task[name]
    assert last["containers"][0]["exitCode"] == 3
    assert "tags" not in last


@row("A task that waits and is stopped has its events, too")
def test_events_of_a_task_that_never_ran(fargate: Fargate, events: Events) -> None:
    definition = fargate.register(fargate.container(command=["sleep 30"]))
    arn = fargate.run_task(definition, count=3)["tasks"][2]["taskArn"]
    fargate.stop(arn, reason="no more")
    details = [event["detail"] for event in events.until_stopped(arn)]
    assert [(detail["lastStatus"], detail["desiredStatus"]) for detail in details] == [
        ("PROVISIONING", "RUNNING"),
        ("PROVISIONING", "STOPPED"),
        ("STOPPED", "STOPPED"),
    ]
    assert (details[-1]["stopCode"], details[-1]["stoppedReason"]) == ("UserInitiated", "no more")


@row("A Spot interruption is seen while the task still runs")
def test_event_of_a_spot_interruption(fargate: Fargate, events: Events, endpoint: str) -> None:
    spot = {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}
    arn = fargate.run(fargate.container(command=["sleep 30"]), request=spot)
    fargate.wait(arn, "RUNNING")
    interrupt_spot_task(endpoint, arn)
    interrupted = [e["detail"] for e in events.until_stopped(arn) if e["detail"].get("stopCode") == "SpotInterruption"]
    assert (interrupted[0]["lastStatus"], interrupted[0]["desiredStatus"]) == ("RUNNING", "STOPPED")


@row("None is lost when many tasks change at once")
def test_many_tasks_at_once(fargate: Fargate, events: Events) -> None:
    definition = fargate.register({"name": "main", "image": "example/unknown"})
    arns = [task["taskArn"] for _ in range(4) for task in fargate.run_task(definition, count=10)["tasks"]]
    received = events.until_stopped(*arns)
    assert len({(event["resources"][0], event["detail"]["version"]) for event in received}) == len(received)


@row("None is lost when a task is stopped as soon as it can be seen")
def test_tasks_stopped_at_once(fargate: Fargate, events: Events) -> None:
    definition = fargate.register(fargate.container(command=["sleep 30"]))
    all_are_stopped = threading.Event()

    def stop_all() -> None:
        while not all_are_stopped.is_set():
            for arn in fargate.ecs.list_tasks(cluster=fargate.name)["taskArns"]:
                fargate.ecs.stop_task(cluster=fargate.name, task=arn)

    stopping = threading.Thread(target=stop_all)
    stopping.start()
    try:
        arns = [task["taskArn"] for _ in range(3) for task in fargate.run_task(definition, count=10)["tasks"]]
        events.until_stopped(*arns)
    finally:
        all_are_stopped.set()
        stopping.join()


class PickyEvents:
    """A PutEvents that never works for one account, and refuses the first attempt at each event of the others."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.taken: list[str] = []

    def put(self, account_id: str, _region: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if account_id == "111111111111":
            raise TimeoutError("not for you")
        refused = [entry for entry in entries if entry["Detail"] not in self.seen]
        self.taken += [entry["Detail"] for entry in entries if entry not in refused]
        self.seen |= {entry["Detail"] for entry in entries}
        return refused


def test_events_of_an_account_that_cannot_be_sent_hold_up_no_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("localstack_fargate.ecs.events.MAX_WAITING", 5)
    service = PickyEvents()
    events = TaskEvents(service.put)
    unlucky, task = make_task(), make_task()
    unlucky.account_id = "111111111111"
    for _ in range(20):
        events.tell(unlucky)
    for status in ("PENDING", "RUNNING", "STOPPED"):
        task.last_status = status
        events.tell(task)
    poll(lambda: len(service.taken) == 3, what="the events that were refused once")
    assert {json.loads(detail)["lastStatus"] for detail in service.taken} == {"PENDING", "RUNNING", "STOPPED"}
    assert "task events of account 111111111111 in us-east-1 could not be sent and are lost" in caplog.text
    events.close()
