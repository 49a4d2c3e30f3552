from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from worker.errors import ConfigurationInvalid, StorageUnavailable
from worker.storage import MEBIBYTE, Conflict, Missing, Storage


@pytest.fixture
def storage(bucket: str) -> Storage:
    return Storage(bucket)


def ignore(_done: float) -> None:
    pass


def test_an_object_that_is_not_there(storage: Storage, tmp_path: Path) -> None:
    assert storage.head("none") is None
    with pytest.raises(Missing):
        storage.read("none", 10)
    with pytest.raises(Missing):
        storage.download("none", None, "etag", tmp_path / "file", ignore)


def test_a_record_is_written_only_over_what_was_seen(storage: Storage) -> None:
    first = storage.put_json("key", b"1", None)
    with pytest.raises(Conflict):
        storage.put_json("key", b"2", None)
    second = storage.put_json("key", b"3", first)
    with pytest.raises(Conflict):
        storage.put_json("key", b"4", first)
    assert storage.read("key", 10) == (b"3", second)


def test_reads_are_pinned_to_the_version(storage: Storage, s3: Any, bucket: str, tmp_path: Path) -> None:
    old = s3.put_object(Bucket=bucket, Key="key", Body=b"old")
    s3.put_object(Bucket=bucket, Key="key", Body=b"newer")
    arrived: list[float] = []
    storage.download("key", old["VersionId"], old["ETag"].strip('"'), tmp_path / "file", arrived.append)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert arrived == [3]
    with pytest.raises(Missing):
        storage.download("key", None, old["ETag"].strip('"'), tmp_path / "file", ignore)


def test_a_deleted_object_is_missing(storage: Storage, s3: Any, bucket: str) -> None:
    version = s3.put_object(Bucket=bucket, Key="key", Body=b"1")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="key")
    assert storage.head("key") is None
    assert storage.head("key", version) is not None


@pytest.mark.parametrize("single_put_bytes", [64 * MEBIBYTE, MEBIBYTE])
def test_a_file_is_published_whole_with_type_and_metadata(
    storage: Storage, s3: Any, bucket: str, tmp_path: Path, single_put_bytes: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 80_000)  # 20 MB: two parts
    sent: list[float] = []
    storage.put_file("key", path, {"job-id": "a"}, None, sent.append, single_put_bytes)
    # The server of these tests computes a multipart upload's checksum over its parts where it was asked for the whole.
    s3 = boto3.client("s3", config=Config(response_checksum_validation="when_required"))
    answer = s3.get_object(Bucket=bucket, Key="key")
    assert answer["Body"].read() == path.read_bytes()
    assert (answer["ContentType"], answer["Metadata"]) == ("video/mp4", {"job-id": "a"})
    assert sent[-1] == path.stat().st_size
    with pytest.raises(Conflict):
        storage.put_file("key", path, {}, None, ignore, single_put_bytes)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_a_large_file_reports_part_by_part(storage: Storage, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(40 * MEBIBYTE))
    sent: list[float] = []
    storage.put_file("key", path, {}, None, sent.append)
    assert sent == [16 * MEBIBYTE, 32 * MEBIBYTE, 40 * MEBIBYTE]


def test_a_multipart_upload_that_fails_is_aborted(storage: Storage, s3: Any, bucket: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(20 * MEBIBYTE))

    def stop(_sent: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        storage.put_file("key", path, {}, None, stop, MEBIBYTE)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert storage.head("key") is None


@pytest.mark.usefixtures("s3")
def test_a_bucket_that_does_not_exist_is_a_matter_of_configuration() -> None:
    with pytest.raises(ConfigurationInvalid, match="no such bucket"):
        Storage("no-such-bucket").read("key", 10)


@pytest.mark.usefixtures("s3")
def test_a_server_that_does_not_answer_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    client = boto3.client("s3", config=Config(connect_timeout=1, retries={"total_max_attempts": 1}))
    with pytest.raises(StorageUnavailable):
        Storage("bucket", client).head("key")
