"""A LocalStack process for each launcher with nothing but this extension, shared by all tests of the run."""

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient

from localstack_fargate.tests.conformance import DEFAULT_FILE, OPTION, ConformanceTable
from localstack_fargate.tests.docker_kit import engine_with_images
from localstack_fargate.tests.kit import START_TIMEOUT_SECONDS, Emulator, Fargate, emulator, make_client, poll
from localstack_fargate.tests.lambda_kit import Functions
from localstack_fargate.tests.registry_kit import registry, registry_is_installed

LAUNCHERS = ("process", "docker")

# Modules of tests that another module collects: their assertions say as much as its own.
pytest.register_assert_rewrite(
    *(f"localstack_fargate.tests.iam_{each}" for each in ("callers", "pass_role", "services"))
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--launcher",
        choices=[*LAUNCHERS, "both"],
        default="both",
        help="which launcher the tests that run tasks use; a given endpoint's if FARGATE_TEST_ENDPOINT is set",
    )
    parser.addoption(
        OPTION,
        nargs="?",
        type=Path,
        const=DEFAULT_FILE,
        metavar="FILE",
        help=f"write the conformance table of the tests that ran (default: {DEFAULT_FILE.name} of the extension)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that run tasks do so with each launcher, unless they are about one: ``@pytest.mark.launchers(...)``."""
    if "launcher" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("launchers")
    able = marker.args if marker else LAUNCHERS if "fargate" in metafunc.fixturenames else LAUNCHERS[:1]
    wanted = metafunc.config.getoption("--launcher")
    metafunc.parametrize("launcher", [each for each in able if wanted in (each, "both")], scope="session")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "launchers(*names): the launchers that a test is about; without it, all")
    config.addinivalue_line("markers", "conformance(area, text, wording=None): a row of the conformance table")
    if file := config.getoption(OPTION):
        if "FARGATE_TEST_ENDPOINT" in os.environ and config.getoption("--launcher") == "both":
            raise pytest.UsageError(f"{OPTION} of FARGATE_TEST_ENDPOINT: say by --launcher which launcher it has")
        config.pluginmanager.register(ConformanceTable(file, is_writer=not hasattr(config, "workerinput")))


@pytest.fixture(scope="session")
def docker() -> APIClient:
    """The Docker engine, with the images that the tests use; without an engine, what needs one is skipped."""
    return engine_with_images()


@pytest.fixture(scope="session")
def own_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the registry that has our own emulators' images; empty if none is installed."""
    if not registry_is_installed():
        yield ""
        return
    with registry(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture(scope="session")
def ecr_registry(own_registry: str) -> str:
    """The same, without which a test is skipped."""
    if not own_registry or "FARGATE_TEST_ENDPOINT" in os.environ:
        pytest.skip("there is no registry of ours")
    return own_registry


@pytest.fixture(scope="session")
def emulators(tmp_path_factory: pytest.TempPathFactory, own_registry: str) -> Iterator[Callable[[str], str]]:
    """URL of our own emulator for a launcher, which is started when it is first wanted."""
    with contextlib.ExitStack() as running:

        @cache
        def url(launcher: str) -> str:
            if launcher == "docker":
                engine_with_images()
            root = tmp_path_factory.mktemp("localstack")
            settings = {"FARGATE_LAUNCHER": launcher, "FARGATE_ECR_REGISTRY": own_registry}
            started = running.enter_context(emulator(root, **settings))
            wait_until_ready(started)
            return started.url

        yield url


@pytest.fixture(scope="session")
def endpoint(launcher: str, emulators: Callable[[str], str]) -> str:
    """URL of the emulator: the one in FARGATE_TEST_ENDPOINT, or a process of our own for this run."""
    return os.environ.get("FARGATE_TEST_ENDPOINT") or emulators(launcher)


def wait_until_ready(started: Emulator) -> None:
    poll(lambda: started.is_ready() or started.process.poll() is not None, START_TIMEOUT_SECONDS, "the emulator")
    if started.process.poll() is not None:
        pytest.fail(f"LocalStack did not start. Its log ends:\n{started.log.read_text()[-4000:]}")


@pytest.fixture(scope="session")
def client(endpoint: str) -> Callable[[str], Any]:
    """Make a boto3 client of the emulated account: ``client("ecs")``."""
    return partial(make_client, endpoint=endpoint)


@pytest.fixture
def fargate(endpoint: str) -> Iterator[Fargate]:
    """A cluster to run tasks in, removed afterwards with everything in it."""
    made = Fargate(endpoint)
    yield made
    made.close()


@pytest.fixture
def functions(client: Callable[[str], Any]) -> Iterator[Functions]:
    made = Functions(client("lambda"))
    yield made
    made.close()
