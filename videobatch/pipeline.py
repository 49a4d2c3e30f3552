"""The pipeline as its users see it: videos go into a bucket, job records and results come out of it."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

DEFAULT_STACK = "video-batch-processing"
OUTPUTS = {
    "BucketName",
    "UploadPrefix",
    "WatermarkPrefix",
    "ResultPrefix",
    "JobPrefix",
    "StateMachineArn",
    "ClusterName",
    "FunctionName",
    "DeadLetterQueueUrl",
    "WorkerLogGroup",
}
"""What a stack of this pipeline has as outputs, at the least."""
TERMINAL_STATES = frozenset({"SUCCEEDED", "FAILED", "SUPERSEDED"})

PART_BYTES = 16 * 1024**2
TRANSFER = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4)
CONNECTIONS = 32  # as many records are read at a time at most
READ_TIMEOUT = 30  # seconds
# The function may take a minute, and is waited for by whoever invokes it himself.
READ_TIMEOUTS = {"lambda": 90}
CLIENT_CONFIG = Config(
    connect_timeout=5,
    read_timeout=READ_TIMEOUT,
    retries={"mode": "standard"},
    max_pool_connections=CONNECTIONS,
)

# As the SDK has it over TLS by itself: parts carry a checksum anyway. A signer that reads a part to hash it, in C,
# prints a traceback when an upload is stopped meanwhile. To put the parts together takes S3 minutes, at the worst.
UPLOAD_CONFIG = CLIENT_CONFIG.merge(Config(read_timeout=300, s3={"payload_signing_enabled": False}))

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
    session: boto3.Session = field(default_factory=boto3.Session)
    _clients: dict[str, Any] = field(default_factory=dict)
    _job_keys: dict[str, str] = field(default_factory=dict)
    """Version of an upload → key of its job record."""

    @classmethod
    def of_stack(cls, name: str | None = None, session: boto3.Session | None = None) -> "Pipeline":
        """Find the stack called ``name``, else ``STACK_NAME``, else the default one."""
        name = name or os.environ.get("STACK_NAME", DEFAULT_STACK)
        session = session or boto3.Session()
        stack = session.client("cloudformation", config=CLIENT_CONFIG).describe_stacks(StackName=name)["Stacks"][0]
        return cls({output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}, session)

    def client(self, service: str) -> Any:
        """The SDK's client of a service."""
        if service not in self._clients:
            own = Config(read_timeout=READ_TIMEOUTS.get(service, READ_TIMEOUT))
            self._clients[service] = self.session.client(service, config=CLIENT_CONFIG.merge(own))
        return self._clients[service]

    @cached_property
    def s3(self) -> Any:
        return self.client("s3")

    @property
    def bucket(self) -> str:
        return self.outputs["BucketName"]

    def upload_key(self, name: str) -> str:
        """The key of an upload called ``name``."""
        return self.outputs["UploadPrefix"] + name

    def upload(
        self,
        video: Path,
        name: str,
        metadata: Mapping[str, str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> str:
        """Upload a video as ``name`` below the upload prefix; large files go in parts, of which none stays on failure.

        Args:
            progress: Called with the number of bytes that have left since the last call, from several threads.

        Returns:
            The version id of the upload, by which its job is found.
        """
        target = {"Bucket": self.bucket, "Key": self.upload_key(name)}
        described = {"ContentType": "video/mp4", "Metadata": dict(metadata or {})}
        size = video.stat().st_size
        if size >= PART_BYTES:
            return self._upload_parts(video, target, described, progress)
        with video.open("rb") as body:
            version: str = self.s3.put_object(**target, **described, Body=body)["VersionId"]
        if progress:
            progress(size)
        return version

    def _upload_parts(
        self,
        video: Path,
        target: Mapping[str, str],
        described: Mapping[str, Any],
        progress: Callable[[int], None] | None,
    ) -> str:
        versions: list[str] = []

        def keep(parsed: Mapping[str, Any], **_: object) -> None:
            if "VersionId" in parsed:
                versions.append(parsed["VersionId"])

        # A transfer does not hand out which version it has made, and HeadObject may already tell of a later one.
        client = self.session.client("s3", config=UPLOAD_CONFIG)
        client.meta.events.register("after-call.s3.CompleteMultipartUpload", keep)
        client.upload_file(str(video), *target.values(), ExtraArgs=described, Callback=progress, Config=TRANSFER)
        return versions[-1]

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
