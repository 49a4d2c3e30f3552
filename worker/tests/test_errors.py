import re

from worker.errors import (
    CorruptInput,
    InsufficientMemory,
    InternalError,
    PermanentError,
    TaskTooSmall,
    TransientError,
    all_errors,
    from_code,
    markdown_table,
)


def test_each_error_has_its_own_code_and_exit_code() -> None:
    errors = list(all_errors())
    assert len({error.code for error in errors}) == len(errors)
    assert len({error.exit_code for error in errors}) == len(errors)


def test_exit_codes_tell_permanent_from_transient() -> None:
    for error in all_errors():
        assert issubclass(error, TransientError if error.retryable else PermanentError)
        assert error.exit_code in (range(40, 70) if error.retryable else range(10, 40))
        assert issubclass(error, TaskTooSmall) == (error.exit_code in range(20, 30))


def test_each_error_says_in_one_sentence_what_happened_and_what_to_do() -> None:
    for error in all_errors():
        for sentence in (error.message, error.hint):
            assert sentence.endswith(".")
            assert "\n" not in sentence


def test_hints_are_true_of_the_last_attempt_too() -> None:
    for error in all_errors():
        assert "tried again" not in error.hint
        assert not error.retryable or ("failed for good" in error.hint and "upload the video again" in error.hint)


def test_hints_for_files_know_no_upload_no_task_and_no_log() -> None:
    only_in_the_pipeline = {"ACCESS_DENIED", "STORAGE_UNAVAILABLE", "CANCELLED", "INSUFFICIENT_CPU"}
    told_with_particulars = {"WATERMARK_NOT_FOUND", "SOURCE_GONE"}  # worker/local.py
    for error in all_errors():
        if error.code not in only_in_the_pipeline | told_with_particulars:
            assert not re.search("upload|pipeline|attempt|the log|ephemeral", error().hint_for_files(), re.IGNORECASE)


def test_a_particular_hint_is_the_hint_for_files_too() -> None:
    assert CorruptInput("What happened.", "What to do.").hint_for_files() == "What to do."


def test_an_error_survives_the_way_through_its_record() -> None:
    for error in all_errors():
        again = from_code(error.code, "What happened.", "What to do.")
        assert type(again) is error
        assert again.as_record() == {
            "code": error.code,
            "message": "What happened.",
            "hint": "What to do.",
            "retryable": error.retryable,
        }


def test_how_much_memory_is_wanted_survives_it_too() -> None:
    again = from_code("INSUFFICIENT_MEMORY", "What happened.", "What to do.", 1180)
    assert isinstance(again, InsufficientMemory)
    assert again.as_record()["memory_mb"] == 1180


def test_an_unknown_code_is_an_internal_error() -> None:
    assert isinstance(from_code("NO_SUCH_CODE"), InternalError)


def test_the_tree_in_the_docstring_and_the_table_are_complete() -> None:
    from worker import errors

    for error in all_errors():
        assert f"{error.__name__} " in (errors.__doc__ or "")
        assert error.code in (errors.__doc__ or "")
        assert f"| `{error.code}` | {error.exit_code} |" in markdown_table()
