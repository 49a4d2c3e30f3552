"""What the scripts for AWS would do, command by command, held to golden/deploy-aws-dry-run.txt.

``REWRITE_GOLDEN=1 pytest scripts/tests/test_deploy_dry_run.py`` writes that file anew.
"""

import os
import pty
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = Path(__file__).resolve().parent / "golden" / "deploy-aws-dry-run.txt"
COMMANDS = (
    "deploy-aws.sh --region eu-west-1",
    "deploy-aws.sh --region us-east-1 --stack Mine --image registry.example/worker:1 --parameter BucketName=videos",
    "deploy-aws.sh --region eu-west-1 --arm64 --spot --task-size 0.5x1024 --parameter NotificationEmail=me@example.org"
    " --tag project=videos --tag cost=7 --protect",
    "destroy-aws.sh --region eu-west-1",
    "destroy-aws.sh --region eu-west-1 --stack Mine --delete-videos",
)


def script(line: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line of scripts/ in an environment without any account."""
    name, *arguments = line.split()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"}
    return subprocess.run(
        [ROOT / "scripts" / name, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def dry_run(line: str, home: Path) -> str:
    """The commands, without the digests of this checkout's files."""
    done = script(f"{line} --dry-run", home)
    assert done.returncode == 0, done.stderr
    return re.sub(r"\b[0-9a-f]{16}\b", "<digest>", done.stdout)


def sections() -> dict[str, str]:
    """The golden file's commands, each with what it prints."""
    parts = re.split(r"^\$ scripts/(.*) --dry-run\n", GOLDEN.read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("line", COMMANDS)
def test_it_prints_what_it_would_do(line: str, tmp_path: Path) -> None:
    printed = dry_run(line, tmp_path)
    if os.environ.get("REWRITE_GOLDEN") == "1":
        known = {**(sections() if GOLDEN.exists() else {}), line: printed}
        GOLDEN.write_text("".join(f"$ scripts/{each} --dry-run\n{known[each]}" for each in COMMANDS if each in known))
    assert printed == sections()[line]


def test_the_golden_file_has_nothing_else() -> None:
    assert tuple(sections()) == COMMANDS


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("deploy-aws.sh --parameter NoSuch=1", "the template has no parameter NoSuch"),
        ("deploy-aws.sh --parameter BucketName", "--parameter wants NAME=VALUE, not 'BucketName'"),
        ("deploy-aws.sh --parameter BucketName=a\x07b", "a parameter may not have a control character in it"),
        ("deploy-aws.sh --task-size 3x4096", "--task-size wants vCPUs and MB, such as 0.5x1024, not '3x4096'"),
        ("deploy-aws.sh --task-size 1x1024", "Fargate has no task of 1 vCPU with 1024 MB: it may have 2048 to 8192 MB"),
        ("deploy-aws.sh --tag project", "--tag wants KEY=VALUE, not 'project'"),
        ("deploy-aws.sh --region", "--region wants a value"),
        ("deploy-aws.sh --rebuild --image a/b", "an image is given or built, and not both"),
        ("destroy-aws.sh --force", "there is no option --force"),
        ("destroy-aws.sh -- e2e", "there is no option --"),
        ("smoke-aws.sh --stack", "--stack wants a value"),
        ("smoke-aws.sh --yes", "there is no option --yes"),
    ],
)
def test_what_makes_no_sense_is_said(line: str, sentence: str, tmp_path: Path) -> None:
    refused = script(line, tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert sentence in refused.stderr


@pytest.mark.parametrize("name", ["deploy-aws.sh", "destroy-aws.sh"])
def test_without_anybody_to_ask_nothing_is_done(name: str, tmp_path: Path) -> None:
    refused = script(name, tmp_path)
    assert refused.returncode == 1
    assert refused.stderr == f"{name}: there is nobody to ask on this terminal; add --yes to go ahead\n"


def test_all_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for tool in ("bash", "dirname", "readlink", "mktemp", "rm", "awk", "grep", "cat", "env", "tr"):
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    refused = subprocess.run(
        [ROOT / "scripts" / "deploy-aws.sh", "--yes"],
        env={"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode == 1
    assert refused.stdout == ""
    said = refused.stderr.splitlines()
    assert said[0] == "deploy-aws.sh: missing here:"
    assert [line.split()[:3] for line in said[1:]] == [
        ["-", "the", "AWS"],
        ["-", "python3,", "which"],
        ["-", "a", "region:"],
        ["-", "a", "Docker"],
    ]


NO_STACK = "echo 'An error occurred (ValidationError): Stack with id x does not exist' >&2; exit 254"


def in_account(
    line: str, home: Path, answers: dict[str, str], terminal: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command line in an account as no emulator is one: ``answers`` is what the AWS CLI does, by operation.

    Every command line of the CLI is kept in ``home/asked``.
    """
    operations = {
        "--version": "echo aws-cli/2.23.6",
        "get-caller-identity": r"printf '123456789012\tarn:aws:iam::123456789012:user/me\n'",
        **answers,
    }
    cases = "".join(f"*'{name}'*) {does} ;;\n" for name, does in operations.items())
    cli = home / "aws"
    cli.write_text(f'#!/bin/sh\necho "$*" >>"{home}/asked"\ncase "$*" in\n{cases}*) exit 99 ;;\nesac\n')
    cli.chmod(0o755)
    name, *arguments = line.split()
    return subprocess.run(
        [ROOT / "scripts" / name, *arguments],
        env={"PATH": f"{home}:{os.environ['PATH']}", "HOME": str(home), "AWS_REGION": "eu-west-1"},
        stdin=subprocess.DEVNULL if terminal is None else terminal,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_quotas_that_are_too_small_are_said_before_anything_is_made(tmp_path: Path) -> None:
    refused = in_account(
        "deploy-aws.sh --yes --image a/b --parameter TriggerConcurrency=5",
        tmp_path,
        {"describe-stacks": NO_STACK, "get-service-quota": "echo 0.0", "get-account-settings": "echo 10"},
    )
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        "deploy-aws.sh: missing here:",
        "- Fargate On-Demand vCPUs: the quota is 0; ask for more in Service Quotas, code L-3032A538",
        "- Lambda concurrency to reserve: only 10 are unreserved, of which 100 have to stay so",
    ]


def deployed(image: str) -> dict[str, str]:
    """The answers of an account where the stack has an image, and ECR every tag."""
    stack = rf"printf 'status\tUPDATE_COMPLETE\tarn\nparameter\tWorkerImage\t{image}\n'"
    return {
        "describe-stacks": stack,
        "describe-repositories": f"echo {ECR}",
        "describe-images": "echo sha256:0",
        "list-objects-v2": "echo None",
        "head-bucket": "true",
    }


ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/video-batch-processing-worker"


def image_of(command: str, home: Path, before: str) -> str:
    """The stack's image after a deployment; one that is built with the newest packages begins with 'fresh '."""
    done = in_account(f"{command} --dry-run", home, deployed(before))
    assert done.returncode == 0, done.stderr
    fresh = "fresh " if "buildx build --platform linux/amd64 --pull --no-cache" in done.stdout else ""
    assert ("docker push" in done.stdout) == bool(fresh)
    [image] = re.findall(r'"WorkerImage","ParameterValue":"(.+?)"', done.stdout)
    return fresh + str(image)


def test_an_image_stays_until_its_sources_change_or_another_is_wanted(tmp_path: Path) -> None:
    built = image_of("deploy-aws.sh", tmp_path, f"{ECR}:{'0' * 16}-amd64")
    assert re.fullmatch(rf"{ECR}:[0-9a-f]{{16}}-amd64", built)
    rebuilt = f"{built}-20261123T080000Z"
    assert image_of("deploy-aws.sh", tmp_path, built) == built
    assert image_of("deploy-aws.sh --rebuild", tmp_path, built) == f"fresh {built}-<time>"
    assert image_of("deploy-aws.sh", tmp_path, rebuilt) == rebuilt
    assert image_of("deploy-aws.sh", tmp_path, "somebody/s:1") == "somebody/s:1"
    assert image_of("deploy-aws.sh --rebuild", tmp_path, "somebody/s:1") == f"fresh {built}-<time>"


def test_a_stack_that_was_left_half_done_is_not_deleted_without_a_yes(tmp_path: Path) -> None:
    ours, its = pty.openpty()
    os.write(ours, b"n\n")
    answers = {
        "describe-stacks": r"printf 'status\tROLLBACK_COMPLETE\tarn\n'",
        "get-service-quota": "echo 100.0",
        "get-account-settings": "echo 1000",
    }
    refused = in_account("deploy-aws.sh --image a/b", tmp_path, answers, terminal=its)
    os.close(its)
    os.close(ours)
    assert refused.returncode == 1
    assert refused.stderr.endswith("deploy-aws.sh: nothing was changed\n")
    assert "delete-" not in (tmp_path / "asked").read_text()


def test_what_early_validation_refuses_is_said(tmp_path: Path) -> None:
    # No emulator has such a validation, nor its events.
    refused = in_account(
        "deploy-aws.sh --yes",
        tmp_path,
        {
            "describe-change-set": r"printf 'FAILED\tThe early validation failed.\n'",
            "describe-events": r"printf 'Bucket\t/Resources/Bucket\tIt is in another stack.\n'",
            "create-change-set": "echo arn",
            "delete-change-set": "true",
            **deployed("a/b"),
            "s3api": "true",
        },
    )
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        "Bucket /Resources/Bucket It is in another stack.",
        "deploy-aws.sh: CloudFormation refuses the changes: The early validation failed.",
    ]
    assert "delete-change-set" in (tmp_path / "asked").read_text()


def test_a_protected_stack_stays(tmp_path: Path) -> None:
    refused = in_account(
        "destroy-aws.sh --yes",
        tmp_path,
        {
            "describe-stacks": r"printf 'status\tCREATE_COMPLETE\tarn\nprotected\ttrue\t\n'",
            "describe-repositories": f"echo {ECR}",
            "head-bucket": "true",
        },
    )
    assert refused.returncode == 1
    assert "--no-enable-termination-protection" in refused.stderr
    assert "delete-" not in (tmp_path / "asked").read_text()


def test_a_bucket_that_nobody_may_look_into_is_not_deleted(tmp_path: Path) -> None:
    denied = "echo 'An error occurred (AccessDenied): who are you?' >&2; exit 254"
    refused = in_account(
        "destroy-aws.sh --yes --delete-videos",
        tmp_path,
        {
            "describe-stacks": NO_STACK,
            "describe-repositories": "echo RepositoryNotFoundException >&2; exit 254",
            "head-bucket --bucket video-batch-processing-artifacts": "echo 'Not Found' >&2; exit 254",
            "head-bucket": "true",
            "list-object-versions": denied,
        },
    )
    assert refused.returncode == 1
    assert "who are you?" in refused.stderr
    assert "DELETED" not in refused.stdout
    assert "delete-" not in (tmp_path / "asked").read_text()


def test_the_scripts_say_how_they_are_used(tmp_path: Path) -> None:
    for name in ("deploy-aws.sh", "destroy-aws.sh", "smoke-aws.sh"):
        told = script(f"{name} --help", tmp_path)
        assert told.stdout.startswith(f"Usage: scripts/{name} ")
        assert max(map(len, told.stdout.splitlines())) <= 80
