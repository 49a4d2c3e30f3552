import pytest

from worker import settings as names
from worker.errors import ConfigurationInvalid
from worker.settings import from_environment

ENVIRONMENT = {
    names.BUCKET: "bucket",
    names.UPLOAD_PREFIX: "unprocessed-vdeos/",
    names.WATERMARK_PREFIX: "watermarks/",
    names.RESULT_PREFIX: "processed-videos/",
    names.JOB_PREFIX: "jobs/",
    names.JOB_ID: "a-0123456789abcdef",
    names.SOURCE_KEY: "unprocessed-vdeos/b é/ %2B+.MP4",
    names.SOURCE_VERSION_ID: "v1",
    names.SOURCE_ETAG: '"etag"',
    names.ATTEMPT: "2",
    names.PROFILE: "best",
}


def test_the_keys_follow_from_the_prefixes() -> None:
    settings = from_environment(ENVIRONMENT)
    assert settings.output_key == "processed-videos/b é/ %2B+.MP4"
    assert settings.record_key == "jobs/a-0123456789abcdef.json"
    assert (settings.source_version_id, settings.source_etag, settings.attempt) == ("v1", "etag", 2)


@pytest.mark.parametrize("version", ["", "null"])
def test_an_unversioned_upload_is_pinned_by_its_etag(version: str) -> None:
    assert from_environment(ENVIRONMENT | {names.SOURCE_VERSION_ID: version}).source_version_id is None
    with pytest.raises(ConfigurationInvalid, match=names.SOURCE_ETAG):
        from_environment(ENVIRONMENT | {names.SOURCE_VERSION_ID: version, names.SOURCE_ETAG: ""})


@pytest.mark.parametrize(
    "name", [name for name in ENVIRONMENT if name not in (names.SOURCE_VERSION_ID, names.SOURCE_ETAG)]
)
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=name):
        from_environment({key: value for key, value in ENVIRONMENT.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (names.ATTEMPT, "0"),
        (names.ATTEMPT, "first"),
        (names.JOB_ID, "../other"),
        (names.SOURCE_KEY, "processed-videos/a.mp4"),
        (names.SOURCE_KEY, "unprocessed-vdeos/"),
        (names.RESULT_PREFIX, "processed-videos"),
        (names.JOB_PREFIX, "/jobs/"),
        (names.PROFILE, "slow"),
    ],
)
def test_an_invalid_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=name):
        from_environment(ENVIRONMENT | {name: value})
