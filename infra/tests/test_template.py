"""What the template promises, read from its text, and that all parts call the same thing by the same name."""

import ast
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.tests.template import properties

ROOT = Path(__file__).resolve().parents[2]


FUNCTIONS = ["Function", "ReportFunction", "WatchFunction"]


def handler(template: dict[str, Any], function: str) -> tuple[Path, str]:
    """The source file of a Lambda function and the name of its handler there."""
    module, name = properties(template, function)["Handler"].split(".")
    return ROOT / "lambda" / f"{module}.py", name


def constants(path: Path) -> dict[str, str]:
    """The module-level text constants of a source file, without importing it."""
    return {
        target.id: node.value.value
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def test_the_defaults_are_the_guides_names(template: dict[str, Any]) -> None:
    defaults = {name: parameter.get("Default") for name, parameter in template["Parameters"].items()}
    assert defaults["BucketName"] == "video-batch-processing-bucket"
    assert defaults["UploadPrefix"] == "unprocessed-vdeos/"
    assert defaults["WatermarkPrefix"] == "watermarks/"
    assert defaults["ResultPrefix"] == "processed-videos/"
    assert defaults["JobPrefix"] == "jobs/"
    assert defaults["ClusterName"] == "batch-processing-cluster"
    assert defaults["TaskFamily"] == "batch-processing-task"
    assert defaults["ContainerName"] == "batch-processing-container"
    assert defaults["TaskRoleName"] == "ecsS3TaskRole"
    assert (defaults["TaskCpu"], defaults["TaskMemory"]) == ("256", "512")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_get_just_the_variables_they_read(template: dict[str, Any], function: str) -> None:
    given = set(properties(template, function)["Environment"]["Variables"])
    module = handler(template, function)[0]
    read = {constants(module)[name] for name in re.findall(r"environ\[(\w+)\]", module.read_text())}
    assert given == read


def test_the_worker_gets_just_the_variables_it_reads(template: dict[str, Any], states: dict[str, Any]) -> None:
    [container] = properties(template, "TaskDefinition")["ContainerDefinitions"]
    [override] = states["RunWorker"]["Parameters"]["Overrides"]["ContainerOverrides"]
    given = {entry["Name"] for entry in [*container["Environment"], *override["Environment"]]}
    known = set(constants(ROOT / "worker" / "settings.py").values())
    from_ecs = {"ECS_CONTAINER_METADATA_URI_V4"}
    assert given == {name for name in known if re.fullmatch(r"[A-Z][A-Z0-9_]+", name)} - from_ecs


def test_the_profiles_are_those_of_the_engine(template: dict[str, Any]) -> None:
    from worker.engine.profiles import DEFAULT, PROFILES

    assert template["Parameters"]["Profile"]["AllowedValues"] == list(PROFILES)
    assert template["Parameters"]["Profile"]["Default"] == DEFAULT


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_handlers_exist(template: dict[str, Any], function: str) -> None:
    module, name = handler(template, function)
    assert name in {node.name for node in ast.parse(module.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_permanent_exit_codes_are_those_that_the_state_machine_never_retries(states: dict[str, Any]) -> None:
    from worker import errors

    [permanent] = [choice for choice in states["HowDidTheTaskEnd"]["Choices"] if choice["Next"] == "SayWorkerRefused"]
    conditions = permanent["And"]
    lowest = conditions[1]["NumericGreaterThanEquals"]
    highest = conditions[2]["NumericLessThanEquals"]
    classes: list[Any] = [
        each for each in vars(errors).values() if isinstance(each, type) and "exit_code" in vars(each)
    ]
    assert len(classes) > 10
    for each in classes:
        assert (lowest <= each.exit_code <= highest) == (not each.retryable), each


def test_a_larger_task_answers_just_the_errors_that_it_can_mend(states: dict[str, Any]) -> None:
    from worker.errors import TaskTooSmall, all_errors

    first, *_ = [choice for choice in states["HowDidTheTaskEnd"]["Choices"] if choice["Next"] == "SayTaskTooSmall"]
    lowest, highest = first["And"][1]["NumericGreaterThanEquals"], first["And"][2]["NumericLessThanEquals"]
    for each in all_errors():
        assert (lowest <= each.exit_code <= highest) == issubclass(each, TaskTooSmall), each


def test_the_sizes_of_tasks_are_fargates_and_grow(template: dict[str, Any], states: dict[str, Any]) -> None:
    from worker.sizing import LARGER_TASKS

    allowed = {  # vCPU units and MB, of those that Fargate pairs
        256: {512, 1024, 2048}, 512: set(range(1024, 4097, 1024)), 1024: set(range(2048, 8193, 1024)),
        2048: set(range(4096, 16385, 1024)), 4096: set(range(8192, 30721, 1024)),
    }  # fmt: skip
    defaults = {name: template["Parameters"][name].get("Default") for name in ("TaskCpu", "TaskMemory")}
    sizes = [(int(defaults["TaskCpu"]), int(defaults["TaskMemory"]))]
    for choice in states["ChooseSize"]["Choices"]:
        size = states[choice["Next"]].get("Parameters", {})
        if "memory_mb" in size:
            sizes.append((int(size["cpu"]), size["memory_mb"]))
            assert size["memory"] == str(size["memory_mb"])
            assert [limit for condition in choice["And"] for limit in condition.values()][1::2] == [
                size["memory_mb"]
            ] * 2
            assert (states[choice["Next"]]["ResultPath"], states[choice["Next"]]["Next"]) == ("$.size", "WhereToRun")
    assert sizes == [(256, 512), (512, 1024), (1024, 2048), (2048, 4096), (4096, 8192)]
    assert all(memory in allowed[cpu] for cpu, memory in sizes)
    assert tuple((memory, cpu / 1024) for cpu, memory in sizes[1:]) == LARGER_TASKS
    assert template["Parameters"]["MaxTaskMemory"]["AllowedValues"] == [str(memory) for _, memory in sizes]


def test_job_states_are_the_same_words_everywhere() -> None:
    from videobatch.pipeline import TERMINAL_STATES
    from worker import record

    in_worker = {
        value
        for name, value in vars(record).items()
        if name in ("QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "SUPERSEDED")
    }
    assert in_worker >= TERMINAL_STATES | {"RUNNING"}
    first = re.findall(r'"state": "([A-Z]+)"', (ROOT / "lambda" / "jobs.py").read_text())
    assert first == ["QUEUED"]
    asked = re.findall(r"state, StringEquals: ([A-Z]+)", (ROOT / "infra" / "template.yaml").read_text())
    asked += re.findall(r"state\n +StringEquals: ([A-Z]+)", (ROOT / "infra" / "template.yaml").read_text())
    assert set(asked) == TERMINAL_STATES


def test_every_task_state_is_bounded_in_time(template: dict[str, Any], states: dict[str, Any]) -> None:
    assert "TimeoutSeconds" in properties(template, "StateMachine")["Definition"]
    for name, state in states.items():
        if state["Type"] == "Task":
            assert {"TimeoutSeconds", "TimeoutSecondsPath"} & set(state), name
        for retrier in state.get("Retry", []):
            assert retrier["JitterStrategy"] == "FULL", name
            assert retrier["BackoffRate"] > 1, name


def test_the_definition_holds_no_reference_and_no_null(template: dict[str, Any]) -> None:
    """In a property of type JSON, CloudFormation makes a text of a number that is referred to, and takes no null."""

    def walk(value: Any) -> None:
        assert value is not None
        if isinstance(value, dict):
            assert "Ref" not in value
            for member in value.values():
                walk(member)
        elif isinstance(value, list):
            for member in value:
                walk(member)

    walk(properties(template, "StateMachine")["Definition"])


def test_both_spellings_of_the_suffix_trigger_on_every_kind_of_creation(template: dict[str, Any]) -> None:
    triggers = properties(template, "Bucket")["NotificationConfiguration"]["LambdaConfigurations"]
    assert {trigger["Event"] for trigger in triggers} == {"s3:ObjectCreated:*"}
    suffixes = {rule["Value"] for trigger in triggers for rule in trigger["Filter"]["S3Key"]["Rules"][1:]}
    assert suffixes == {".mp4", ".MP4"}


@pytest.fixture(scope="module")
def variables() -> dict[str, str | None]:
    """What docker-compose.yml hands to the emulated account."""
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    found: dict[str, str | None] = composed["services"]["localstack"]["environment"]
    return found


def environment_name(parameter: str) -> str:
    return "STACK_" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", parameter).upper()


def test_compose_passes_on_parameters_that_the_template_has(
    template: dict[str, Any], variables: dict[str, str | None]
) -> None:
    of_the_hook = {"STACK_NAME", "STACK_PARAMETERS"}
    passed = {name for name in variables if name.startswith("STACK_")} - of_the_hook
    assert len(passed) > 3
    assert passed <= {environment_name(parameter) for parameter in template["Parameters"]}


def test_every_setting_of_compose_is_in_the_example_with_its_default(
    template: dict[str, Any], variables: dict[str, str | None]
) -> None:
    composed = (ROOT / "docker-compose.yml").read_text()
    example = dict(re.findall(r"^#([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    defaults = dict(re.findall(r"\$\{([A-Z_]+):?-?([^}]*)\}", composed))
    settable = {name for name, value in variables.items() if value is None} | set(defaults)
    assert set(example) == settable
    defaults |= {environment_name(name): str(each.get("Default")) for name, each in template["Parameters"].items()}
    for name in set(defaults) & set(example):
        assert example[name] == defaults[name], name


def tracked_files(*rooms: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *rooms],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


def test_only_the_extension_and_the_hook_know_the_emulator() -> None:
    """What is shipped to AWS, and what looks at it from outside, cannot tell where it runs."""
    rooms = tracked_files("worker", "lambda", "infra/template.yaml", "e2e", "scripts")
    assert len(rooms) > 30
    # The scripts and tests may start the emulated account, so they name its two rooms, its process, its service and
    # its log, and nothing else.
    rooms_names = re.compile(
        r"localstack_(init|fargate)|localstack\.(log|runtime\.main)|\"localstack\"|LOCALSTACK_PORT"
        r"|LocalStack's last open release"
    )
    for path in set(rooms) - {ROOT / "scripts" / "setup.sh"}:  # which installs the emulator
        text = rooms_names.sub("", path.read_text(errors="replace"))
        assert "localstack" not in text.lower(), path


def test_no_code_asks_where_it_runs() -> None:
    asking = re.compile(r"is_local|IS_LOCAL|LOCALSTACK_HOSTNAME|AWS_SAM_LOCAL|environ.*AWS_ENDPOINT_URL")
    for path in tracked_files("worker", "lambda", "infra/template.yaml"):
        if "tests" not in path.parts:
            assert not asking.search(path.read_text(errors="replace")), path
