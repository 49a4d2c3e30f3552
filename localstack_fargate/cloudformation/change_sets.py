"""Lets a change set that fails be rolled back, as on AWS.

LocalStack's own engine stops at the resource that failed, says ROLLBACK_COMPLETE, and leaves everything as it is then:
what was made stays, what was changed stays changed, and what a failed update replaced or removed is deleted all the
same. Here the class that executes change sets is replaced by one that takes its steps back. Stacks that are made by
CreateStack and UpdateStack are left to LocalStack.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localstack.aws.api.cloudformation import (
    ChangeAction,
    ChangeSetType,
    ExecutionStatus,
    ResourceStatus,
    StackStatus,
)
from localstack.aws.connect import connect_to
from localstack.services.cloudformation.engine.v2.change_set_model import is_nothing
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import DeletionPolicy, PreprocProperties
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.services.cloudformation.models import get_cloudformation_store
from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent
from localstack.services.cloudformation.v2 import provider
from localstack.services.cloudformation.v2.provider import CloudformationProviderV2, find_change_set_v2

BUCKET = "AWS::S3::Bucket"
RETAINING = (DeletionPolicy.Retain, "RetainExceptOnCreate")
ENDED_WITHOUT_A_STACK = (StackStatus.ROLLBACK_COMPLETE, StackStatus.ROLLBACK_FAILED)


def install() -> None:
    """Replace the class, and let two operations tell it what they were asked for."""
    provider.ChangeSetModelExecutor = RollingBackExecutor
    CloudformationProviderV2.create_change_set = _create_change_set(CloudformationProviderV2.create_change_set)
    CloudformationProviderV2.execute_change_set = _execute_change_set(CloudformationProviderV2.execute_change_set)


def _create_change_set(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def create_change_set(self: Any, context: Any, request: dict[str, Any]) -> Any:
        store = get_cloudformation_store(context.account_id, context.region)
        stacks = (each for each in store.stacks_v2.values() if each.is_active())
        stack = next((each for each in stacks if request.get("StackName") in (each.stack_name, each.stack_id)), None)
        if stack is None or request.get("ChangeSetType", ChangeSetType.UPDATE) != ChangeSetType.UPDATE:
            answer = original(self, context, request)
        else:
            if stack.status in ENDED_WITHOUT_A_STACK:
                raise ValidationError(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")
            before = stack.status, stack.status_reason, list(stack.events)
            answer = original(self, context, request)
            stack.status, stack.status_reason, stack.events = before  # a proposal changes nothing
        store.change_sets[answer["Id"]].import_existing = bool(request.get("ImportExistingResources"))
        return answer

    return create_change_set


def _execute_change_set(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def execute_change_set(
        self: Any, context: Any, change_set_name: str, stack_name: str | None = None, **options: Any
    ) -> Any:
        store = get_cloudformation_store(context.account_id, context.region)
        if change_set := find_change_set_v2(store, change_set_name, stack_name):
            change_set.retain_except_on_create = bool(options.get("retain_except_on_create"))
        return original(self, context, change_set_name, stack_name, **options)

    return execute_change_set


@dataclass(frozen=True)
class _Change:
    """A resource that was changed: what it was and what it shall be; Nothing for what is not there."""

    name: str
    before: Any
    after: Any


class RollingBackExecutor(ChangeSetModelExecutor):
    """Executes a change set, and undoes what was done of it if it fails."""

    def __init__(self, change_set: Any) -> None:
        super().__init__(change_set)
        self._changes: list[_Change] = []
        self._imported: set[str] = set()
        self._not_undone: list[str] = []

    def execute(self) -> Any:
        """LocalStack's own steps; what could not be undone is said in the end."""
        result = super().execute()
        if self._not_undone:
            self._change_set.stack.set_stack_status(
                StackStatus.UPDATE_ROLLBACK_FAILED if self._is_update else StackStatus.ROLLBACK_FAILED,
                f"The following resource(s) failed to roll back: [{', '.join(self._not_undone)}]. ",
            )
        return result

    def process(self) -> None:
        """Carry out all changes; if one fails, undo those before it, and tell LocalStack."""
        try:
            super().process()
        except Exception as error:
            if self._is_of_a_change_set:
                self._roll_back(getattr(error, "logical_resource_id", None))
            raise

    @property
    def _is_of_a_change_set(self) -> bool:
        """Whether ExecuteChangeSet has begun this; the other operations execute change sets of their own making."""
        return bool(self._change_set.execution_status == ExecutionStatus.EXECUTE_IN_PROGRESS)

    @property
    def _is_update(self) -> bool:
        return bool(self._change_set.change_set_type == ChangeSetType.UPDATE)

    def _execute_resource_change(self, name: str, before: Any, after: Any) -> None:
        self._changes.append(_Change(name, before, after))
        super()._execute_resource_change(name, before, after)

    def _execute_resource_action(
        self,
        action: ChangeAction,
        logical_resource_id: str,
        resource_type: str,
        before_properties: Any,
        after_properties: Any,
        part_of_replacement: bool = False,
    ) -> Any:
        if action == ChangeAction.Add and resource_type == BUCKET and self._is_of_a_change_set:
            bucket = after_properties.properties.get("BucketName")
            if bucket and self._bucket_exists(bucket):  # which LocalStack would take for its own
                if not self._may_import(logical_resource_id):
                    return self._refuse(logical_resource_id, resource_type, f"{bucket} already exists")
                self._imported.add(logical_resource_id)
        return super()._execute_resource_action(
            action, logical_resource_id, resource_type, before_properties, after_properties, part_of_replacement
        )

    def _may_import(self, name: str) -> bool:
        """AWS imports what the template retains and names itself, by no function and no parameter.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
        """
        resource = self._change_set.template["Resources"][name]
        is_static = isinstance(resource["Properties"]["BucketName"], str)
        return self._change_set.import_existing and is_static and resource.get("DeletionPolicy") in RETAINING

    def _bucket_exists(self, bucket: str) -> bool:
        clients = connect_to(aws_access_key_id=self._change_set.account_id, region_name=self._change_set.region_name)
        return any(bucket == found["Name"] for found in clients.s3.list_buckets()["Buckets"])

    def _refuse(self, name: str, resource_type: str, reason: str) -> Any:
        self.resources[name] = {
            "LogicalResourceId": name,
            "Type": resource_type,
            "Properties": {},
            "ResourceStatus": ResourceStatus.CREATE_FAILED,
            "ResourceStatusReason": reason,
        }
        return ProgressEvent(OperationStatus.FAILED, resource_model={}, message=reason)

    def _roll_back(self, failed: str | None) -> None:
        stack = self._change_set.stack
        self._deferred_actions.clear()  # what was to be removed stays
        stack.set_stack_status(
            StackStatus.UPDATE_ROLLBACK_IN_PROGRESS if self._is_update else StackStatus.ROLLBACK_IN_PROGRESS,
            f"The following resource(s) failed to {'update' if self._is_update else 'create'}: [{failed}]. ",
        )
        kept = dict(stack.resolved_resources) if self._is_update else {}
        for change in reversed(self._changes):
            if is_nothing(change.after):
                continue
            if is_nothing(change.before):
                self._remove(change)
            elif _is_replaced(change):
                self._remove(change)
                self.resources[change.name] = kept[change.name]
                self._say(change, ChangeAction.Modify, OperationStatus.SUCCESS)
            else:
                self._change_back(change)
                kept[change.name] = self.resources[change.name]
        self.resources.clear()
        self.resources.update(kept)
        if self._is_update:  # LocalStack takes the stack's new state from here
            self._change_set.template = stack.template
            self._change_set.template_body = stack.template_body
            self._change_set.processed_template = stack.processed_template
            self._change_set.resolved_parameters = stack.resolved_parameters

    def _remove(self, change: _Change) -> None:
        made = self.resources.get(change.name) or {}
        if "PhysicalResourceId" not in made:  # which has failed: there is nothing to delete
            self._say(change, ChangeAction.Remove, OperationStatus.SUCCESS)
            return
        is_kept = change.after.deletion_policy == DeletionPolicy.Retain and not self._change_set.retain_except_on_create
        if is_kept or change.name in self._imported:
            self._say(change, ChangeAction.Remove, OperationStatus.SUCCESS, status=ResourceStatus.DELETE_SKIPPED)
            return
        self._undo(change, ChangeAction.Remove, PreprocProperties(properties=made["Properties"]), None)

    def _change_back(self, change: _Change) -> None:
        made = self.resources.get(change.name) or {}
        now = made.get("Properties") or change.after.properties.properties
        self._undo(change, ChangeAction.Modify, PreprocProperties(properties=now), change.before.properties)

    def _undo(self, change: _Change, action: ChangeAction, before: Any, after: Any) -> None:
        self._say(change, action, OperationStatus.IN_PROGRESS)
        event = super()._execute_resource_action(action, change.name, change.after.resource_type, before, after)
        self._say(change, action, event.status, reason=event.message)
        if event.status == OperationStatus.FAILED:
            self._not_undone.append(change.name)

    def _say(
        self,
        change: _Change,
        action: ChangeAction,
        state: OperationStatus,
        *,
        reason: str | None = None,
        status: Any = None,
    ) -> None:
        """Make an event of the stack."""
        self._process_event(
            action=action,
            logical_resource_id=change.name,
            event_status=state,
            resource_type=change.after.resource_type,
            reason=reason,
            custom_status=status,
        )


def _is_replaced(change: _Change) -> bool:
    return change.after.requires_replacement or change.before.resource_type != change.after.resource_type
