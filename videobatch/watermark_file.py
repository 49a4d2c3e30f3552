"""A watermark of this machine: checked first, then put where an upload can name it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from videobatch.pipeline import Pipeline
from worker.errors import WatermarkInvalid
from worker.local import read_watermark
from worker.trial import check_watermark
from worker.watermark import IMAGE_SUFFIXES, MAX_IMAGE_BYTES, Overlay, for_image, validate

# Object metadata is ASCII. What of it a path may not hold, or a file name cannot, is quoted as well.
PLAIN = "".join(chr(number) for number in range(ord(" "), ord("~")) if chr(number) not in "/\\%")


@dataclass(frozen=True)
class WatermarkFile:
    """A watermark that the worker takes.

    Attributes:
        name: What an upload calls it: the file's own name as far as that can be, so that errors name it too.
        document: Its settings.
        images: The files of its images, by the names that the document has for them.
        overlays: The checked settings.
    """

    name: str
    document: dict[str, Any]
    images: dict[str, Path]
    overlays: tuple[Overlay, ...]

    @classmethod
    def read(cls, path: Path, name: str | None = None) -> "WatermarkFile":
        """Check a picture, or a description with the pictures beside it.

        Args:
            name: What an upload shall call it, if not by the file's name.

        Raises:
            WatermarkError: as the job would tell it.
            OSError: a file cannot be read.
        """
        name, suffix = quote((name or path.stem).strip(), safe=PLAIN), path.suffix.lower()
        if suffix in IMAGE_SUFFIXES:
            document, images = for_image(name + suffix), {name + suffix: path}
        else:
            document, images = read_watermark(path)
        for image, file in images.items():
            if file.stat().st_size > MAX_IMAGE_BYTES:
                raise WatermarkInvalid(f"The watermark image {image} has more than {MAX_IMAGE_BYTES:,} bytes.")
        check_watermark(document, path.name, images)
        return cls(name, document, images, validate(document, path.name).overlays)

    def put(self, pipeline: Pipeline) -> dict[str, str]:
        """Store it, and return the upload metadata that selects it."""
        for image, file in self.images.items():
            pipeline.put_watermark(file, image)
        if self._is_described():
            pipeline.put_watermark_document(self.document, f"{self.name}.json")
        return {"watermark": self.name}

    def stored_names(self) -> list[str]:
        """What `put` writes below the watermark prefix."""
        return [*self.images, *([f"{self.name}.json"] if self._is_described() else [])]

    def _is_described(self) -> bool:
        return list(self.images) != [f"{self.name}.png"]  # a bare PNG needs no description
