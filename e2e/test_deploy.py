"""scripts/deploy-aws.sh and its kin from the first deployment to the end, against an account that is emulated.

The tests are the steps of one life and need those before them. The images are pushed to a real registry, from which the
emulated Fargate pulls them; the account is an emulator of its own, in which nothing is deployed yet.
"""

import contextlib
import os
import pty
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest

from e2e.compose import ROOT
from localstack_fargate.tests.kit import START_TIMEOUT_SECONDS, emulator, poll, random_name, refuse_run_task
from localstack_fargate.tests.registry_kit import registry, registry_is_installed
from localstack_init.lifecycle import SERVICE_CATALOG

pytestmark = pytest.mark.only_target("docker")

STACK = "video-batch-processing"
REGION = "us-east-1"
BUCKET = f"video-batch-processing-bucket-000000000000-{REGION}"
REPOSITORY = f"{STACK}-worker"
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"  # the AWS CLI that setup-debian.sh has installed


@dataclass(frozen=True)
class Account:
    """The account, and the environment in which the scripts find it."""

    endpoint: str
    environment: dict[str, str]

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the emulator takes any
        )

    def run(self, name: str, *arguments: str, checkout: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """Run a script to its end, with nobody to ask."""
        return subprocess.run(
            [checkout / "scripts" / name, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def deploy(self, *arguments: str, checkout: Path = ROOT) -> str:
        """Deploy; returns what the script prints."""
        done = self.run("deploy-aws.sh", "--yes", *arguments, checkout=checkout)
        print(done.stdout)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stack(self) -> dict[str, Any] | None:
        """The stack with its parameters as a mapping, None if there is none."""
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        for stack in stacks:
            if stack["StackName"] == STACK and stack["StackStatus"] != "DELETE_COMPLETE":
                values = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
                return {**stack, "Parameters": values}
        return None

    def parameters(self) -> dict[str, str]:
        stack = self.stack()
        assert stack is not None
        values: dict[str, str] = stack["Parameters"]
        return values

    def tags(self) -> list[str]:
        """Names of the images in ECR."""
        images = self.client("ecr").list_images(repositoryName=REPOSITORY)["imageIds"]
        return [image["imageTag"] for image in images]

    def task_definition(self) -> dict[str, Any]:
        """The newest of the worker."""
        answer = self.client("ecs").describe_task_definition(taskDefinition="batch-processing-task")
        definition: dict[str, Any] = answer["taskDefinition"]
        return definition

    def videos(self) -> set[str]:
        """Keys in the bucket of the videos."""
        return {each["Key"] for each in self.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]}

    def buckets(self) -> list[str]:
        return [bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"]]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account with nothing in it."""
    if os.geteuid() != 0 or not registry_is_installed():
        pytest.skip("it takes root, and a registry to push to")
    root = tmp_path_factory.mktemp("deploy")
    libraries = root / "files" / "usr" / "lib"
    libraries.mkdir(parents=True)
    (libraries / "localstack").symlink_to(SERVICE_CATALOG)
    with contextlib.ExitStack() as running:
        address = running.enter_context(registry(root))
        settings = {
            "FARGATE_NAME": random_name("deploy"),
            "FARGATE_ECR_REGISTRY": address,
            "LAMBDA_LIMITS_CONCURRENT_EXECUTIONS": "10",  # a new account's
        }
        started = running.enter_context(emulator(root, FARGATE_LAUNCHER="docker", **settings))
        running.callback(remove_images, address)
        poll(lambda: started.is_ready() or started.process.poll() is not None, START_TIMEOUT_SECONDS, "the emulator")
        assert started.process.poll() is None, started.log.read_text()[-4000:]
        environment = {
            "PATH": SYSTEM_PATH,
            "HOME": str(root),
            "AWS_ENDPOINT_URL": started.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "NO_PROXY": "127.0.0.1,localhost",
        }
        yield Account(started.url, environment)


def remove_images(address: str) -> None:
    """Remove what the scripts have built for the registry at an address."""
    engine = docker.from_env()
    for image in engine.images.list():
        for tag in image.tags:
            if tag.startswith(f"{address}/"):
                engine.images.remove(tag)


@contextlib.contextmanager
def asked(account: Account, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """deploy-aws.sh in a terminal, at the moment when it asks; returns the process, and the terminal's other end."""
    ours, its = pty.openpty()

    def take_the_terminal() -> None:
        os.setsid()
        os.close(os.open(os.ttyname(its), os.O_RDWR))  # the first that is opened becomes its own

    process = subprocess.Popen(
        [ROOT / "scripts" / "deploy-aws.sh", *arguments],
        env=account.environment,
        stdin=its,
        stdout=its,
        stderr=its,
        preexec_fn=take_the_terminal,
    )
    os.close(its)
    try:
        printed = b""
        while b"[y/N]" not in printed:
            printed += os.read(ours, 10000)
        assert b"Add     EC2::VPC " in printed
        yield process, ours
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(ours)


def test_ctrl_c_at_the_question_leaves_nothing_behind(account: Account) -> None:
    with asked(account, "--image", "somebody/s:1") as (process, terminal):
        assert account.stack() is not None
        os.write(terminal, b"\x03")
        assert process.wait(30) == 130
    assert account.stack() is None


def test_the_first_deployment_also_after_one_that_was_killed(account: Account) -> None:
    """And where an earlier stack has left its videos."""
    s3 = account.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="processed-videos/earlier.mp4", Body=b"of an earlier stack")
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    account.client("cloudformation").create_change_set(
        StackName=STACK, ChangeSetName="deploy-once", ChangeSetType="CREATE", TemplateBody=template
    )
    left = account.stack()
    assert left is not None
    assert left["StackStatus"] == "REVIEW_IN_PROGRESS"

    printed = account.deploy("--tag", "project=videos", "--protect")
    assert "is REVIEW_IN_PROGRESS" in printed
    assert f"{BUCKET} is there already" in printed
    made = account.stack()
    assert made is not None
    assert made["StackStatus"] == "CREATE_COMPLETE"
    assert made["EnableTerminationProtection"] is True
    [tag] = account.tags()
    assert made["Parameters"]["WorkerImage"].endswith(f"/{REPOSITORY}:{tag}")
    assert made["Parameters"]["BucketName"] == BUCKET
    assert made["Parameters"]["TriggerConcurrency"] == "0"  # there is nothing to reserve
    ecr = account.client("ecr")
    [repository] = ecr.describe_repositories(repositoryNames=[REPOSITORY])["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert "Expire" in ecr.get_lifecycle_policy(repositoryName=REPOSITORY)["lifecyclePolicyText"].title()
    role = account.client("iam").get_role(RoleName="AWSServiceRoleForECS")["Role"]
    assert role["Path"] == "/aws-service-role/ecs.amazonaws.com/"
    artifacts = f"{STACK}-artifacts-000000000000-{REGION}"
    closed = s3.get_public_access_block(Bucket=artifacts)["PublicAccessBlockConfiguration"]
    assert all(closed.values())
    watermark = s3.get_object(Bucket=BUCKET, Key="watermarks/default.png")["Body"].read()
    assert watermark == (ROOT / "localstack_init" / "default-watermark.png").read_bytes()
    assert ".venv/bin/videobatch submit --wait my.mp4" in printed


def test_a_video_goes_through_what_was_deployed(account: Account) -> None:
    image = account.parameters()["WorkerImage"]
    docker.from_env().images.remove(image)  # so that the task has to pull it
    one = ("e2e/test_path.py", "-k", "comes_back_watermarked")
    smoke = account.run("smoke-aws.sh", "--stack", STACK, "--", *one)
    assert smoke.returncode == 0, smoke.stdout + smoke.stderr
    assert "1 passed" in smoke.stdout
    assert docker.from_env().images.get(image)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the scripts deploy, for tests to change."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("worker", "lambda", "infra", "requirements", "scripts", "localstack_init"):
        ignored = shutil.ignore_patterns("tests", "__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    shutil.copy(ROOT / ".dockerignore", copy)
    return copy


def test_another_image_gets_another_tag_and_revision(account: Account, checkout: Path) -> None:
    [first] = account.tags()
    revision = account.task_definition()["revision"]
    with (checkout / "worker" / "Dockerfile").open("a") as file:
        file.write("LABEL changed=yes\n")
    printed = account.deploy(checkout=checkout)
    [second] = set(account.tags()) - {first}
    definition = account.task_definition()
    assert definition["revision"] == revision + 1
    [container] = definition["containerDefinitions"]
    assert container["image"].endswith(f":{second}")
    assert "Modify" in printed or "Replace" in printed
    assert docker.from_env().images.get(container["image"]).labels["changed"] == "yes"


def test_a_parameter_is_changed_and_the_others_stay(account: Account, checkout: Path) -> None:
    before = account.parameters()
    account.deploy("--task-size", "0.5x1024", checkout=checkout)
    assert account.parameters() == {**before, "TaskCpu": "512", "TaskMemory": "1024"}
    definition = account.task_definition()
    assert (definition["cpu"], definition["memory"]) == ("512", "1024")


def test_a_broken_template_is_rolled_back_and_says_why(account: Account, checkout: Path) -> None:
    template = checkout / "infra" / "template.yaml"
    whole = template.read_text()
    broken = "  Broken:\n    Type: AWS::ECS::Cluster\n    DependsOn: TaskDefinition\n    Properties:\n"
    template.write_text(whole.replace("\nOutputs:\n", f"\n{broken}      ClusterName: no name for it\n\nOutputs:\n"))
    before = account.parameters()
    failed = account.run("deploy-aws.sh", "--yes", "--task-size", "1x2048", checkout=checkout)
    assert failed.returncode == 1
    [reason] = [line for line in failed.stderr.splitlines() if line.startswith("Broken (ECS::Cluster): ")]
    assert "ClusterName" in reason or "cluster name" in reason.lower()
    assert "is as it was before (UPDATE_ROLLBACK_COMPLETE)" in failed.stderr
    assert account.parameters() == before
    assert account.task_definition()["cpu"] == "512"
    template.write_text(whole)


def test_a_change_of_outputs_alone_is_deployed(account: Account, checkout: Path) -> None:
    template = checkout / "infra" / "template.yaml"
    template.write_text(template.read_text() + "  Further:\n    Value: told\n")
    printed = account.deploy("--tag", "cost=7", checkout=checkout)
    assert "no resource changes, only outputs" in printed
    stack = account.stack()
    assert stack is not None
    assert {"OutputKey": "Further", "OutputValue": "told"} in stack["Outputs"]
    assert {each["Key"]: each["Value"] for each in stack["Tags"]} == {"project": "videos", "cost": "7"}


def test_where_nothing_has_changed_nothing_is_done(account: Account, checkout: Path) -> None:
    before = account.tags(), account.task_definition()["revision"]
    printed = account.deploy(checkout=checkout)
    assert f"{STACK}: nothing has changed" in printed
    assert "uploaded" not in printed
    assert "pushed" not in printed
    assert (account.tags(), account.task_definition()["revision"]) == before
    assert account.client("cloudformation").list_change_sets(StackName=STACK)["Summaries"] == []


def start_what_does_not_end(account: Account) -> None:
    """A task by hand in the stack's cluster, and a job that gets no capacity."""
    ecs, s3, states = (account.client(name) for name in ("ecs", "s3", "stepfunctions"))
    container = {"name": "main", "image": "debian:trixie-slim", "entryPoint": ["sleep", "900"], "stopTimeout": 2}
    ecs.register_task_definition(
        family="by-hand", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512",
        containerDefinitions=[container],
    )  # fmt: skip
    [subnet, *_] = account.client("ec2").describe_subnets()["Subnets"]
    started = ecs.run_task(
        cluster="batch-processing-cluster", taskDefinition="by-hand", launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet["SubnetId"]]}},
    )  # fmt: skip
    assert len(started["tasks"]) == 1

    refuse_run_task(account.endpoint, *["capacity"] * 50)
    s3.put_object(Bucket=BUCKET, Key="unprocessed-vdeos/late.mp4", Body=b"no video")
    [machine] = states.list_state_machines()["stateMachines"]
    arn = machine["stateMachineArn"]
    poll(lambda: states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"], 60, "the job")


def test_the_end_stops_what_runs_and_leaves_the_videos(account: Account) -> None:
    start_what_does_not_end(account)
    account.client("cloudformation").update_termination_protection(StackName=STACK, EnableTerminationProtection=False)
    destroyed = account.run("destroy-aws.sh", "--yes")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert "Jobs        running: 1," in destroyed.stdout
    assert f"{BUCKET} stays" in destroyed.stdout
    other = account.run("destroy-aws.sh", "--yes", "--delete-videos", "--stack", "another")
    assert "Nothing     of another is there to delete" in other.stdout, other.stdout + other.stderr
    assert account.stack() is None
    assert account.buckets() == [BUCKET]
    assert {"processed-videos/plain.mp4", "processed-videos/earlier.mp4"} <= account.videos()
    assert account.client("ecr").describe_repositories()["repositories"] == []
    clusters = account.client("ecs").describe_clusters(clusters=["batch-processing-cluster"])["clusters"]
    assert [cluster["status"] for cluster in clusters] in ([], ["INACTIVE"])


def test_the_videos_go_if_that_is_wanted_and_then_nothing_is_left(account: Account) -> None:
    destroyed = account.run("destroy-aws.sh", "--yes", "--delete-videos")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert account.buckets() == []
    again = account.run("destroy-aws.sh", "--yes", "--delete-videos")
    assert (again.returncode, again.stderr) == (0, "")
    assert "is there to delete" in again.stdout
