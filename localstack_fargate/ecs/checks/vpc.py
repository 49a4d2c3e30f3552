"""The subnets and security groups that RunTask names, looked up in EC2."""

from collections.abc import Mapping
from typing import Any

from localstack.services.ec2.models import get_ec2_backend
from moto.ec2.exceptions import EC2ClientError

from ..exceptions import InvalidParameterException


def check_vpc(account_id: str, region: str, configuration: Mapping[str, Any]) -> None:
    """Check the subnets and security groups of an ``awsvpcConfiguration``.

    Raises ``InvalidParameterException`` if EC2 does not know one or they do not belong together.
    """
    subnet_ids, groups = configuration["subnets"], configuration.get("securityGroups") or []
    backend = get_ec2_backend(account_id, region)
    vpcs = set()
    for subnet_id in subnet_ids:
        try:
            vpcs.add(backend.get_subnet(subnet_id).vpc_id)
        except EC2ClientError as error:
            raise InvalidParameterException(
                f"Error retrieving subnet information for [{', '.join(subnet_ids)}]: "
                f"The subnet ID '{subnet_id}' does not exist (ErrorCode: InvalidSubnetID.NotFound)"
            ) from error
    for group_id in groups:
        group = backend.get_security_group_from_id(group_id)
        if group is None:
            raise InvalidParameterException(
                f"Error retrieving security group information for [{', '.join(groups)}]: "
                f"The security group '{group_id}' does not exist (ErrorCode: InvalidGroup.NotFound)"
            )
        if {group.vpc_id} != vpcs:
            raise InvalidParameterException(
                f"Security group {group_id} does not appear to belong to the same VPC as the input subnets."
            )
