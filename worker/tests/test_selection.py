import json
from pathlib import Path
from typing import Any

import pytest

from worker.errors import ConfigurationInvalid, WatermarkInvalid, WatermarkNotFound
from worker.selection import choose_profile, choose_watermark, fetch_images
from worker.settings import SOURCE_KEY, Settings, from_environment
from worker.storage import Storage
from worker.tests.test_settings import ENVIRONMENT


def settings_for(key: str) -> Settings:
    return from_environment(ENVIRONMENT | {SOURCE_KEY: "unprocessed-vdeos/" + key})


@pytest.fixture
def storage(s3: Any, bucket: str) -> Storage:
    for key in ("acme.png", "acme.json", "folder.png", "sub/deep.png", "default.png"):
        body = b'{"overlays": [{"image": "sub/deep.png", "opacity": 0.3}]}' if key.endswith("json") else b"image"
        s3.put_object(Bucket=bucket, Key=f"watermarks/{key}", Body=body)
    return Storage(bucket)


@pytest.mark.parametrize(
    ("key", "metadata", "name"),
    [
        ("a.mp4", {}, "default.png"),
        ("acme/a.mp4", {}, "acme.json"),
        ("folder/x/a.mp4", {}, "folder.png"),
        ("other/a.mp4", {}, "default.png"),
        ("acme.mp4", {}, "default.png"),
        ("folder/a.mp4", {"watermark": "acme"}, "acme.json"),
        ("a.mp4", {"watermark": "sub/deep"}, "sub/deep.png"),
        ("../a.mp4", {}, "default.png"),
    ],
)
def test_the_first_that_applies(storage: Storage, key: str, metadata: dict[str, str], name: str) -> None:
    assert choose_watermark(storage, settings_for(key), metadata).name == name


def test_the_profile_is_that_of_the_task_unless_the_upload_has_its_own() -> None:
    assert choose_profile(settings_for("a.mp4"), {}) == "best"
    assert choose_profile(settings_for("a.mp4"), {"profile": "fast"}) == "fast"
    with pytest.raises(ConfigurationInvalid, match="'Fast'"):
        choose_profile(settings_for("a.mp4"), {"profile": "Fast"})


def test_a_name_that_was_asked_for_never_falls_back(storage: Storage) -> None:
    with pytest.raises(WatermarkNotFound, match="none"):
        choose_watermark(storage, settings_for("a.mp4"), {"watermark": "none"})


@pytest.mark.parametrize("name", ["../jobs/x", "/etc", "a\\b", "a//b", "."])
def test_a_name_stays_below_the_prefix(storage: Storage, name: str) -> None:
    with pytest.raises(WatermarkInvalid, match="plain name"):
        choose_watermark(storage, settings_for("a.mp4"), {"watermark": name})


def test_single_settings_of_the_upload_win(storage: Storage) -> None:
    metadata = {"watermark-opacity": "0.5", "watermark-position": "10%, 40", "watermark-width": "20%"}
    chosen = choose_watermark(storage, settings_for("acme/a.mp4"), metadata)
    assert chosen.document["overlays"] == [
        {"image": "sub/deep.png", "opacity": 0.5, "position": {"x": "10%", "y": "40"}, "width": "20%"}
    ]


@pytest.mark.parametrize(
    "metadata", [{"watermark-opacity": "0"}, {"watermark-opacity": "much"}, {"watermark-position": "middle"}]
)
def test_a_wrong_setting_of_the_upload_is_an_error(storage: Storage, metadata: dict[str, str]) -> None:
    with pytest.raises(WatermarkInvalid, match=r"default\.png with the upload's own settings is wrong at"):
        choose_watermark(storage, settings_for("a.mp4"), metadata)


def test_an_unknown_setting_of_the_upload_is_named_with_the_known_ones(storage: Storage) -> None:
    metadata = {"watermark-position": "top", "watermark-opactiy": "0.5", "x-other": "any", "watermarks": "any"}
    with pytest.raises(WatermarkInvalid) as caught:
        choose_watermark(storage, settings_for("a.mp4"), metadata)
    assert caught.value.message == (
        "The upload's metadata has watermark-opactiy, but the settings are watermark-position, watermark-opacity, "
        "watermark-width, watermark-size, watermark-margin, watermark-rotate."
    )


def test_a_width_changes_images_and_a_size_changes_texts(storage: Storage, s3: Any, bucket: str) -> None:
    overlays = [{"image": "a.png"}, {"text": "a"}]
    s3.put_object(Bucket=bucket, Key="watermarks/both.json", Body=json.dumps({"overlays": overlays}).encode())
    metadata = {"watermark": "both", "watermark-width": "9%", "watermark-size": "2%", "watermark-opacity": "0.5"}
    assert choose_watermark(storage, settings_for("a.mp4"), metadata).document["overlays"] == [
        {"image": "a.png", "width": "9%", "opacity": 0.5},
        {"text": "a", "size": "2%", "opacity": 0.5},
    ]


def test_a_setting_that_changes_nothing_is_an_error(storage: Storage) -> None:
    with pytest.raises(WatermarkInvalid, match="watermark-size, but the watermark has no text"):
        choose_watermark(storage, settings_for("a.mp4"), {"watermark-size": "2%"})


def test_images_are_fetched_under_names_of_our_own(storage: Storage, tmp_path: Path) -> None:
    settings = settings_for("acme/a.mp4")
    images = fetch_images(storage, settings, choose_watermark(storage, settings, {}), tmp_path)
    assert {name: path.name for name, path in images.items()} == {"sub/deep.png": "image-0"}
    assert images["sub/deep.png"].read_bytes() == b"image"


def test_a_missing_image_is_named(storage: Storage, s3: Any, bucket: str, tmp_path: Path) -> None:
    s3.delete_object(Bucket=bucket, Key="watermarks/sub/deep.png")
    settings = settings_for("acme/a.mp4")
    with pytest.raises(WatermarkNotFound, match=r"sub/deep\.png"):
        fetch_images(storage, settings, choose_watermark(storage, settings, {}), tmp_path)
