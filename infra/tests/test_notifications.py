"""What the template says of events, messages and metrics: that they are told once, and that names agree."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.tests.template import policies, properties, resources_of

ROOT = Path(__file__).resolve().parents[2]


def followers(state: dict[str, Any]) -> Iterator[str]:
    """Every state that may come after one."""
    for key in ("Next", "Default"):
        if key in state:
            yield state[key]
    for branch in [*state.get("Choices", []), *state.get("Catch", [])]:
        yield branch["Next"]


def test_an_execution_ends_only_after_it_has_told_of_a_terminal_record(states: dict[str, Any]) -> None:
    before = {name: {other for other, state in states.items() if name in followers(state)} for name in states}
    assert before["Succeeded"] == {"HowDidTheJobEnd"}
    assert before["TakeRecordedError"] == {"HowDidTheJobEnd"}
    assert before["HowDidTheJobEnd"] == {"TellOfTheEnd"}
    # the record that keeps changing under its hands is not terminal, as far as the execution knows
    assert before["Failed"] == {"TakeRecordedError", "MayReadAgain"}
    assert before["TellOfTheEnd"] == {"IsTheRecordTerminal", "TakeWrittenRecord"}
    assert before["TakeWrittenRecord"] == {"RecordFailure"}


def test_it_tells_once(states: dict[str, Any]) -> None:
    telling = [name for name, state in states.items() if "putEvents" in str(state.get("Resource"))]
    assert telling == ["TellOfTheEnd"]
    reachable, new = set(), set(followers(states["TellOfTheEnd"]))
    while new:
        reachable |= new
        new = {name for each in new for name in followers(states[each])} - reachable
    assert "TellOfTheEnd" not in reachable


def test_the_event_is_the_one_that_is_allowed_and_listened_to(template: dict[str, Any], states: dict[str, Any]) -> None:
    [entry] = states["TellOfTheEnd"]["Parameters"]["Entries"]
    assert entry["Detail.$"] == "$.current.record"
    assert properties(template, "FinishedJobs")["EventPattern"] == {
        "source": [entry["Source"]],
        "detail-type": [entry["DetailType"]],
        "resources": [{"Ref": "StateMachine"}],
    }
    allowed = {
        name: statement["Condition"]
        for name, statement in policies(template)
        if statement["Action"] == "events:PutEvents"
    }
    only = {"StringEquals": {"events:source": entry["Source"]}}
    assert allowed == {"StateMachinePolicy": only, "WatchPolicy": only}


def test_the_event_of_a_stopped_job_is_the_same(states: dict[str, Any]) -> None:
    source = (ROOT / "lambda" / "stopped_jobs.py").read_text()
    constants = dict(re.findall(r'^([A-Z_]+) = "(.+?)"', source, re.MULTILINE))
    [entry] = states[constants["TELLING_STATE"]]["Parameters"]["Entries"]
    assert (entry["Source"], entry["DetailType"]) == (constants["SOURCE"], constants["DETAIL_TYPE"])


def test_a_rule_may_call_what_it_calls(template: dict[str, Any]) -> None:
    called = {
        (name, target["Arn"]["GetAtt"].removesuffix(".Arn"))
        for name, rule in resources_of(template, "AWS::Events::Rule").items()
        for target in rule["Targets"]
    }
    allowed = {
        (permission["SourceArn"]["GetAtt"].removesuffix(".Arn"), permission["FunctionName"]["Ref"])
        for permission in resources_of(template, "AWS::Lambda::Permission").values()
        if permission["Principal"] == "events.amazonaws.com"
    }
    assert called == allowed
    assert called


def test_functions_write_to_the_log_that_they_may_write_to(template: dict[str, Any]) -> None:
    for name, function in resources_of(template, "AWS::Lambda::Function").items():
        logs = properties(template, function["LoggingConfig"]["LogGroup"]["Ref"])
        known_as = function["FunctionName"].get("Sub") or "${" + function["FunctionName"]["Ref"] + "}"
        assert logs["LogGroupName"] == {"Sub": f"/aws/lambda/{known_as}"}, name


def test_only_alarms_and_functions_of_this_account_publish(template: dict[str, Any]) -> None:
    statements = properties(template, "NotificationsPolicy")["PolicyDocument"]["Statement"]
    [allowed] = [statement for statement in statements if statement["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    publishing = {name for name, statement in policies(template) if statement["Action"] == "sns:Publish"}
    assert publishing == {"ReportPolicy", "WatchPolicy"}


def test_the_digest_can_take_no_letter_out_of_the_queue(template: dict[str, Any]) -> None:
    statements = [statement for name, statement in policies(template) if name == "WatchPolicy"]
    assert any("sqs:ReceiveMessage" in statement["Action"] for statement in statements)
    assert "Delete" not in str(statements)


def test_a_letter_is_hidden_no_longer_than_the_function_may_run(template: dict[str, Any]) -> None:
    source = (ROOT / "lambda" / "dead_letters.py").read_text()
    [held] = re.findall(r"^HOLD_SECONDS = (\d+)", source, re.MULTILINE)
    assert int(held) == properties(template, "WatchFunction")["Timeout"]


def test_rules_name_what_the_function_knows(template: dict[str, Any]) -> None:
    known = re.findall(r'^        case "(.+)":', (ROOT / "lambda" / "watch_jobs.py").read_text(), re.MULTILINE)
    targets = [rule["Targets"][0] for rule in resources_of(template, "AWS::Events::Rule").values()]
    texts = [each.get("Input") or each["InputTransformer"]["InputTemplate"] for each in targets if len(each) > 2]
    looks = [json.loads(text.replace("<execution>", '"arn"')) for text in texts]
    assert sorted(look["look_at"] for look in looks) == sorted(known)


OWN = "VideoBatchProcessing"

# What the services of an alarm's or a widget's metric measure by themselves, by their own documentation.
OF_AWS = {
    "AWS/SQS": ({"ApproximateNumberOfMessagesVisible"}, {"QueueName": {"GetAtt": "DeadLetters.QueueName"}}),
    "AWS/States": ({"ExecutionsFailed", "ExecutionsTimedOut"}, {"StateMachineArn": {"Ref": "StateMachine"}}),
}


def own_names() -> set[str]:
    """The metrics and dimensions that the functions print, by their constants."""
    return set(re.findall(r'"([A-Z]\w+)"', (ROOT / "lambda" / "metrics.py").read_text().split("def ")[0]))


def test_alarms_look_at_metrics_that_there_are(template: dict[str, Any]) -> None:
    alarms = resources_of(template, "AWS::CloudWatch::Alarm")
    measured = {**OF_AWS, OWN: (own_names(), {"Stack": {"Ref": "AWS::StackName"}})}
    for name, alarm in alarms.items():
        metrics, dimensions = measured[alarm["Namespace"]]
        assert alarm["MetricName"] in metrics, name
        assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == dimensions, name
        assert alarm["AlarmActions"] == [{"Ref": "Notifications"}], name
    assert {alarm["MetricName"] for alarm in alarms.values()} >= {
        "ApproximateNumberOfMessagesVisible", "ExecutionsFailed", "OldestRunningJob",
    }  # fmt: skip


def test_the_dashboard_shows_metrics_and_alarms_that_there_are(template: dict[str, Any]) -> None:
    body = json.loads(properties(template, "Dashboard")["DashboardBody"]["Sub"])
    shown: set[str] = set()
    for widget in body["widgets"]:
        assert widget["x"] + widget["width"] <= 24
        for metric in widget["properties"].get("metrics", []):
            words = [word for word in metric if isinstance(word, str)]
            if not words:  # an expression
                [search] = metric
                assert "SEARCH('{VideoBatchProcessing,Stack,Code} MetricName=" in search["expression"]
                continue
            namespace, name, *dimensions = words
            known = own_names() if namespace == OWN else OF_AWS[namespace][0]
            assert name in known
            assert set(dimensions[::2]) <= ({"Stack", "State"} if namespace == OWN else set(OF_AWS[namespace][1]))
            shown.add(name)
    assert shown >= own_names() - {OWN, "Errors", "Stack", "State", "Code"}
    [alarms] = [widget["properties"]["alarms"] for widget in body["widgets"] if widget["type"] == "alarm"]
    assert set(alarms) == {f"${{{name}.Arn}}" for name in resources_of(template, "AWS::CloudWatch::Alarm")}


def test_the_readme_names_each_metric() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [name for name in own_names() if f"`{name}`" not in readme] == []
