"""The environment variables that a function sees: those that Lambda documents, and nothing of the emulator's own."""

import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

# LocalStack needs these for its own init binary. On AWS they do not exist, so function code must not find them here.
_EMULATOR_PREFIX = "LOCALSTACK_"
_EMULATOR_NAMES = frozenset({"EDGE_PORT"})


def child_environment(
    given: Mapping[str, object],
    configured: Mapping[str, object],
    *,
    runtime: str,
    code: Path,
    private: Path,
) -> dict[str, str]:
    """Build the whole environment of a function's process.

    :param given: LocalStack's variables for this execution environment; some values are numbers
    :param configured: the function's own variables, which are kept whatever their names
    :param runtime: the function's runtime, such as ``python3.13``
    :param code: the unzipped package
    :param private: a directory of this execution environment alone, for temporary files and as the home directory: in
        the real one the SDK would find the credentials of whoever runs the emulator
    """
    kept = {name: str(value) for name, value in given.items() if name in configured or not _of_the_emulator(name)}
    defaults = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(private),
        "TMPDIR": str(private),
    }
    reserved = {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
        "LAMBDA_TASK_ROOT": str(code),
        "LAMBDA_RUNTIME_DIR": sysconfig.get_path("purelib"),
    }
    return defaults | kept | reserved


def _of_the_emulator(name: str) -> bool:
    return name.startswith(_EMULATOR_PREFIX) or name in _EMULATOR_NAMES
