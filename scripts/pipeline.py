"""The pipeline as its users see it: videos go into a bucket, job records and results come out of it."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig

DEFAULT_STACK = "video-batch-processing"
TERMINAL_STATES = frozenset({"SUCCEEDED", "FAILED", "SUPERSEDED"})

PART_BYTES = 64 * 1024**2

JobRecord = dict[str, Any]
"""The content of ``jobs/<job id>.json``."""


class JobNotFinished(TimeoutError):
    """A job did not reach a terminal state in time."""

    def __init__(self, version_id: str, record: JobRecord | None, seconds: float) -> None:
        self.record = record
        seen = json.dumps(record, indent=2, ensure_ascii=False) if record else "no job record"
        super().__init__(f"upload {version_id} is not finished after {seconds:.0f} s; last seen: {seen}")


@dataclass
class Pipeline:
    """One deployed stack. Where it is comes from the SDK's own environment, its layout from the stack's outputs."""

    outputs: dict[str, str]
    s3: Any = field(default_factory=lambda: boto3.client("s3"))
    _job_keys: dict[str, str] = field(default_factory=dict)
    """Version of an upload → key of its job record."""

    @classmethod
    def of_stack(cls, name: str | None = None) -> "Pipeline":
        """Find the stack called ``name``, else ``STACK_NAME``, else the default one."""
        name = name or os.environ.get("STACK_NAME", DEFAULT_STACK)
        stack = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return cls({output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]})

    @property
    def bucket(self) -> str:
        return self.outputs["BucketName"]

    def upload(self, video: Path, name: str, metadata: dict[str, str] | None = None) -> str:
        """Upload a video as ``name`` below the upload prefix; large files go in parts.

        Returns:
            The version id of the upload, by which its job is found.
        """
        target = {"Bucket": self.bucket, "Key": self.outputs["UploadPrefix"] + name}
        described = {"ContentType": "video/mp4", "Metadata": metadata or {}}
        version: str
        if video.stat().st_size < PART_BYTES:
            with video.open("rb") as body:
                version = self.s3.put_object(**target, **described, Body=body)["VersionId"]
        else:
            self.s3.upload_file(
                str(video), *target.values(), ExtraArgs=described, Config=TransferConfig(multipart_threshold=PART_BYTES)
            )
            version = self.s3.head_object(**target)["VersionId"]  # a transfer in parts does not hand it out
        return version

    def put_watermark(self, file: Path, name: str) -> None:
        """Store a watermark's image or JSON as ``name`` below the watermark prefix."""
        self.s3.upload_file(str(file), self.bucket, self.outputs["WatermarkPrefix"] + name)

    def put_watermark_document(self, document: dict[str, Any], name: str) -> None:
        """Store a watermark's settings as the JSON ``name`` below the watermark prefix."""
        self.s3.put_object(
            Bucket=self.bucket, Key=self.outputs["WatermarkPrefix"] + name, Body=json.dumps(document).encode()
        )

    def records(self) -> Iterator[JobRecord]:
        """All job records, in no particular order."""
        for key in self._keys(self.outputs["JobPrefix"]):
            yield self._read_record(key)

    def record_of(self, version_id: str) -> JobRecord | None:
        """The job record of an upload, or None while there is none."""
        if version_id not in self._job_keys:
            known = set(self._job_keys.values())
            for key in self._keys(self.outputs["JobPrefix"]):
                if key not in known:
                    self._job_keys[self._read_record(key)["source"]["version_id"]] = key
        found = self._job_keys.get(version_id)
        return self._read_record(found) if found else None

    def follow(self, version_id: str, *, timeout: float, poll: float = 0.5) -> Iterator[JobRecord]:
        """Yield the record of an upload each time it has changed, and end with its terminal state.

        Args:
            version_id: the upload, as ``upload`` returned it.
            timeout: seconds to wait for the end.
            poll: seconds between two looks.

        Raises:
            JobNotFinished: the time is over; it carries the last record seen.
        """
        deadline = time.monotonic() + timeout
        record = None
        while True:
            now = self.record_of(version_id)
            if now and now != record:
                record = now
                yield record
            if record and record["state"] in TERMINAL_STATES:
                return
            if time.monotonic() > deadline:
                raise JobNotFinished(version_id, record, timeout)
            time.sleep(poll)

    def result_key(self, name: str) -> str:
        """The key under which the result of the upload ``name`` appears."""
        return self.outputs["ResultPrefix"] + name

    def result_names(self) -> list[str]:
        """The names of all results, relative to their prefix."""
        prefix = self.outputs["ResultPrefix"]
        return [key.removeprefix(prefix) for key in self._keys(prefix)]

    def fetch(self, name: str, target: Path) -> None:
        """Download the result of the upload ``name``."""
        self.s3.download_file(self.bucket, self.result_key(name), str(target))

    def _keys(self, prefix: str) -> Iterator[str]:
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                yield entry["Key"]

    def _read_record(self, key: str) -> JobRecord:
        record: JobRecord = json.load(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"])
        return record
