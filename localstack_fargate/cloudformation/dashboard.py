"""``AWS::CloudWatch::Dashboard``: Ref is its name."""

from typing import Any

import localstack.services.cloudformation.provider_utils as util
from botocore.exceptions import ClientError
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)


class CloudWatchDashboardProvider(ResourceProvider):
    """Makes, changes and deletes dashboards for CloudFormation. LocalStack keeps them and draws nothing."""

    TYPE = "AWS::CloudWatch::Dashboard"
    SCHEMA: dict[str, Any] = {  # noqa: RUF012 - LocalStack declares it so
        "typeName": TYPE,
        "primaryIdentifier": ["/properties/DashboardName"],
        "createOnlyProperties": ["/properties/DashboardName"],
    }

    def create(self, request: ResourceRequest) -> ProgressEvent:
        """Put the dashboard; a name is made up if the template has none."""
        model = request.desired_state
        if not model.get("DashboardName"):
            model["DashboardName"] = util.generate_default_name(request.stack_name, request.logical_resource_id)
        return self._put(request, model)

    def read(self, request: ResourceRequest) -> ProgressEvent:
        """Get the dashboard."""
        name = request.desired_state["DashboardName"]
        try:
            found = request.aws_client_factory.cloudwatch.get_dashboard(DashboardName=name)
        except ClientError as error:
            return ProgressEvent(OperationStatus.FAILED, {}, message=str(error), error_code="NotFound")
        return ProgressEvent(OperationStatus.SUCCESS, {"DashboardName": name, "DashboardBody": found["DashboardBody"]})

    def update(self, request: ResourceRequest) -> ProgressEvent:
        """Put another body; a new name makes a new dashboard instead."""
        name = (request.previous_state or {})["DashboardName"]
        return self._put(request, {**request.desired_state, "DashboardName": name})

    def delete(self, request: ResourceRequest) -> ProgressEvent:
        """Delete the dashboard; one that is gone already, or never was, is fine."""
        if name := request.desired_state.get("DashboardName"):
            request.aws_client_factory.cloudwatch.delete_dashboards(DashboardNames=[name])
        return ProgressEvent(OperationStatus.SUCCESS, request.desired_state)

    def _put(self, request: ResourceRequest, model: dict[str, Any]) -> ProgressEvent:
        request.aws_client_factory.cloudwatch.put_dashboard(
            DashboardName=model["DashboardName"], DashboardBody=model["DashboardBody"]
        )
        return ProgressEvent(OperationStatus.SUCCESS, model)
