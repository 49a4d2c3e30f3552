"""The operations of the ECS API that are ours, in all or in part. moto answers the others, see ``service.py``."""

import threading
from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.services.edge import ROUTER
from localstack.services.moto import call_moto
from localstack.services.plugins import ServiceLifecycleHook

from ..configuration import read_configuration
from .checks.clusters import check_create_cluster, check_describe_clusters, check_providers
from .checks.tags import check_number_of_tags, check_tags
from .checks.tasks import check_describe_tasks, check_stop_task
from .definitions import find_cluster_arn, has_services, own_capacity_providers
from .engine import TaskEngine
from .exceptions import ClusterContainsServicesException, ClusterContainsTasksException, TaskNotFoundException
from .list_tasks import list_tasks
from .models import EcsStore, Task, count_by_status, ecs_stores, task_arn
from .refusals import RunTaskRefusals
from .run_task import run_task
from .spot import SpotInterruptions
from .task_definitions import describe_task_definition, register_task_definition


class EcsProvider(ServiceLifecycleHook):
    """ECS with tasks that run."""

    service = "ecs"

    def __init__(self) -> None:
        self._engine = TaskEngine(read_configuration())
        self._refusals = RunTaskRefusals()
        self._routes = [ROUTER.add(SpotInterruptions(self._engine.interrupt)), ROUTER.add(self._refusals)]
        self._lock = threading.Lock()  # one RunTask at a time, so that a client token is used once

    def on_before_stop(self) -> None:
        """The emulator stops, and its tasks with it."""
        for rules in self._routes:
            ROUTER.remove(rules)
        self._engine.shut_down()

    @handler("RunTask", expand=False)
    def run_task(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Make tasks and start them as there is room."""
        if (refused := self._refusals.next_answer()) is not None:
            return refused
        with self._lock:
            tasks, are_new = run_task(context.account_id, context.region, _store(context), request, self._engine.tell)
            described = [task.describe(include_tags=True) for task in tasks]
            if are_new:
                for task in tasks:
                    self._engine.start(task)
        return {"tasks": described, "failures": []}

    @handler("DescribeTasks", expand=False)
    def describe_tasks(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Show tasks; one that is unknown to the cluster is a failure with the reason MISSING."""
        cluster_arn = find_cluster_arn(context.account_id, context.region, request.get("cluster"))
        check_describe_tasks(request)
        include_tags = "TAGS" in (request.get("include") or ())
        tasks, failures = [], []
        for reference in request["tasks"]:
            task = _store(context).find_task(cluster_arn, reference)
            if task is not None:
                tasks.append(task.describe(include_tags))
            else:
                failures.append({"arn": task_arn(cluster_arn, reference), "reason": "MISSING"})
        return {"tasks": tasks, "failures": failures}

    @handler("ListTasks", expand=False)
    def list_tasks(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """ARNs of the tasks of a cluster, those that shall run if not said otherwise."""
        cluster_arn = find_cluster_arn(context.account_id, context.region, request.get("cluster"))
        return list_tasks(_store(context).current_tasks(cluster_arn), request)

    @handler("StopTask", expand=False)
    def stop_task(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Stop a task: SIGTERM, and after the containers' stopTimeout SIGKILL."""
        cluster_arn = find_cluster_arn(context.account_id, context.region, request.get("cluster"))
        check_stop_task(request)
        task = _store(context).find_task(cluster_arn, request["task"])
        if task is None:
            raise TaskNotFoundException
        self._engine.stop(task, request.get("reason"))
        return {"task": task.describe(include_tags=True)}

    @handler("RegisterTaskDefinition", expand=False)
    def register_task_definition(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Register a revision that could run."""
        with self._lock:  # moto counts the revisions of a family without one
            return register_task_definition(context, request)

    @handler("DescribeTaskDefinition", expand=False)
    def describe_task_definition(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Describe a revision, or the latest one of a family."""
        return describe_task_definition(context, request)

    @handler("CreateCluster", expand=False)
    def create_cluster(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Create a cluster with a possible name, capacity providers that exist, and tags."""
        check_create_cluster(request, own_capacity_providers(context.account_id, context.region))
        answer: dict[str, Any] = call_moto(context)
        return answer

    @handler("PutClusterCapacityProviders", expand=False)
    def put_cluster_capacity_providers(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Give a cluster other capacity providers, which exist."""
        find_cluster_arn(context.account_id, context.region, request.get("cluster"))
        check_providers(request, own_capacity_providers(context.account_id, context.region))
        answer: dict[str, Any] = call_moto(context)
        return answer

    @handler("DescribeClusters", expand=False)
    def describe_clusters(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """moto's clusters with the number of our tasks."""
        check_describe_clusters(request)
        answer: dict[str, Any] = call_moto(context)
        for cluster in answer.get("clusters") or ():
            running, pending = count_by_status(_store(context).current_tasks(cluster["clusterArn"]))
            cluster["runningTasksCount"] = running
            cluster["pendingTasksCount"] = pending
        return answer

    @handler("DeleteCluster", expand=False)
    def delete_cluster(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a cluster without services and tasks."""
        cluster_arn = find_cluster_arn(context.account_id, context.region, request.get("cluster"))
        if has_services(context.account_id, context.region, cluster_arn):
            raise ClusterContainsServicesException
        if any(task.last_status != "STOPPED" for task in _store(context).current_tasks(cluster_arn)):
            raise ClusterContainsTasksException
        answer: dict[str, Any] = call_moto(context)
        return answer

    @handler("ListTagsForResource", expand=False)
    def list_tags_for_resource(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Tags of a task; moto has those of everything else."""
        return {"tags": [dict(tag) for tag in _tagged_task(context, request).tags]}

    @handler("TagResource", expand=False)
    def tag_resource(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Add tags to a task, or change them."""
        check_tags(request.get("tags"))
        task = _tagged_task(context, request)
        with task.lock:
            new = {tag["key"]: tag for tag in request["tags"]}
            tags = [tag for tag in task.tags if tag["key"] not in new] + list(new.values())
            check_number_of_tags(tags)
            task.tags = tags
        return {}

    @handler("UntagResource", expand=False)
    def untag_resource(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Remove tags from a task."""
        task = _tagged_task(context, request)
        with task.lock:
            task.tags = [tag for tag in task.tags if tag["key"] not in request["tagKeys"]]
        return {}


def _store(context: RequestContext) -> EcsStore:
    store: EcsStore = ecs_stores[context.account_id][context.region]
    return store


def _tagged_task(context: RequestContext, request: dict[str, Any]) -> Task:
    arn = request["resourceArn"]
    if ":task/" not in arn:
        raise NotImplementedError  # which hands the request on to moto
    task = next((task for task in _store(context).current_tasks() if task.arn == arn), None)
    if task is None:
        raise TaskNotFoundException
    return task
