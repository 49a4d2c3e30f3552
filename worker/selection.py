"""What an upload gets: which watermark, by its own metadata, its first folder or as the default; and which profile."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker import watermark as watermarks
from worker.engine.profiles import PROFILES
from worker.errors import ConfigurationInvalid, WatermarkInvalid, WatermarkNotFound
from worker.settings import Settings
from worker.storage import Missing, Storage

DEFAULT_NAME = "default"
NAME_METADATA = "watermark"
SETTINGS_PREFIX = "watermark-"
PROFILE_METADATA = "profile"
SETTINGS_METADATA = {  # object metadata -> field of an overlay
    "watermark-position": "position",
    "watermark-opacity": "opacity",
    "watermark-width": "width",
    "watermark-size": "size",
    "watermark-margin": "margin",
    "watermark-rotate": "rotate",
}
SUFFIXES = (".json", ".png")
CORRECT_EITHER = "Correct the upload's settings or the watermark file; the README describes every setting."
_NUMBERS = ("opacity", "rotate")
_OF_ONE_KIND = {"width": "image", "size": "text"}  # fields that only overlays with this other one have
_POINT = re.compile(r"\s*([^,]+?)\s*,\s*([^,]+?)\s*")


@dataclass(frozen=True)
class ChosenWatermark:
    """A checked watermark.

    Attributes:
        name: Its key below the watermark prefix.
        document: What the engine gets, with the upload's own settings in it.
    """

    name: str
    document: dict[str, Any]


def choose_watermark(storage: Storage, settings: Settings, metadata: Mapping[str, str]) -> ChosenWatermark:
    """Return the watermark of an upload.

    Args:
        metadata: The uploaded object's own, with lower-case names.

    Raises:
        WatermarkNotFound, WatermarkInvalid
    """
    _refuse_unknown_settings(metadata)
    for base in _candidates(settings, metadata):
        for suffix in SUFFIXES:
            name = base + suffix
            try:
                content, _ = storage.read(settings.watermark_prefix + name, watermarks.MAX_JSON_BYTES)
            except Missing:
                continue
            json_file = suffix == ".json"
            document = watermarks.parse_document(content, name) if json_file else watermarks.for_image(name)
            changed = _with_settings(document, metadata)
            try:
                # What is wrong may be in either, and the file alone would be searched in vain.
                watermarks.validate(changed, name if changed == document else f"{name} with the upload's own settings")
            except WatermarkInvalid as error:
                if changed == document:
                    raise
                raise WatermarkInvalid(error.message, CORRECT_EITHER) from error
            return ChosenWatermark(name, changed)
    raise _not_found(settings, metadata)


def choose_profile(settings: Settings, metadata: Mapping[str, str]) -> str:
    """Return the profile of an upload: its own, else that of the task.

    Raises:
        ConfigurationInvalid: It asks for one that does not exist.
    """
    profile = metadata.get(PROFILE_METADATA, settings.profile)
    if profile not in PROFILES:
        raise ConfigurationInvalid(
            f"The upload's metadata asks for the profile {profile[:100]!r}, but there are {', '.join(PROFILES)}.",
            "Correct the metadata and upload the video again.",
        )
    return profile


def fetch_images(
    storage: Storage, settings: Settings, chosen: ChosenWatermark, folder: Path
) -> dict[str, Path]:  # fmt: skip
    """Write the watermark's images to files with fixed names in `folder`; return them by name.

    Raises:
        WatermarkNotFound, WatermarkInvalid
    """
    images = {}
    for number, name in enumerate(watermarks.validate(chosen.document, chosen.name).images()):
        key = settings.watermark_prefix + name
        try:
            content, _ = storage.read(key, watermarks.MAX_IMAGE_BYTES)
        except Missing as error:
            raise WatermarkNotFound(
                f"The watermark {chosen.name} names the image {name}, but there is no object {key}."
            ) from error
        if len(content) > watermarks.MAX_IMAGE_BYTES:
            raise WatermarkInvalid(f"The watermark image {name} has more than {watermarks.MAX_IMAGE_BYTES:,} bytes.")
        images[name] = folder / f"image-{number}"
        images[name].write_bytes(content)
    return images


def _refuse_unknown_settings(metadata: Mapping[str, str]) -> None:
    unknown = sorted(name for name in metadata if name.startswith(SETTINGS_PREFIX) and name not in SETTINGS_METADATA)
    if unknown:
        raise WatermarkInvalid(
            f"The upload's metadata has {', '.join(unknown)}, but the settings are {', '.join(SETTINGS_METADATA)}.",
            "Correct the metadata and upload the video again.",
        )


def _candidates(settings: Settings, metadata: Mapping[str, str]) -> list[str]:
    """Return names without suffix, best first. A name that the uploader chose never falls back to another one."""
    if chosen := metadata.get(NAME_METADATA):
        if any(part in ("", ".", "..") for part in chosen.split("/")) or "\\" in chosen or not chosen.isprintable():
            raise WatermarkInvalid(f"The upload's metadata names the watermark {chosen!r}, which is no plain name.")
        return [chosen]
    folder, slash, _ = settings.relative_key.partition("/")
    # A folder of another name than these is a name below the prefix like any other.
    named = [folder] if slash and folder not in ("", ".", "..") else []
    return [*named, DEFAULT_NAME]


def _not_found(settings: Settings, metadata: Mapping[str, str]) -> WatermarkNotFound:
    prefix = settings.watermark_prefix
    if chosen := metadata.get(NAME_METADATA):
        return WatermarkNotFound(f"The upload asks for {chosen!r}: no {prefix}{chosen}.json or .png exists.")
    return WatermarkNotFound(f"There is neither a watermark for the upload's folder nor {prefix}{DEFAULT_NAME}.png.")


def _with_settings(document: dict[str, Any], metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return the document with the single settings of the upload's metadata in each of its overlays that has them."""
    changes = {field: _value(field, metadata[name]) for name, field in SETTINGS_METADATA.items() if name in metadata}
    overlays = document.get("overlays")
    if not changes or not isinstance(overlays, list):
        return document
    for field, kind in _OF_ONE_KIND.items():
        if field in changes and not any(isinstance(overlay, dict) and kind in overlay for overlay in overlays):
            raise WatermarkInvalid(
                f"The upload's metadata has {SETTINGS_PREFIX}{field}, but the watermark has no {kind} to change.",
                "Correct the metadata and upload the video again.",
            )
    return document | {"overlays": [_changed(overlay, changes) for overlay in overlays]}


def _changed(overlay: Any, changes: Mapping[str, Any]) -> Any:
    if not isinstance(overlay, dict):
        return overlay
    return overlay | {field: value for field, value in changes.items() if _OF_ONE_KIND.get(field, "") in ("", *overlay)}


def _value(field: str, text: str) -> Any:
    if field in _NUMBERS:
        try:
            return float(text)
        except ValueError:
            return text  # the model says what is wrong with it
    if field == "position" and (point := _POINT.fullmatch(text)):
        return {"x": point[1], "y": point[2]}
    return text
