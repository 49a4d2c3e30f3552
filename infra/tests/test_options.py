"""The options of a production account: off unless asked for, and whole when they are on."""

import re
from pathlib import Path
from typing import Any

from infra.tests.policy_documents import OPTIONS, documents
from infra.tests.template import properties, resources_of
from infra.tests.test_notifications import followers
from infra.tests.test_policies import as_list

ROOT = Path(__file__).resolve().parents[2]
NO_VALUE = {"Ref": "AWS::NoValue"}


def when(condition: str, value: Any, otherwise: Any = NO_VALUE) -> dict[str, Any]:
    return {"If": [condition, value, otherwise]}


def test_every_parameter_is_described(template: dict[str, Any]) -> None:
    assert [name for name, each in template["Parameters"].items() if not each.get("Description")] == []


def test_what_costs_is_off(template: dict[str, Any]) -> None:
    defaults = {name: each.get("Default") for name, each in template["Parameters"].items()}
    assert {"UseSpot": "no", "PrivateSubnets": "no", "KmsKeyArn": "", "PermissionsBoundaryArn": ""}.items() <= (
        defaults.items()
    )


def test_nothing_is_deleted_by_itself(template: dict[str, Any]) -> None:
    names = [name for name in template["Parameters"] if name.endswith("RetentionDays") and name != "LogRetentionDays"]
    assert len(names) == 3
    assert {str(template["Parameters"][name]["Default"]) for name in names} == {"0"}


def test_the_outputs_are_what_the_command_line_reads(template: dict[str, Any]) -> None:
    read = {
        name
        for folder in ("videobatch", "e2e", "scripts")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r'outputs\["(\w+)"\]', path.read_text())
    }
    assert len(read) > 8
    assert read <= set(template["Outputs"])


# ---- Spot ------------------------------------------------------------------------------------------------------------


def test_a_task_on_spot_differs_in_its_capacity_only(states: dict[str, Any]) -> None:
    spot, usual = (dict(states[name]["Parameters"]) for name in ("RunWorkerOnSpot", "RunWorker"))
    assert spot.pop("CapacityProviderStrategy") == [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}]
    assert usual.pop("LaunchType") == "FARGATE"
    assert spot == usual
    others = set(states["RunWorker"]) - {"Retry", "Parameters"}
    assert {key: states["RunWorkerOnSpot"][key] for key in others} == {key: states["RunWorker"][key] for key in others}


def test_every_task_begins_where_its_attempt_is_to_run(states: dict[str, Any]) -> None:
    before = {name: {other for other, state in states.items() if name in followers(state)} for name in states}
    assert before["RunWorkerOnSpot"] == {"WhereToRun"}
    assert before["RunWorker"] == {"WhereToRun", "LeaveSpot"}
    assert before["LeaveSpot"] == {"DidTheTaskRun", "HowDidTheTaskEnd"}


def test_only_the_first_attempt_is_on_spot(states: dict[str, Any]) -> None:
    assert states["FirstAttempt"]["Parameters"]["spot"] == "${UseSpot}"
    assert states["DrawPause"]["Parameters"]["spot"] == "no"
    assert (states["LeaveSpot"]["Result"], states["LeaveSpot"]["ResultPath"]) == ("no", "$.attempt.spot")


def test_the_cluster_has_both_capacities_always(template: dict[str, Any]) -> None:
    """A provider that a running task has cannot be taken from the cluster: UseSpot would not go back to no."""
    assert properties(template, "Cluster")["CapacityProviders"] == ["FARGATE", "FARGATE_SPOT"]


# ---- Private subnets -------------------------------------------------------------------------------------------------


def conditional(template: dict[str, Any], condition: str) -> set[str]:
    return {name for name, each in template["Resources"].items() if each.get("Condition") == condition}


def test_private_subnets_have_endpoints_in_place_of_the_internet(template: dict[str, Any]) -> None:
    assert conditional(template, "InPublicSubnets") == {
        "InternetGateway", "InternetGatewayAttachment", "RouteToInternet",
    }  # fmt: skip
    endpoints = conditional(template, "InPrivateSubnets") - {"EndpointSecurityGroup"}
    services = {properties(template, name)["ServiceName"]["Sub"].partition("}.")[2] for name in endpoints}
    assert services == {"ecr.api", "ecr.dkr", "logs"}  # what Fargate wants to start a task; S3 has its gateway
    for name in endpoints:
        endpoint = properties(template, name)
        assert endpoint["SubnetIds"] == [{"Ref": "SubnetA"}, {"Ref": "SubnetB"}], name
        assert (endpoint["VpcEndpointType"], endpoint["PrivateDnsEnabled"]) == ("Interface", True), name
    given = properties(template, "StateMachine")["DefinitionSubstitutions"]["AssignPublicIp"]
    assert given == when("InPrivateSubnets", "DISABLED", "ENABLED")


def test_the_only_door_of_private_subnets_is_as_wide_as_the_tasks_role(template: dict[str, Any]) -> None:
    found = documents(template)
    wanted = {action for each in found["TaskRole.watermark-videos"]["Statement"] for action in as_list(each["Action"])}
    videos, layers = found["S3Endpoint"]["Statement"]
    assert set(videos["Action"]) == wanted
    assert layers["Action"] == "s3:GetObject"


def test_endpoints_let_through_what_starts_a_task(template: dict[str, Any]) -> None:
    found = documents(template)
    pull, log_in, write = found["ExecutionRole.start-tasks"]["Statement"]
    anybody = {"Principal": "*"}
    for name, wanted in {
        "RegistryEndpoint": [pull, log_in], "ImagesEndpoint": [pull, log_in], "LogsEndpoint": [write],
    }.items():  # fmt: skip
        assert found[name]["Statement"] == [{**each, **anybody} for each in wanted], name


# ---- Key -------------------------------------------------------------------------------------------------------------


def test_all_that_is_kept_is_encrypted_with_the_key(template: dict[str, Any]) -> None:
    key = when("WithKmsKey", {"Ref": "KmsKeyArn"})
    kept = {
        "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::SQS::Queue": "KmsMasterKeyId",
    }
    for kind, name in kept.items():
        resources = resources_of(template, kind)
        assert resources
        assert {resource: each.get(name) for resource, each in resources.items()} == dict.fromkeys(resources, key)
    [rule] = properties(template, "Bucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"] == when("WithKmsKey", True)
    assert rule["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": when("WithKmsKey", "aws:kms", "AES256"), "KMSMasterKeyID": key,
    }  # fmt: skip


# Action of a service → what that service does with the key, on behalf of who calls it; by AWS's documentation.
NEEDED = {
    "s3:GetObject": {"Decrypt"},
    "s3:PutObject": {"GenerateDataKey"},
    "s3:AbortMultipartUpload": {"Decrypt"},  # who uploads in parts reads the key of the first for the others
    "sqs:SendMessage": {"Decrypt", "GenerateDataKey"},
    "sqs:ReceiveMessage": {"Decrypt"},
    "sns:Publish": {"Decrypt", "GenerateDataKey"},
}


def test_each_role_may_use_the_key_for_just_what_it_does(template: dict[str, Any]) -> None:
    found = documents(template)
    given: dict[str, set[tuple[str, str]]] = {}
    needed: dict[str, set[tuple[str, str]]] = {}
    for role in resources_of(template, "AWS::IAM::Role"):
        names = [name for name in found if name.startswith(f"{role}.") and not name.endswith(".trust")]
        names += [
            name for name, each in resources_of(template, "AWS::IAM::Policy").items() if {"Ref": role} in each["Roles"]
        ]
        for statement in (each for name in names for each in found[name]["Statement"]):
            for action in as_list(statement["Action"]):
                service, operation = action.split(":")
                if service == "kms":
                    assert statement["Resource"] == OPTIONS["KmsKeyArn"]
                    for via in as_list(statement["Condition"]["StringEquals"]["kms:ViaService"]):
                        given.setdefault(role, set()).add((via.split(".")[0], operation))
                for used in NEEDED.get(action, ()):
                    needed.setdefault(role, set()).add((service, used))
    assert given == needed


def test_the_key_is_used_only_if_there_is_one(template: dict[str, Any]) -> None:
    for name, each in template["Resources"].items():
        if "kms:" in str(each):
            assert each.get("Condition") == "WithKmsKey", name


# ---- Boundary, tags, retention ---------------------------------------------------------------------------------------


def test_every_role_is_within_the_boundary(template: dict[str, Any]) -> None:
    boundary = when("WithBoundary", {"Ref": "PermissionsBoundaryArn"})
    for name, role in resources_of(template, "AWS::IAM::Role").items():
        assert role["PermissionsBoundary"] == boundary, name


def test_tasks_are_tagged_as_the_stack_is(states: dict[str, Any]) -> None:
    for name in ("RunWorker", "RunWorkerOnSpot"):
        assert states[name]["Parameters"]["PropagateTags"] == "TASK_DEFINITION"


def test_what_a_running_job_needs_is_not_deleted(template: dict[str, Any]) -> None:
    """An execution lasts two days at the most, and its record and the version of its upload have to be there."""
    longest = properties(template, "StateMachine")["Definition"]["TimeoutSeconds"] / 86400
    for name in ("JobRetentionDays", "EarlierVersionRetentionDays"):
        pattern = template["Parameters"][name]["AllowedPattern"]
        allowed = [days for days in range(100) if re.fullmatch(pattern, str(days))]
        assert allowed[0] == 0
        assert min(allowed[1:]) > longest
        assert allowed[1:] == list(range(3, 100))


def test_each_retention_has_its_rule(template: dict[str, Any]) -> None:
    rules = {
        condition: rule
        for condition, rule, _ in (
            each["If"] for each in properties(template, "Bucket")["LifecycleConfiguration"]["Rules"] if "If" in each
        )
    }
    assert rules["ExpireResults"]["Prefix"] == {"Ref": "ResultPrefix"}
    assert rules["ExpireResults"]["ExpirationInDays"] == {"Ref": "ResultRetentionDays"}
    assert rules["ExpireJobs"]["Prefix"] == {"Ref": "JobPrefix"}
    assert rules["ExpireJobs"]["ExpirationInDays"] == {"Ref": "JobRetentionDays"}
    earlier = rules["ExpireEarlierVersions"]
    assert earlier["NoncurrentVersionExpiration"] == {"NoncurrentDays": {"Ref": "EarlierVersionRetentionDays"}}
    assert "Prefix" not in earlier
    assert not {"ExpirationInDays", "ExpirationDate"} & set(earlier)  # what is current stays
