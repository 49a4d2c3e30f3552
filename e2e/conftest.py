"""The account that the tests run against, and what they need to look at it from outside."""

import os
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import av
import boto3
import pytest

from e2e import iam_report, memory_table
from e2e.faults import ledger
from e2e.report import WatchedPipeline
from e2e.targets import TARGETS, Target, engine_answers
from scripts.sample_media import make_clip
from videobatch.pipeline import JobNotFinished, JobRecord, Pipeline

WaitForJob = Callable[[str], JobRecord]

STACK_TAG = {"key": "project", "value": "e2e"}


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    parser.addoption(
        "--target",
        choices=tuple(TARGETS),
        help="where the account runs: docker (docker-compose.yml), process (scripts/emulator.sh) or aws (a deployed "
        "stack). Default: docker if an engine answers, else process",
    )
    pluginmanager.register(memory_table)  # which adds an option of its own
    pluginmanager.register(ledger)
    pluginmanager.register(iam_report)


def pytest_configure(config: pytest.Config) -> None:
    """A SIGTERM ends the run as Ctrl-C does: in order, with the account taken down."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.addinivalue_line("markers", "only_target(name): the test is about this target itself")
    if not engine_answers():
        if config.option.target == "docker" or os.environ.get("REQUIRE_ALL") == "1":
            raise pytest.UsageError("no Docker engine answers, but --target docker or REQUIRE_ALL=1 wants one")
        config.option.target = config.option.target or "process"
    config.option.target = config.option.target or "docker"


def pytest_report_header(config: pytest.Config) -> str:
    return f"e2e target: {config.option.target}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        marker = item.get_closest_marker("only_target")
        if marker and marker.args[0] != config.option.target:
            item.add_marker(pytest.mark.skip(reason=f"for --target {marker.args[0]}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a failing test tell what is known of the videos that it uploaded."""
    report = yield
    pipeline = getattr(item, "funcargs", {}).get("pipeline")
    if report.when == "call" and isinstance(pipeline, WatchedPipeline):
        if report.failed:
            report.sections.append(("jobs of this test", pipeline.report()))
        pipeline.uploads.clear()
    return report


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Target:
    return TARGETS[pytestconfig.option.target]()


@pytest.fixture(scope="session")
def account(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An account of this run's own, with short pauses between attempts. Returns its folder."""
    folder = tmp_path_factory.mktemp("account")
    with target.account(folder):
        yield folder


@pytest.fixture(scope="session")
def pipeline(
    account: Path,  # noqa: ARG001 - it sets the environment that the SDK reads
    pytestconfig: pytest.Config,
) -> Iterator[WatchedPipeline]:
    if pytestconfig.option.target != "aws":
        tag_task_definition()
    yield WatchedPipeline(Pipeline.of_stack().outputs)
    if pytestconfig.option.target != "aws":
        iam_report.collect(pytestconfig)


def tag_task_definition() -> None:
    """Do what CloudFormation does with a stack's tags, and the emulator's does not: tasks have them then, too."""
    [definition] = [each for each in iam_report.stack_resources() if each["LogicalResourceId"] == "TaskDefinition"]
    boto3.client("ecs").tag_resource(resourceArn=definition["PhysicalResourceId"], tags=[STACK_TAG])


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of two seconds, small enough that a job is over soon."""
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    make_clip(path, width=320, height=180, rate=25, seconds=2)
    return path


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that takes long enough to encode that a test can do something meanwhile."""
    path = tmp_path_factory.mktemp("media") / "long.mp4"
    make_clip(path, width=1280, height=720, rate=30, seconds=20)
    return path


@pytest.fixture(scope="session")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short video that is large, for nothing in it can be compressed: its result needs more than one part."""
    path = tmp_path_factory.mktemp("media") / "noise.mp4"
    width, height, frames = 640, 360, 150
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "14"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(frames):
            frame = av.VideoFrame(width, height, "yuv420p")
            for plane in frame.planes:
                plane.update(os.urandom(plane.buffer_size))
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def wait_for_job(pipeline: Pipeline, target: Target) -> WaitForJob:
    """Wait for the end of an upload's job."""

    def wait(version_id: str) -> JobRecord:
        try:
            *_, last = pipeline.follow(version_id, timeout=target.job_timeout, poll=0.2)
        except JobNotFinished as error:
            pytest.fail(str(error))
        return last

    return wait
