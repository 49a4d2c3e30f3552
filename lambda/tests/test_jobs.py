"""What a job is called."""

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from jobs import job_id
from uploads import Upload

UPLOAD = Upload("bucket", "unprocessed-vdeos/Holiday at the Sea.mp4", "v1", "etag", 10, "01")
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)


def test_the_name_is_a_slug_and_a_digest() -> None:
    assert re.fullmatch(r"holiday-at-the-sea-[0-9a-f]{16}", job_id(UPLOAD))
    assert re.fullmatch(r"cafe-[0-9a-f]{16}", job_id(replace(UPLOAD, key="unprocessed-vdeos/café 🎬.mp4")))
    assert re.fullmatch(r"video-[0-9a-f]{16}", job_id(replace(UPLOAD, key="unprocessed-vdeos/🎬.mp4")))


@given(texts)
def test_every_key_gives_a_name_that_step_functions_takes(key: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,80}", job_id(replace(UPLOAD, key=key)))


def test_the_same_upload_always_has_the_same_name() -> None:
    again = replace(UPLOAD, etag="other", size=11, sequencer="02")  # S3 may tell these differently; the version decides
    assert job_id(again) == job_id(UPLOAD)


def test_another_version_key_or_bucket_is_another_job() -> None:
    others = [
        replace(UPLOAD, version_id="v2"),
        replace(UPLOAD, key="unprocessed-vdeos/x.mp4"),
        replace(UPLOAD, bucket="b"),
    ]
    assert len({job_id(upload) for upload in [UPLOAD, *others]}) == 4


def test_without_versioning_content_size_and_sequencer_decide() -> None:
    for absent in (None, "null"):
        plain = replace(UPLOAD, version_id=absent)
        others = [replace(plain, etag="e2"), replace(plain, size=11), replace(plain, sequencer="02")]
        longer = replace(plain, sequencer=f"{plain.sequencer}0")  # S3 does not promise that they are equally long
        assert len({job_id(upload) for upload in [plain, longer, *others]}) == 5
