"""The conformance table: what the tests marked ``conformance`` say about the emulation, and whether each launcher does.

A test is a row by ``@pytest.mark.conformance("RunTask", "A client token used twice starts its tasks once")``; a case of
a parametrised test by the same mark on its ``pytest.param``. Tests of one text are one row. ``wording="unverified"``
says that an error's code is tested, and that no source was found for AWS's own words.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

NOT_RUN = "not run"
WITHOUT = "no launcher"  # the column of tests that no launcher has a part in
PROPERTY = "conformance"
OPTION = "--conformance-table"
DEFAULT_FILE = Path(__file__).parents[1] / "CONFORMANCE.md"
HEAD = """# Conformance

What the emulation does as AWS does, with containers as processes and in Docker. Each row is a test, which ran against
an emulator through its API; what does not depend on the launcher ran with one, or without any. This table is written by
`pytest localstack_fargate/tests --conformance-table`.

"wording unverified": no source was found that quotes AWS in this case; the code is the API reference's, the text is in
AWS's style.
"""


@dataclass
class Row:
    """One behaviour: the outcomes of the tests that show it, by launcher. ``position`` is that of the first one.

    A launcher without an outcome is one that a test was collected for, and has not run with.
    """

    unverified: bool
    position: int
    outcomes: dict[str, set[str]] = field(default_factory=dict)

    def result(self, launcher: str) -> str:
        """Pass only if all of its tests passed; a dash if none of them is about the launcher."""
        if launcher not in self.outcomes:
            return "–"
        return next((each for each in ("failed", "skipped", "passed") if each in self.outcomes[launcher]), NOT_RUN)

    def passed(self) -> bool:
        """Whether it passed wherever it ran."""
        return bool(self.outcomes) and all(self.result(launcher) == "passed" for launcher in self.outcomes)


class ConformanceTable:
    """A pytest plug-in that collects the rows of a run and writes them when it ends.

    What a test says is in its reports, and so comes from all processes of a parallel run to the one that writes.
    """

    def __init__(self, file: Path, is_writer: bool) -> None:
        self._file = file
        self._is_writer = is_writer
        self._areas: dict[str, dict[str, Row]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for position, item in enumerate(session.items):
            for mark in item.iter_markers("conformance"):
                area, text = mark.args
                unverified = mark.kwargs.get("wording") == "unverified"
                launcher = _launcher(item)
                self._row(area, text, unverified, position).outcomes.setdefault(launcher, set())
                item.user_properties.append((PROPERTY, [area, text, unverified, position, launcher]))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.outcome == "passed":
            return
        for name, value in report.user_properties:
            if name == PROPERTY:
                area, text, unverified, position, launcher = cast("tuple[str, str, bool, int, str]", value)
                self._row(area, text, unverified, position).outcomes.setdefault(launcher, set()).add(report.outcome)

    def pytest_sessionfinish(self) -> None:
        if self._is_writer:
            self._file.write_text("\n".join([HEAD, *self._lines()]))

    def _row(self, area: str, text: str, unverified: bool, position: int) -> Row:
        row = self._areas.setdefault(area, {}).setdefault(text, Row(unverified=False, position=position))
        row.unverified |= unverified
        row.position = min(row.position, position)
        return row

    def _lines(self) -> Iterable[str]:
        rows = [row for area in self._areas.values() for row in area.values()]
        shown = {launcher for row in rows for launcher in row.outcomes}
        launchers = [*sorted(shown - {WITHOUT}, reverse=True), *sorted(shown & {WITHOUT})]
        yield f"{sum(row.passed() for row in rows)} of {len(rows)} rows passed.\n"
        for area in sorted(self._areas, key=str.lower):
            yield f"## {area}\n"
            yield _line("behaviour", *launchers)
            yield _line("---", *["---"] * len(launchers))
            for text, row in sorted(self._areas[area].items(), key=_order):
                remark = " (wording unverified)" if row.unverified else ""
                yield _line(text + remark, *[row.result(launcher) for launcher in launchers])
            yield ""


def _order(item: tuple[str, Row]) -> tuple[bool, int]:
    text, row = item
    return text.startswith("Refused: "), row.position


def _launcher(item: pytest.Item) -> str:
    callspec = getattr(item, "callspec", None)
    launcher = callspec.params.get("launcher") if callspec else None
    return launcher if isinstance(launcher, str) else WITHOUT


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def refused(area: str, text: str, code: str, message: str | None = None, **request: Any) -> Any:
    """A row for parameters that ECS refuses; without a message AWS's wording is unverified.

    Gives a test the arguments ``request``, ``code`` and ``message``.
    """
    wording = None if message else "unverified"
    mark = pytest.mark.conformance(area, f"Refused: {text} (`{code}`)", wording=wording)
    return pytest.param(request, code, message, id=text.replace(" ", "-"), marks=mark)


def check_refusal(operation: Callable[..., Any], request: dict[str, Any], code: str, message: str | None) -> None:
    """Assert that the operation answers with HTTP status 400, the code, and the message (or, if None, any).

    A full stop at the end makes no difference: sources tend to quote without it.
    """
    with pytest.raises(ClientError) as caught:
        operation(**request)
    answer = caught.value.response
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (400, code), answer["Error"]
    assert answer["Error"]["Message"]
    assert message is None or message.rstrip(".") == answer["Error"]["Message"].rstrip(".")
