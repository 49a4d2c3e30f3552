"""What the table counts is found if it is there: else its zeros would say nothing."""

from pathlib import Path

from e2e.conftest import WaitForJob
from e2e.faults.nothing_left import Findings, Upload, look
from e2e.inspection import status_at_the_end
from e2e.targets import Target
from videobatch.pipeline import Pipeline


def test_what_is_lost_or_half_or_left_is_found(
    pipeline: Pipeline, target: Target, clip: Path, wait_for_job: WaitForJob
) -> None:
    name = "wrong.mp4"
    version_id = pipeline.upload(clip, name)
    job_id = wait_for_job(version_id)["job_id"]
    status_at_the_end(pipeline, job_id)
    result = {"Bucket": pipeline.bucket, "Key": pipeline.result_key(name)}

    def found() -> Findings:
        return look(pipeline, target, [Upload(name, version_id, clip)])

    def replace(content: bytes, job_id: str = job_id) -> Findings:
        pipeline.s3.put_object(**result, Body=content, Metadata={"job-id": job_id})
        return found()

    assert found() == Findings(1, (), (), ())

    bare = replace(clip.read_bytes())
    assert (bare.outputs, bare.partial) == (0, (f"{name}: the result bears no mark",))
    assert bare.leftovers == (f"{name}: written 2 times by 1 jobs",)
    assert "cannot be decoded" in replace(clip.read_bytes()[:1000]).partial[0]
    assert replace(clip.read_bytes(), "another").partial == (f"{name}: the result is of no job that succeeded",)

    pipeline.s3.delete_object(**result)
    assert found().lost == (f"{name}: succeeded, but there is no result",)

    started = pipeline.s3.create_multipart_upload(**result)
    assert f"{name}: multipart upload {started['UploadId']}" in found().leftovers
    pipeline.s3.abort_multipart_upload(**result, UploadId=started["UploadId"])

    untold = Upload("untold.mov", pipeline.upload(clip, "untold.mov"), clip)  # a name that starts no job
    assert look(pipeline, target, [untold]).lost == ("untold.mov: its records are none",)
    pipeline.s3.put_object(**result | {"Key": pipeline.result_key(untold.name)}, Body=b"")
    assert look(pipeline, target, [untold]).partial == ("untold.mov: there is a result though no job succeeded",)
