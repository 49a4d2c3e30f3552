"""The packaged functions: the same bytes on every machine."""

import io
import os
import zipfile
from pathlib import Path

from scripts.package_lambda import SOURCES, package_lambda


def test_the_package_holds_the_modules_as_they_are() -> None:
    package = package_lambda()
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        held = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    assert held == {module.name: module.read_bytes() for module in SOURCES.glob("*.py")}
    assert "start_watermark_job.py" in held


def test_its_bytes_depend_on_the_modules_only(tmp_path: Path) -> None:
    """Not on when they were written, who may read them, or which zlib compresses them."""
    for name, text in (("b.py", "two = 2\n"), ("a.py", "one = 1\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
        os.utime(tmp_path / name, (10**9, 10**9))
    assert package_lambda(tmp_path).key == "start-watermark-job-dd467caee7941e95.zip"
