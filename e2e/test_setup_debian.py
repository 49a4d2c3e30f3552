"""scripts/setup-debian.sh on a machine that has everything already, which is all that a test can have."""

import os
import subprocess
from pathlib import Path

import docker
import pytest

from e2e.compose import ROOT

pytestmark = pytest.mark.only_target("docker")

SETUP = str(ROOT / "scripts" / "setup-debian.sh")
QUICK_SECONDS = 30  # it takes less than one; installing anything, or making the base image, takes minutes
SLIM_BYTES = 110 * 10**6


def setup(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SETUP, *arguments], capture_output=True, text=True, check=False, timeout=QUICK_SECONDS, cwd="/"
    )


@pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/etc/debian_version").exists(), reason="is for the root of a Debian machine"
)
def test_it_does_nothing_where_nothing_is_to_do(tmp_path: Path) -> None:
    before = docker.from_env().info()["ID"], docker.from_env().images.get("debian:trixie-slim").id
    done = setup("--pid-file", str(tmp_path / "pid"))
    assert done.returncode == 0, done.stderr
    assert "ready: engine" in done.stderr
    assert not (tmp_path / "pid").exists()  # the engine is not of its making
    assert before == (docker.from_env().info()["ID"], docker.from_env().images.get("debian:trixie-slim").id)


def test_the_aws_cli_is_there_and_knows_what_the_scripts_say() -> None:
    said = subprocess.run(
        ["/usr/local/bin/aws", "cloudformation", "create-change-set", "--import-existing-resources"],
        capture_output=True,
        text=True,
        check=False,
        timeout=QUICK_SECONDS,
    )
    assert "the following arguments are required: --stack-name, --change-set-name" in said.stderr


def test_it_explains_itself() -> None:
    assert "--pid-file FILE" in setup("--help").stdout
    wrong = setup("--no-such-option")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "Usage" in wrong.stderr


def test_the_base_image_is_slim() -> None:
    base = docker.from_env().images.get("debian:trixie-slim")
    assert base.attrs["Size"] < SLIM_BYTES
    script = "find /usr/share/doc /usr/share/man /var/lib/apt/lists -type f ! -name copyright | head"
    found = docker.from_env().containers.run(base, ["sh", "-c", script], remove=True, network_mode="none")
    assert found == b""
