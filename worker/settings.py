"""The worker's settings: names of environment variables and the bucket's layout, defined here and only here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from worker.engine.profiles import PROFILES
from worker.errors import ConfigurationInvalid

# From the task definition.
BUCKET = "BUCKET"
UPLOAD_PREFIX = "UPLOAD_PREFIX"
WATERMARK_PREFIX = "WATERMARK_PREFIX"
RESULT_PREFIX = "RESULT_PREFIX"
JOB_PREFIX = "JOB_PREFIX"
PROFILE = "PROFILE"
TASK_TIMEOUT_SECONDS = "TASK_TIMEOUT_SECONDS"
MAX_TASK_MEMORY = "MAX_TASK_MEMORY"
# From whoever starts the task, for this one job.
JOB_ID = "JOB_ID"
SOURCE_KEY = "SOURCE_KEY"
SOURCE_VERSION_ID = "SOURCE_VERSION_ID"
SOURCE_ETAG = "SOURCE_ETAG"
ATTEMPT = "ATTEMPT"
# From ECS itself.
ECS_METADATA_URI = "ECS_CONTAINER_METADATA_URI_V4"

UNVERSIONED = ("", "null")  # "null" is how S3 names the version of an object written without versioning
_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


@dataclass(frozen=True)
class Settings:
    """One job and where its things lie.

    Attributes:
        source_version_id: None where the bucket has no versions; reads are then pinned by the ETag.
        source_etag: Without quotes; may be empty if there is a version id.
        attempt: 1 for the first.
        profile: What uploads get that ask for no other.
        task_timeout_seconds: What an attempt may take; None where nobody waits for it.
        max_task_memory: MB of the largest task that the job may be moved to; None where it cannot be moved.
    """

    bucket: str
    upload_prefix: str
    watermark_prefix: str
    result_prefix: str
    job_prefix: str
    job_id: str
    source_key: str
    source_version_id: str | None
    source_etag: str
    attempt: int
    profile: str
    ecs_metadata_uri: str | None = None
    task_timeout_seconds: int | None = None
    max_task_memory: int | None = None

    @property
    def relative_key(self) -> str:
        """The source's key below the upload prefix."""
        return self.source_key.removeprefix(self.upload_prefix)

    @property
    def output_key(self) -> str:
        return self.result_prefix + self.relative_key

    @property
    def record_key(self) -> str:
        return f"{self.job_prefix}{self.job_id}.json"


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Return the settings of `video-worker run`.

    Raises:
        ConfigurationInvalid: The sentence names the variable.
    """
    settings = Settings(
        bucket=_required(environment, BUCKET),
        upload_prefix=_prefix(environment, UPLOAD_PREFIX),
        watermark_prefix=_prefix(environment, WATERMARK_PREFIX),
        result_prefix=_prefix(environment, RESULT_PREFIX),
        job_prefix=_prefix(environment, JOB_PREFIX),
        job_id=_required(environment, JOB_ID),
        source_key=_required(environment, SOURCE_KEY),
        source_version_id=_version_id(environment),
        source_etag=environment.get(SOURCE_ETAG, "").strip('"'),
        attempt=_positive(environment, ATTEMPT),
        profile=_profile(environment),
        ecs_metadata_uri=environment.get(ECS_METADATA_URI) or None,
        task_timeout_seconds=_positive(environment, TASK_TIMEOUT_SECONDS)
        if TASK_TIMEOUT_SECONDS in environment
        else None,
        max_task_memory=_positive(environment, MAX_TASK_MEMORY) if MAX_TASK_MEMORY in environment else None,
    )
    if not _JOB_ID.fullmatch(settings.job_id):
        raise ConfigurationInvalid(f"{JOB_ID} is no job id: {settings.job_id!r}.")
    if settings.relative_key in ("", settings.source_key):
        raise ConfigurationInvalid(f"{SOURCE_KEY} does not lie under {UPLOAD_PREFIX} ({settings.upload_prefix}).")
    if settings.source_version_id is None and not settings.source_etag:
        raise ConfigurationInvalid(f"Neither {SOURCE_VERSION_ID} nor {SOURCE_ETAG} says which upload is meant.")
    return settings


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise ConfigurationInvalid(f"The environment variable {name} is not set.")
    return value


def _prefix(environment: Mapping[str, str], name: str) -> str:
    value = _required(environment, name)
    if not value.endswith("/") or value.startswith("/"):
        raise ConfigurationInvalid(f"{name} must end with a slash and not begin with one: {value!r}.")
    return value


def _profile(environment: Mapping[str, str]) -> str:
    value = _required(environment, PROFILE)
    if value not in PROFILES:
        raise ConfigurationInvalid(f"{PROFILE} is none of {', '.join(PROFILES)}: {value!r}.")
    return value


def _version_id(environment: Mapping[str, str]) -> str | None:
    value = environment.get(SOURCE_VERSION_ID, "")
    return None if value in UNVERSIONED else value


def _positive(environment: Mapping[str, str], name: str) -> int:
    value = _required(environment, name)
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        raise ConfigurationInvalid(f"{name} must be a number from 1 on: {value!r}.")
    return int(value)
