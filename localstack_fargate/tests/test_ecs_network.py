"""The network interface of a task, as the task and as EC2 show it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localstack_fargate.tests.conformance import check_refusal
from localstack_fargate.tests.kit import Fargate, random_name

row = partial(pytest.mark.conformance, "Network interface")


def refused(text: str) -> pytest.MarkDecorator:
    return pytest.mark.conformance("RunTask", f"Refused: {text} (`InvalidParameterException`)")


@dataclass(frozen=True)
class Vpc:
    """A VPC with a subnet and a security group besides its default one."""

    id: str
    subnet: str
    security_group: str

    def network(self, **more: Any) -> dict[str, Any]:
        return {"awsvpcConfiguration": {"subnets": [self.subnet], **more}}


@pytest.fixture
def vpc(client: Callable[[str], Any]) -> Iterator[Vpc]:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.42.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    zone = ec2.describe_availability_zones()["AvailabilityZones"][1]["ZoneName"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.42.7.0/28", AvailabilityZone=zone)["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName=random_name(), Description="for a test", VpcId=vpc)["GroupId"]
    yield Vpc(vpc, subnet, group)
    ec2.delete_security_group(GroupId=group)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def attachment_of(task: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    (attachment,) = task["attachments"]
    return attachment, {detail["name"]: detail["value"] for detail in attachment["details"]}


@row("In the requested subnet with the requested security groups while the task runs; shown by ECS and EC2 alike")
def test_interface_while_the_task_runs(fargate: Fargate, vpc: Vpc, client: Callable[[str], Any]) -> None:
    ec2 = client("ec2")
    request = {"networkConfiguration": vpc.network(securityGroups=[vpc.security_group])}
    definition = fargate.register(fargate.container(command=["sleep 30"]))
    started = fargate.run_task(definition, **request)["tasks"][0]
    attachment, details = attachment_of(started)
    assert (attachment["type"], attachment["status"]) == ("ElasticNetworkInterface", "PRECREATED")
    assert details == {"subnetId": vpc.subnet}

    task = fargate.wait(started["taskArn"], "RUNNING")
    running, details = attachment_of(task)
    assert (running["id"], running["status"]) == (attachment["id"], "ATTACHED")
    (interface,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[details["networkInterfaceId"]])[
        "NetworkInterfaces"
    ]
    assert details == {
        "subnetId": interface["SubnetId"],
        "networkInterfaceId": interface["NetworkInterfaceId"],
        "macAddress": interface["MacAddress"],
        "privateDnsName": interface["PrivateDnsName"],
        "privateIPv4Address": interface["PrivateIpAddress"],
    }
    assert (interface["VpcId"], interface["Status"]) == (vpc.id, "in-use")
    assert [group["GroupId"] for group in interface["Groups"]] == [vpc.security_group]
    prefix = task["clusterArn"].partition(":cluster/")[0]
    assert interface["Description"] == f"{prefix}:attachment/{attachment['id']}"
    assert interface["AvailabilityZone"] == task["availabilityZone"]
    assert ip_address(interface["PrivateIpAddress"]) in list(ip_network("10.42.7.0/28").hosts())[3:]
    first_byte, *rest = bytes.fromhex(interface["MacAddress"].replace(":", ""))
    assert (first_byte & 0b11, len(rest)) == (0b10, 5), "a locally administered address of one interface"
    assert task["containers"][0]["networkInterfaces"] == [
        {"attachmentId": attachment["id"], "privateIpv4Address": interface["PrivateIpAddress"]}
    ]

    stopped, shown = attachment_of(fargate.stop(started["taskArn"]))
    assert (stopped["status"], shown) == ("DELETED", details)
    with pytest.raises(ClientError, match=r"InvalidNetworkInterfaceID\.NotFound"):
        ec2.describe_network_interfaces(NetworkInterfaceIds=[details["networkInterfaceId"]])


@row("Without security groups it gets the VPC's default one")
def test_default_security_group_of_the_vpc(fargate: Fargate, vpc: Vpc, client: Callable[[str], Any]) -> None:
    arn = fargate.run(fargate.container(command=["sleep 30"]), request={"networkConfiguration": vpc.network()})
    _, details = attachment_of(fargate.wait(arn, "RUNNING"))
    (interface,) = client("ec2").describe_network_interfaces(NetworkInterfaceIds=[details["networkInterfaceId"]])[
        "NetworkInterfaces"
    ]
    assert [group["GroupName"] for group in interface["Groups"]] == ["default"]


@row("Each task has an address and a MAC address of its own; those of stopped tasks are free again")
def test_each_task_has_an_address_of_its_own(fargate: Fargate, vpc: Vpc) -> None:
    """More tasks than the subnet has addresses, one after the other: those of stopped tasks are free again."""
    definition = fargate.register(fargate.container(command=["exit 0"]))
    answers = [fargate.run_task(definition, count=10, networkConfiguration=vpc.network()) for _ in range(2)]
    tasks = [fargate.wait(task["taskArn"], timeout=60) for answer in answers for task in answer["tasks"]]
    assert {task["stopCode"] for task in tasks} == {"EssentialContainerExited"}
    details = [attachment_of(task)[1] for task in tasks]
    assert len({each["macAddress"] for each in details}) == len({each["networkInterfaceId"] for each in details}) == 20


@row("A task that is stopped before it has a place to run never gets one")
def test_task_that_never_ran_has_no_interface(fargate: Fargate) -> None:
    definition = fargate.register(fargate.container(command=["sleep 30"]))
    waiting = fargate.run_task(definition, count=3)["tasks"][2]
    attachment, details = attachment_of(fargate.stop(waiting["taskArn"]))
    assert (attachment["status"], list(details)) == ("DELETED", ["subnetId"])


@row("A task that fails to start leaves none behind")
def test_task_that_fails_to_start_leaves_no_interface(fargate: Fargate, vpc: Vpc, client: Callable[[str], Any]) -> None:
    request = {"networkConfiguration": vpc.network()}
    task = fargate.wait(fargate.run(fargate.container(image="example/unknown"), request=request))
    assert attachment_of(task)[0]["status"] == "DELETED"
    in_subnet = [{"Name": "subnet-id", "Values": [vpc.subnet]}]
    assert client("ec2").describe_network_interfaces(Filters=in_subnet)["NetworkInterfaces"] == []


@row("A task whose subnet was deleted while it waited fails to start")
def test_subnet_that_is_gone(fargate: Fargate, vpc: Vpc, client: Callable[[str], Any]) -> None:
    ec2 = client("ec2")
    definition = fargate.register(fargate.container(command=["sleep 30"]))
    running = [task["taskArn"] for task in fargate.run_task(definition, count=2)["tasks"]]
    subnet = ec2.create_subnet(VpcId=vpc.id, CidrBlock="10.42.8.0/28")["Subnet"]["SubnetId"]
    network = {"awsvpcConfiguration": {"subnets": [subnet]}}
    waiting = fargate.run_task(definition, networkConfiguration=network)["tasks"][0]["taskArn"]
    ec2.delete_subnet(SubnetId=subnet)
    for arn in running:
        fargate.stop(arn)
    task = fargate.wait(waiting)
    assert (task["stopCode"], task["stoppedReason"]) == (
        "TaskFailedToStart",
        f"ResourceInitializationError: failed to create a network interface in {subnet}",
    )


@refused("unknown subnet")
@refused("unknown security group")
@refused("security group of another VPC than the subnet's")
def test_unknown_and_unrelated_subnets_and_security_groups(fargate: Fargate, vpc: Vpc) -> None:
    definition = fargate.register(fargate.container(command=["exit 0"]))
    other = fargate.network["awsvpcConfiguration"]["subnets"][0]
    no_subnet, no_group = f"subnet-{'0' * 17}", f"sg-{'0' * 17}"
    invalid = {
        f"Error retrieving subnet information for [{vpc.subnet}, {no_subnet}]: "
        f"The subnet ID '{no_subnet}' does not exist (ErrorCode: InvalidSubnetID.NotFound)": {
            "subnets": [vpc.subnet, no_subnet]
        },
        f"Error retrieving security group information for [{no_group}]: "
        f"The security group '{no_group}' does not exist (ErrorCode: InvalidGroup.NotFound)": {
            "subnets": [vpc.subnet],
            "securityGroups": [no_group],
        },
        f"Security group {vpc.security_group} does not appear to belong to the same VPC as the input subnets.": {
            "subnets": [other],
            "securityGroups": [vpc.security_group],
        },
    }
    for message, configuration in invalid.items():
        request = {"definition": definition, "networkConfiguration": {"awsvpcConfiguration": configuration}}
        check_refusal(fargate.run_task, request, "InvalidParameterException", message)
    assert fargate.ecs.list_tasks(cluster=fargate.name)["taskArns"] == []
