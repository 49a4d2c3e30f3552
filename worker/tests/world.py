"""A bucket in which a test plays uploader, earlier attempt, other job and state machine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker import settings as names
from worker.job import Job
from worker.settings import from_environment
from worker.storage import Storage

KEY = "unprocessed-vdeos/acme/b é +%2B.mp4"
OUTPUT = "processed-videos/acme/b é +%2B.mp4"
RECORD = "jobs/b-0123456789abcdef.json"


@dataclass
class World:
    """A bucket with a watermark, and what a test does in it."""

    s3: Any
    bucket: str
    folder: Path

    def put(self, key: str, body: bytes, **more: Any) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **more)
        return answer

    def get(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def upload(self, body: bytes, **metadata: str) -> dict[str, str]:
        """Upload the source and return the environment of its job."""
        answer = self.put(KEY, body, Metadata={name.replace("_", "-"): value for name, value in metadata.items()})
        return {
            names.BUCKET: self.bucket,
            names.UPLOAD_PREFIX: "unprocessed-vdeos/",
            names.WATERMARK_PREFIX: "watermarks/",
            names.RESULT_PREFIX: "processed-videos/",
            names.JOB_PREFIX: "jobs/",
            names.JOB_ID: "b-0123456789abcdef",
            names.SOURCE_KEY: KEY,
            names.SOURCE_VERSION_ID: answer.get("VersionId", ""),
            names.SOURCE_ETAG: answer["ETag"].strip('"'),
            names.ATTEMPT: "1",
            names.PROFILE: "balanced",
        }

    def run(self, environment: Mapping[str, str]) -> int:
        code = Job(from_environment(environment), Storage(self.bucket), self.folder).run()
        assert list(self.folder.iterdir()) == [], "the temporary folder is left behind"
        return code

    @property
    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self.get(RECORD))
        return record

    def keys(self, prefix: str) -> list[str]:
        answer = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for entry in answer.get("Contents", [])]
