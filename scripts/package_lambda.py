"""Package the Lambda function reproducibly: the same sources give the same bytes, and so the same key, anywhere.

Nothing is compressed: what zlib makes of the same bytes differs from one version to another.
"""

import hashlib
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent / "lambda"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip entry can have


@dataclass(frozen=True)
class Package:
    """A zip file and a name that changes exactly when its content does."""

    key: str
    content: bytes


def package_lambda(sources: Path = SOURCES) -> Package:
    """Zip the function's modules, tests left out; boto3 is there at run time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for module in sorted(sources.glob("*.py")):
            entry = zipfile.ZipInfo(module.name, date_time=_EPOCH)
            entry.create_system = 3  # Unix, whatever this machine is
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, module.read_bytes())
    content = buffer.getvalue()
    return Package(f"start-watermark-job-{hashlib.sha256(content).hexdigest()[:16]}.zip", content)


def main() -> None:
    """Write the package into the folder that is named, and print the name of its file."""
    package = package_lambda()
    (Path(sys.argv[1]) / package.key).write_bytes(package.content)
    print(package.key)


if __name__ == "__main__":
    main()
