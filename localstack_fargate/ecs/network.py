"""The network interface of a task: one of EC2's, in the subnet and with the security groups that RunTask names.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html
"""

import contextlib
import ipaddress
import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localstack.services.ec2.models import get_ec2_backend
from moto.ec2.exceptions import EC2ClientError

from ..launchers.base import ResourceInitializationError

_addresses = threading.Lock()  # EC2's backend hands out addresses to one caller at a time


@dataclass(frozen=True)
class NetworkInterface:
    """What EC2 made. A CIDR is like "10.0.0.0/24"; without host names in the VPC there is no DNS name."""

    id: str
    vpc_cidr: str
    subnet_cidr: str
    mac_address: str
    private_ipv4_address: str
    private_dns_name: str | None


class NetworkAttachment:
    """The place for a task's network interface: there from RunTask on, while the interface comes and goes.

    ``configuration`` is an ``awsvpcConfiguration`` that ``check_vpc`` has let pass; the first subnet is taken.
    """

    def __init__(self, account_id: str, region: str, configuration: Mapping[str, Any]) -> None:
        self.id = str(uuid.uuid4())
        self.status = "PRECREATED"
        self.interface: NetworkInterface | None = None
        self._account_id = account_id
        self._region = region
        self._subnet_id = str(configuration["subnets"][0])
        self._security_groups = list(configuration.get("securityGroups") or ())
        self.availability_zone = str(self._backend().get_subnet(self._subnet_id).availability_zone)

    def attach(self, cluster_arn: str) -> None:
        """Make the interface; raises ``ResourceInitializationError`` if its subnet is full or gone."""
        backend = self._backend()
        prefix = cluster_arn.partition(":cluster/")[0]
        try:
            with _addresses:
                subnet = backend.get_subnet(self._subnet_id)
                address = subnet.get_available_subnet_ip(self)
                made = backend.create_network_interface(
                    subnet,
                    address,
                    group_ids=self._security_groups,  # none are the default group of the VPC
                    description=f"{prefix}:attachment/{self.id}",
                )
        except (EC2ClientError, StopIteration) as error:
            raise ResourceInitializationError(f"failed to create a network interface in {self._subnet_id}") from error
        made.status = "in-use"
        made.mac_address = _mac_address()
        vpc = backend.get_vpc(subnet.vpc_id)
        if vpc.enable_dns_hostnames:
            made.private_dns_name = private_dns_name(address, self._region)
        self.interface = NetworkInterface(
            id=made.id,
            vpc_cidr=str(vpc.cidr_block),
            subnet_cidr=str(subnet.cidr_block),
            mac_address=made.mac_address,
            private_ipv4_address=address,
            private_dns_name=getattr(made, "private_dns_name", None),
        )
        self.status = "ATTACHED"

    def delete(self) -> None:
        """Remove the interface, if it was ever made. Its data stay to be shown."""
        self.status = "DELETED"
        if self.interface is not None:
            with contextlib.suppress(EC2ClientError):  # somebody was faster
                self._backend().get_network_interface(self.interface.id).delete()

    def describe(self) -> dict[str, Any]:
        """The attachment as DescribeTasks shows it."""
        details = {"subnetId": self._subnet_id}
        if self.interface is not None:
            details["networkInterfaceId"] = self.interface.id
            details["macAddress"] = self.interface.mac_address
            if self.interface.private_dns_name:
                details["privateDnsName"] = self.interface.private_dns_name
            details["privateIPv4Address"] = self.interface.private_ipv4_address
        return {
            "id": self.id,
            "type": "ElasticNetworkInterface",
            "status": self.status,
            "details": [{"name": name, "value": value} for name, value in details.items()],
        }

    def describe_for_container(self) -> list[dict[str, str]]:
        """The interface as each container of the task shows it."""
        if self.interface is None:
            return []
        return [{"attachmentId": self.id, "privateIpv4Address": self.interface.private_ipv4_address}]

    def _backend(self) -> Any:
        return get_ec2_backend(self._account_id, self._region)


def private_dns_name(address: str, region: str) -> str:
    """The name that a VPC's own DNS gives an address."""
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return f"ip-{address.replace('.', '-')}.{domain}"


def subnet_address(cidr: str, number: int) -> str:
    """An address that AWS keeps for itself: 1 in a subnet is the router, 2 in a VPC the DNS server."""
    return str(ipaddress.ip_network(cidr)[number])


def _mac_address() -> str:
    """An address for one interface (not a group), chosen locally: the two lowest bits of its first byte say so."""
    return ":".join(f"{byte:02x}" for byte in b"\x0a" + secrets.token_bytes(5))
