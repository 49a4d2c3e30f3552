"""Finding and listing jobs."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from videobatch import records
from videobatch.filters import State, parse_length_of_time
from videobatch.output import printable
from videobatch.pipeline import TERMINAL_STATES, JobRecord, Pipeline
from videobatch.records import Changed
from videobatch.tests.commands import Run
from worker.record import QUEUED, RUNNING, TERMINAL

Put = Callable[..., JobRecord]
ESCAPE = "\x1b"


def test_the_jobs_are_a_table_that_80_columns_hold(put_record: Put, run: Run) -> None:
    put_record("holiday-1c5c69a8c1f10d2e", "RUNNING", phase="ENCODING", percent=42.4)
    put_record(f"{'a' * 60}-1c5c69a8c1f10d2e", "FAILED", error={"code": "INSUFFICIENT_MEMORY", "message": "m"})
    listed = run("jobs")
    assert (listed.code, listed.err) == (0, "")
    assert max(map(len, listed.out.splitlines())) <= 80
    assert "encoding 42 %" in listed.out
    assert "INSUFFICIENT_MEMORY" in listed.out
    assert f"{'a' * 60}-1c5c69a8c1f10d2e" in "".join(listed.out.split())  # folded, not cut


def test_only_the_jobs_that_are_asked_for(put_record: Put, run: Run) -> None:
    put_record("a-1", "FAILED", key="acme/a.mp4")
    put_record("b-1", "FAILED", key="b.mp4")
    put_record("c-1", "SUCCEEDED", key="acme/c.mp4")

    def ids(*options: str) -> set[str]:
        return {record["job_id"] for record in run("jobs", "--json", *options).json["jobs"]}

    assert ids() == {"a-1", "b-1", "c-1"}
    assert ids("--state", "failed") == {"a-1", "b-1"}
    assert ids("-s", "FAILED", "-s", "SUCCEEDED", "--key", "acme/*") == {"a-1", "c-1"}
    assert ids("--newer-than", "1h") == {"a-1", "b-1", "c-1"}
    assert ids("--older-than", "1h") == set()


def test_the_pages_are_all_jobs_each_once(put_record: Put, run: Run) -> None:
    wanted = {put_record(f"job-{number}", "SUCCEEDED" if number % 3 else "FAILED")["job_id"] for number in range(7)}
    found: list[str] = []
    options: list[str] = []
    for _ in range(3):
        page = run("jobs", "--json", "-n", "3", *options).json
        found += [record["job_id"] for record in page["jobs"]]
        options = ["--before", page["next"]]
    assert page["next"] is None
    assert len(found) == 7
    assert set(found) == wanted


def test_no_page_follows_one_that_holds_all(put_record: Put, run: Run) -> None:
    put_record("a-1")
    put_record("b-1", "FAILED")
    assert run("jobs", "--json", "-n", "1", "-s", "failed").json["next"] is None


def test_a_job_is_found_by_the_beginning_of_its_id(put_record: Put, run: Run) -> None:
    for name in ("holiday-1", "holiday-10", "home-2"):
        put_record(name, "FAILED", error={"code": "NO_VIDEO_STREAM", "message": "No picture.", "hint": "Use another."})
    assert run("fetch", "hom").err.startswith("videobatch: The job home-2 is FAILED and has no result.")
    assert "The job holiday-1 is" in run("fetch", "holiday-1").err  # the whole id of one is no shortened other
    several = run("fetch", "holi")
    assert (several.code, several.out) == (3, "")
    assert "holiday-1, holiday-10" in several.err
    assert run("fetch", "none").code == 3


@pytest.mark.parametrize("state", ["RUNNING", "FAILED"])
def test_what_a_killed_worker_may_have_left_is_told_of_a_job_that_has_ended(
    state: str, put_record: Put, run: Run
) -> None:
    put_record("a-1", state, multipart_upload="b3c")
    told = run("show", "a-1")
    assert (told.code, "Parts of a result may lie in the bucket" in told.out) == (0, state == "FAILED")


def test_a_job_without_a_log_is_told(put_record: Put, run: Run) -> None:
    put_record("a-1", "QUEUED")
    assert "has written anything yet" in run("logs", "a-1").err
    assert run("logs", "a-1", "--json").out == ""


def test_what_is_no_record_stops_nobody(pipeline: Pipeline, put_record: Put, run: Run) -> None:
    put_record("a-1")
    for number, body in enumerate((b"", b"[]", b"\xff{")):
        pipeline.s3.put_object(Bucket=pipeline.bucket, Key=f"jobs/broken-{number}.json", Body=body)
    listed = run("jobs")
    assert (listed.code, listed.out.count("UNREADABLE")) == (0, 3)


def test_of_two_who_change_a_record_one_is_told(pipeline: Pipeline, put_record: Put) -> None:
    put_record("a-1", "FAILED")
    found = records.read(pipeline, "a-1")
    assert found is not None
    records.replace(pipeline, *found, {"state": "QUEUED"})
    with pytest.raises(Changed):
        records.replace(pipeline, *found, {"state": "FAILED"})
    again = records.read(pipeline, "a-1")
    assert again is not None
    assert again[0]["state"] == "QUEUED"


def test_a_strangers_text_does_not_drive_the_terminal(put_record: Put, run: Run) -> None:
    put_record("a-1", "FAILED", error={"code": f"C{ESCAPE}[2J", "message": "m", "hint": "h"})
    listed = run("jobs")
    assert ESCAPE not in listed.out
    assert "\\x1b[2J" in listed.out
    assert printable("é 🎬\r\n") == "é 🎬\\r\n"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7200), ("3 d", 259200), ("999999d", 999999 * 86400)]
)
def test_a_length_of_time_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert parse_length_of_time(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "2", "h", "-1h", "1.5h", "2w", "1h30m"])
def test_what_is_no_length_of_time_is_refused(text: str, run: Run) -> None:
    refused = run("jobs", f"--newer-than={text}")
    assert refused.code == 2
    assert "write 90s, 15m, 2h or 3d" in " ".join(refused.err.replace("│", " ").split())


def test_the_states_are_the_workers_words() -> None:
    assert set(State) == {QUEUED, RUNNING, *TERMINAL}
    assert set(TERMINAL) == TERMINAL_STATES
