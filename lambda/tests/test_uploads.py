"""Which records are uploads, and under which key."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads import MalformedRecord, parse_record, reason_to_ignore

EVENTS = Path(__file__).parent / "events"
BUCKET = "video-batch-processing-bucket"
PREFIX = "unprocessed-vdeos/"
OTHERS = ("processed-videos/", "unprocessed-vdeos/done/", "jobs/")

# S3 takes any Unicode text as a key; lone surrogates are not text.
keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


def record_of(name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((EVENTS / name).read_text())["Records"][0]
    return record


@pytest.mark.parametrize(
    ("event", "key"),
    [
        ("put.json", "unprocessed-vdeos/acme/Holiday at the sea.mp4"),
        ("plus_in_key.json", "unprocessed-vdeos/a+b c%2Bd.mp4"),
        ("unicode.json", "unprocessed-vdeos/café 🎬.mp4"),
    ],
)
def test_the_key_is_decoded_exactly_once(event: str, key: str) -> None:
    assert parse_record(record_of(event)).key == key


@given(keys)
@pytest.mark.parametrize("encode", [quote_plus, quote])  # AWS writes + for a space, some emulators %20
def test_every_key_survives_encoding(encode: Any, key: str) -> None:
    record = record_of("put.json")
    record["s3"]["object"]["key"] = encode(key)
    assert parse_record(record).key == key


def test_a_multipart_upload_and_an_unversioned_bucket_are_understood() -> None:
    assert parse_record(record_of("multipart.json")).etag.endswith("-3")
    assert parse_record(record_of("unversioned.json")).version_id is None


@pytest.mark.parametrize("broken", [{}, {"s3": {}}, {"s3": None}, {"s3": {"bucket": {"name": "b"}, "object": {}}}])
def test_a_malformed_record_is_said_to_be_one(broken: dict[str, Any]) -> None:
    with pytest.raises(MalformedRecord):
        parse_record(broken)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("unprocessed-vdeos/a.mp4", None),
        ("unprocessed-vdeos/a.MP4", None),
        ("unprocessed-vdeos/folder/", "a folder marker"),
        ("unprocessed-vdeos/folder.mp4/", "a folder marker"),
        ("unprocessed-vdeos/a.mov", "not a .mp4 file"),
        ("processed-videos/a.mp4", "not under the upload prefix"),
        ("jobs/a.mp4", "not under the upload prefix"),
        ("unprocessed-vdeos/done/a.mp4", "under the prefix of something else"),
    ],
)
def test_only_videos_under_the_upload_prefix_count(key: str, reason: str | None) -> None:
    record = record_of("put.json")
    record["s3"]["object"]["key"] = quote_plus(key)
    assert reason_to_ignore(record, parse_record(record), BUCKET, PREFIX, OTHERS) == reason


def test_deletions_and_other_buckets_are_ignored() -> None:
    deleted = record_of("delete.json")
    assert reason_to_ignore(deleted, parse_record(deleted), BUCKET, PREFIX, OTHERS) == "not a created object"
    put = record_of("put.json")
    assert reason_to_ignore(put, parse_record(put), "another-bucket", PREFIX, OTHERS) == "another bucket"
