"""``AWS::ECS::Cluster``: Ref is its name, GetAtt Arn its ARN."""

from typing import Any

import localstack.services.cloudformation.provider_utils as util
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)

from .properties import to_parameters, to_properties
from .tags import update_tags

CAPACITY = ("CapacityProviders", "DefaultCapacityProviderStrategy")


class EcsClusterProvider(ResourceProvider):
    """Makes, changes and deletes clusters for CloudFormation."""

    TYPE = "AWS::ECS::Cluster"
    SCHEMA: dict[str, Any] = {  # noqa: RUF012 - LocalStack declares it so
        "typeName": TYPE,
        "primaryIdentifier": ["/properties/ClusterName"],
        "createOnlyProperties": ["/properties/ClusterName"],
        "readOnlyProperties": ["/properties/Arn"],
    }

    def create(self, request: ResourceRequest) -> ProgressEvent:
        """Create the cluster; a name is made up if the template has none."""
        model = request.desired_state
        if not model.get("ClusterName"):
            model["ClusterName"] = util.generate_default_name(request.stack_name, request.logical_resource_id)
        cluster = request.aws_client_factory.ecs.create_cluster(**to_parameters(model, "CreateCluster"))["cluster"]
        model["Arn"] = cluster["clusterArn"]
        return ProgressEvent(OperationStatus.SUCCESS, model)

    def read(self, request: ResourceRequest) -> ProgressEvent:
        """Describe the cluster."""
        name = request.desired_state["ClusterName"]
        ecs = request.aws_client_factory.ecs
        clusters = ecs.describe_clusters(clusters=[name], include=["TAGS", "SETTINGS", "CONFIGURATIONS"])["clusters"]
        if not clusters:
            return ProgressEvent(OperationStatus.FAILED, {}, message=f"Cluster {name} not found", error_code="NotFound")
        return ProgressEvent(
            OperationStatus.SUCCESS, {**to_properties(clusters[0], "Cluster"), "Arn": clusters[0]["clusterArn"]}
        )

    def update(self, request: ResourceRequest) -> ProgressEvent:
        """Change settings, capacity providers and tags; a new name makes a new cluster instead."""
        ecs = request.aws_client_factory.ecs
        previous = request.previous_state or {}
        name, arn = previous["ClusterName"], previous["Arn"]
        model = {**request.desired_state, "ClusterName": name, "Arn": arn}
        wanted = {key: value for key, value in request.desired_state.items() if key not in ("Arn", "ClusterName")}
        settings = {key: value for key, value in wanted.items() if key not in (*CAPACITY, "Tags")}
        if settings:
            ecs.update_cluster(**{**to_parameters(settings, "UpdateCluster"), "cluster": name})
        if any(previous.get(key) != wanted.get(key) for key in CAPACITY):
            capacity = {key: wanted.get(key) or [] for key in CAPACITY}
            ecs.put_cluster_capacity_providers(
                **{**to_parameters(capacity, "PutClusterCapacityProviders"), "cluster": name}
            )
        update_tags(ecs, arn, previous.get("Tags"), wanted.get("Tags"))
        return ProgressEvent(OperationStatus.SUCCESS, model)

    def delete(self, request: ResourceRequest) -> ProgressEvent:
        """Delete the cluster; one that is gone already is fine, one with tasks is not."""
        ecs = request.aws_client_factory.ecs
        if not request.desired_state.get("Arn"):  # its creation has failed
            return ProgressEvent(OperationStatus.SUCCESS, request.desired_state)
        try:
            ecs.delete_cluster(cluster=request.desired_state["ClusterName"])
        except ecs.exceptions.ClusterNotFoundException:
            pass
        except ecs.exceptions.ClusterContainsTasksException as error:
            return ProgressEvent(OperationStatus.FAILED, request.desired_state, message=str(error))
        return ProgressEvent(OperationStatus.SUCCESS, request.desired_state)
