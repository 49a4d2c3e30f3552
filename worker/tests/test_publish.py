"""The newest upload of a key wins, even where another job publishes between our look and our put."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from worker.errors import SourceGone, StorageUnavailable
from worker.publish import ATTEMPTS, Superseded, publish
from worker.settings import SOURCE_ETAG, SOURCE_KEY, SOURCE_VERSION_ID, Settings, from_environment
from worker.storage import Conflict, Missing, ObjectInfo, Storage
from worker.tests.test_settings import ENVIRONMENT
from worker.tests.world import World

KEY = "unprocessed-vdeos/a.mp4"
OUTPUT = "processed-videos/a.mp4"


class Racing(Storage):
    """A bucket in which something happens while the worker publishes.

    Attributes:
        between_looks: What happens once, between the worker's look at one object and its look at the other.
        meanwhile: What happens between its last look and each of its puts.
        refused: How many of the puts were refused.
    """

    def __init__(self, bucket: str) -> None:
        super().__init__(bucket)
        self.between_looks: Callable[[], object] = lambda: None
        self.meanwhile: Callable[[], object] = lambda: None
        self.refused = 0

    def head(self, key: str, version_id: str | None = None) -> ObjectInfo | None:
        found = super().head(key, version_id)
        happening, self.between_looks = self.between_looks, lambda: None
        happening()
        return found

    def put_file(self, *arguments: Any, **more: Any) -> None:
        self.meanwhile()
        try:
            super().put_file(*arguments, **more)
        except (Conflict, Missing):
            self.refused += 1
            raise


class Race:
    """Three uploads of one key, the second of which is ours, and their results."""

    def __init__(self, s3: Any, bucket: str, storage: Racing, path: Path) -> None:
        self._s3, self._bucket, self.storage, self._path = s3, bucket, storage, path
        self.upload(b"first")
        answer = self.upload(b"ours")
        job = {SOURCE_KEY: KEY, SOURCE_VERSION_ID: answer["VersionId"], SOURCE_ETAG: answer["ETag"]}
        self._settings: Settings = from_environment(ENVIRONMENT | job)

    def upload(self, body: bytes) -> Mapping[str, str]:
        answer: Mapping[str, str] = self._s3.put_object(Bucket=self._bucket, Key=KEY, Body=body)
        return answer

    def put_result(self, body: bytes) -> None:
        """Publish as another job does."""
        self._s3.put_object(Bucket=self._bucket, Key=OUTPUT, Body=body, Metadata={"job-id": "another"})

    def delete_result(self) -> None:
        self._s3.delete_object(Bucket=self._bucket, Key=OUTPUT)

    def publish(self) -> None:
        publish(self.storage, self._settings, self._path, 1.0, lambda _share: None, lambda: None, lambda _upload: None)

    @property
    def result(self) -> bytes:
        content: bytes = self._s3.get_object(Bucket=self._bucket, Key=OUTPUT)["Body"].read()
        return content


@pytest.fixture
def race(s3: Any, bucket: str, tmp_path: Path) -> Race:
    path = tmp_path / "result.mp4"
    path.write_bytes(b"our result")  # in one put: the server of these tests ignores If-Match when parts are completed
    return Race(s3, bucket, Racing(bucket), path)


@pytest.mark.parametrize("older_result", [True, False])
@pytest.mark.parametrize(("moment", "refused"), [("meanwhile", 1), ("between_looks", 0)])
def test_a_newer_job_that_publishes_in_between_keeps_its_result(
    race: Race, moment: str, refused: int, older_result: bool
) -> None:
    def newer() -> None:
        race.upload(b"newer")
        race.put_result(b"newer result")

    if older_result:
        race.put_result(b"a result from long ago")
    setattr(race.storage, moment, newer)
    with pytest.raises(Superseded):
        race.publish()
    assert race.result == b"newer result"
    assert race.storage.refused == refused


@pytest.mark.parametrize(
    ("results", "happening"),
    [
        ([], "an older job publishes"),
        ([b"a result from long ago"], "an older job publishes"),
        ([b"a result from long ago"], "the result goes away"),
    ],
)
def test_an_older_jobs_result_is_replaced_whatever_happens_to_it(
    race: Race, results: list[bytes], happening: str
) -> None:
    def happen() -> None:
        race.storage.meanwhile = lambda: None
        if happening == "an older job publishes":
            race.put_result(b"older result")
        else:
            race.delete_result()

    for body in results:
        race.put_result(body)
    race.storage.meanwhile = happen
    race.publish()
    assert race.result == b"our result"
    assert race.storage.refused == 1


def test_a_source_that_is_deleted_in_between_has_no_result(race: Race, s3: Any, bucket: str) -> None:
    def delete_and_publish() -> None:
        s3.delete_object(Bucket=bucket, Key=KEY)
        race.put_result(b"older result")

    race.storage.meanwhile = delete_and_publish
    with pytest.raises(SourceGone):
        race.publish()
    assert race.result == b"older result"


def test_a_result_that_never_stays_the_same_is_given_up(race: Race) -> None:
    race.storage.meanwhile = lambda: race.put_result(b"older result %d" % race.storage.refused)
    with pytest.raises(StorageUnavailable):
        race.publish()
    assert race.storage.refused == ATTEMPTS


def test_the_job_that_lost_the_race_says_so(world: World, video: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = world.upload(video)
    real = Storage.put_file

    def lose(self: Storage, key: str, *arguments: Any, **more: Any) -> None:
        world.upload(video + b"\0" * 8)
        world.put(key, b"newer result", Metadata={"job-id": "another"})
        real(self, key, *arguments, **more)

    monkeypatch.setattr(Storage, "put_file", lose)
    assert world.run(environment) == 0
    assert world.record["state"] == "SUPERSEDED"
    assert [world.get(key) for key in world.keys("processed-videos/")] == [b"newer result"]
