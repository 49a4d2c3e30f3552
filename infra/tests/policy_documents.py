"""Every policy document of the template with its names filled in, as IAM would get it with all options on."""

import re
from typing import Any

from infra.tests.template import resources_of

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "video-batch-processing",
}
OPTIONS = {"KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
ARNS = {
    "AWS::ECS::Cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/{}",
    "AWS::IAM::Role": "arn:aws:iam::123456789012:role/{}",
    "AWS::Logs::LogGroup": "arn:aws:logs:us-east-1:123456789012:log-group:{}:*",
    "AWS::SNS::Topic": "arn:aws:sns:us-east-1:123456789012:{}",
    "AWS::SQS::Queue": "arn:aws:sqs:us-east-1:123456789012:{}",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:us-east-1:123456789012:stateMachine:{}",
}


def documents(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Name → document: what roles may do, who may take them, and what resources say of themselves."""
    found: dict[str, Any] = {}
    for name, role in resources_of(template, "AWS::IAM::Role").items():
        found[f"{name}.trust"] = role["AssumeRolePolicyDocument"]
        for policy in role.get("Policies", []):
            found[f"{name}.{policy['PolicyName']}"] = policy["PolicyDocument"]
    for kind in ("AWS::IAM::Policy", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy"):
        found |= {name: each["PolicyDocument"] for name, each in resources_of(template, kind).items()}
    for name, endpoint in resources_of(template, "AWS::EC2::VPCEndpoint").items():
        if "PolicyDocument" in endpoint:
            found[name] = endpoint["PolicyDocument"]
    return {name: resolved(template, document) for name, document in found.items()}


def resolved(template: dict[str, Any], value: Any) -> Any:
    """A value of the template without any intrinsic function."""
    match value:
        case {"Ref": name}:
            return _ref(template, name)
        case {"GetAtt": attribute}:
            return _arn(template, attribute.removesuffix(".Arn"))
        case {"Sub": text}:
            return re.sub(r"\$\{(.+?)\}", lambda found: str(_ref(template, found[1])), text)
        case {"If": [_, chosen, _]}:
            return resolved(template, chosen)
        case dict():
            return {key: resolved(template, member) for key, member in value.items()}
        case list():
            return [resolved(template, member) for member in value]
    return value


def _ref(template: dict[str, Any], name: str) -> str:
    if name in template["Resources"]:
        return _arn(template, name)
    return PSEUDO.get(name) or OPTIONS.get(name) or str(template["Parameters"][name]["Default"])


def _arn(template: dict[str, Any], resource: str) -> str:
    return ARNS[template["Resources"][resource]["Type"]].format(resource)
