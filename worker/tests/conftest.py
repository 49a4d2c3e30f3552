"""Fixtures of the worker's tests: a clip and a logo, and S3 as a real HTTP server."""

import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import boto3
import pytest
from av import VideoFrame

from worker.engine.__main__ import Events
from worker.engine.__main__ import run as run_request
from worker.local import run_local
from worker.memory import MemoryGauge
from worker.sandbox import EngineResult
from worker.tests.canary import Canary, watch
from worker.tests.inputs_table import DEFAULT_FILE, MEASURED, OPTION, InputsTable
from worker.tests.media import Clip, frames_of, make_clip, make_logo, repeat_clip
from worker.tests.same_video import MARK, compare, draw_mark
from worker.tests.world import World

Marked = Callable[..., EngineResult]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        OPTION,
        nargs="?",
        type=Path,
        const=DEFAULT_FILE,
        metavar="FILE",
        help=f"write the rows of the tests that ran into the table of inputs (default: docs/{DEFAULT_FILE.name})",
    )
    parser.addoption("--fuzz", type=int, metavar="COUNT", help="how many broken movies to make of each seed file")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "input_row(area, input, outcome): a row of the table of inputs")
    if file := config.getoption(OPTION):
        config.pluginmanager.register(InputsTable(file, is_writer=not hasattr(config, "workerinput")))


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    """A red image of 64x32."""
    return make_logo(tmp_path / "logo.png")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4")


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip whose encoding takes some seconds."""
    return make_clip(
        tmp_path_factory.mktemp("long") / "long.mp4", Clip(1280, 720, seconds=5, grey=None, languages=())
    )  # fmt: skip


@pytest.fixture(scope="session")
def endless_clip(long_clip: Path) -> Path:
    """A clip whose encoding is still under way, however late a test hears that it has begun, to be interrupted."""
    return repeat_clip(long_clip.with_name("endless.mp4"), long_clip, 24)


@pytest.fixture
def engine(tmp_path: Path, logo: Path) -> Callable[..., tuple[Path, Path, EngineResult]]:
    """A function that makes a clip, watermarks it, and returns both files and the engine's result."""

    def run(clip: Clip, **settings: Any) -> tuple[Path, Path, EngineResult]:
        source = make_clip(tmp_path / "source.mp4", clip)
        watermark = tmp_path / "mark.json"
        watermark.write_text(json.dumps({"overlays": [{"image": logo.name, **settings}]}))
        output = tmp_path / "output.mp4"
        return source, output, run_local(source, output, watermark, lambda _phase, _share: None)

    return run


@pytest.fixture
def engine_in_process(tmp_path: Path, logo: Path) -> Callable[..., tuple[Path, Path, EngineResult]]:
    """The same as `engine` without a process for it, which saves half a second for each of many tests."""

    def run(clip: Clip | Path, profile: str = "balanced", **settings: Any) -> tuple[Path, Path, EngineResult]:
        source = make_clip(tmp_path / "source.mp4", clip) if isinstance(clip, Clip) else clip
        output = tmp_path / "output.mp4"
        return source, output, _run_in_process(source, output, [{"image": logo.name, **settings}], profile)

    return run


@pytest.fixture
def frames_with(tmp_path: Path) -> Callable[..., list[VideoFrame]]:
    """A function that makes a clip, puts overlays on it, and returns the frames of the result."""

    def run(clip: Clip, *overlays: dict[str, Any]) -> list[VideoFrame]:
        output = tmp_path / "output.mp4"
        _run_in_process(make_clip(tmp_path / "source.mp4", clip), output, overlays)
        return frames_of(output)

    return run


@pytest.fixture
def marked(request: pytest.FixtureRequest) -> Marked:
    """A function that marks a file and asserts that nothing else changed: `marked(source, **arguments of compare)`.

    The result is `output.mp4` beside the source. What was measured goes into the table of inputs.
    """

    def run(source: Path, profile: str = "balanced", **expected: Any) -> EngineResult:
        draw_mark(source.parent / MARK["image"])
        output = source.parent / "output.mp4"
        result = _run_in_process(source, output, [MARK], profile)
        measured = compare(source, output, **expected)
        assert result.frames == measured.frames
        request.node.user_properties.append((MEASURED, astuple(measured)))
        return result

    return run


def _run_in_process(
    source: Path, output: Path, overlays: Sequence[dict[str, Any]], profile: str = "balanced"
) -> EngineResult:
    """Run the engine as its process would. Images lie beside the source."""
    events = output.with_suffix(".events")
    images = {overlay["image"] for overlay in overlays if "image" in overlay}
    with events.open("wb") as file, output.open("wb") as writing, output.open("rb") as reading, MemoryGauge() as memory:
        request = {
            "input": os.open(source, os.O_RDONLY),
            "output": (writing.fileno(), reading.fileno()),
            "watermark": {"overlays": list(overlays)},
            "watermark_name": "mark.json",
            "images": {name: os.open(source.parent / name, os.O_RDONLY) for name in images},
            "profile": profile,
            "smart": True,
            "cpus": 1.0,
            "memory": 1 << 30,
            "memory_taken": 0,
        }
        run_request(request, Events(file.fileno()), memory)
    result = json.loads(events.read_bytes().splitlines()[-1])
    assert result.pop("event") == "result"
    return EngineResult(**result)


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Canary]:
    """A file that hostile ones want to read, and a server that they want to call."""
    with watch(tmp_path) as canary:
        yield canary


@pytest.fixture
def s3(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the server; the environment is such that any other client of this process talks to it too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return boto3.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    """A versioned bucket of the test's own."""
    name = f"bucket-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def world(s3: Any, bucket: str, tmp_path: Path) -> World:
    (tmp_path / "tasks").mkdir()
    world = World(s3, bucket, tmp_path / "tasks")
    world.put("watermarks/default.png", make_logo(tmp_path / "default.png").read_bytes())
    return world


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_clip(tmp_path_factory.mktemp("video") / "clip.mp4", Clip(seconds=0.4)).read_bytes()
