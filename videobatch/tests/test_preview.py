"""A preview shows what the worker makes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from videobatch.pipeline import Pipeline
from videobatch.tests.commands import Run
from worker.engine import __main__ as engine
from worker.engine.frames import frame_at, telling_moment
from worker.local import run_local
from worker.memory import MemoryGauge
from worker.tests.media import Clip, make_clip


def difference(one: Image.Image, other: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


@pytest.mark.parametrize("rotation", [0, 90])
def test_the_preview_is_a_frame_of_the_result(
    rotation: int, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    video = make_clip(tmp_path / "clip.mp4", Clip(seconds=0.4, rotation=rotation, languages=()))
    Image.new("RGBA", (64, 32), (255, 0, 0, 200)).save(tmp_path / "logo.png")
    mark = tmp_path / "mark.json"
    mark.write_text('{"overlays": [{"image": "logo.png", "width": "60%", "rotate": 20, "opacity": 0.9}]}')
    told = run("watermark", "preview", video, "--file", mark)
    assert (told.code, told.out) == (0, "clip.preview.png\n")
    run_local(video, tmp_path / "after.mp4", mark, lambda *_: None)
    with video.open("rb") as source, (tmp_path / "after.mp4").open("rb") as result:
        moment = telling_moment(source, ())
        before, after = frame_at(source, moment).displayed(), frame_at(result, moment).displayed()
    with Image.open(tmp_path / "clip.preview.png") as drawn:
        assert drawn.size == after.size
        assert difference(drawn.convert("RGB"), after) < 3
    assert difference(before, after) > 9  # there is something to see


@pytest.mark.parametrize("seconds", [None, 0.36])
def test_the_engine_says_at_each_frame_that_it_goes_on(
    seconds: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a video that takes a minute to look through would be taken for one that hangs."""
    monkeypatch.setattr(engine, "SECONDS_BETWEEN_EVENTS", 0)
    video = make_clip(tmp_path / "clip.mp4", Clip(seconds=0.4, languages=()))
    request = {
        "input": os.open(video, os.O_RDONLY), "output": os.open(tmp_path / "out.png", os.O_WRONLY | os.O_CREAT),
        "watermark": {"overlays": [{"text": "ACME"}]}, "watermark_name": "a.json", "images": {}, "seconds": seconds,
    }  # fmt: skip
    with (tmp_path / "events").open("wb") as said, MemoryGauge() as memory:
        engine.run_preview(request, engine.Events(said.fileno()), memory)
    events = [json.loads(line)["event"] for line in (tmp_path / "events").read_text().splitlines()]
    assert (events[0], events[-1]) == ("measured", "result")
    assert set(events[1:-1]) == {"progress"}
    assert len(events) > 10  # as many as there are frames


def test_what_the_job_would_refuse_is_said(tmp_path: Path, run: Run) -> None:
    video = make_clip(tmp_path / "clip.mp4", Clip(seconds=0.4, languages=()))
    (tmp_path / "text.mp4").write_text("milk, eggs")
    Image.new("RGBA", (64, 32), "red").save(tmp_path / "logo.png")
    out = ["--output", tmp_path / "out.png"]
    assert run("watermark", "preview", tmp_path / "text.mp4", "--file", tmp_path / "logo.png", *out).code == 12
    assert run("watermark", "preview", video, *out).code == 14  # there is no default
    late = run("watermark", "preview", video, "--file", tmp_path / "logo.png", "--at", "7", *out)
    assert (late.code, "has 0.4 s only" in late.err) == (7, True)
    assert run("watermark", "preview", video, "--file", tmp_path / "logo.png", "--at", "nan", *out).code == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "logo.png", "text.mp4"]


@pytest.mark.usefixtures("pipeline")
def test_strangers_files_are_decoded_in_the_engines_process_alone(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", Clip(seconds=0.4, languages=()))
    Image.new("RGBA", (64, 32), "red").save(tmp_path / "default.png")
    script = """
import sys
from videobatch.cli import main
for command in ("watermark put default.png", "watermark preview clip.mp4", "submit clip.mp4"):
    assert main(command.split()) == 0
print({"PIL", "av", "numpy"} & set(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.endswith("\nset()\n"), done.stderr
    assert (tmp_path / "clip.preview.png").exists()


def test_a_stored_watermark_is_listed_and_previewed(pipeline: Pipeline, tmp_path: Path, run: Run) -> None:
    video = make_clip(tmp_path / "clip.mp4", Clip(seconds=0.4, languages=()))
    Image.new("RGBA", (64, 32), "red").save(tmp_path / "logo.png")
    assert run("watermark", "put", tmp_path / "logo.png", "--name", "acme").out == "acme\n"
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key="watermarks/bad.json", Body=b'{"overlays": []}')
    good, bad = run("watermark", "list", "--json").json["watermarks"]
    assert (good["name"], good["problem"], bad["name"]) == ("acme", None, "bad")
    assert "overlays: there is none" in bad["problem"]
    listed = run("watermark", "list").out
    assert max(map(len, listed.splitlines())) <= 80
    told = run("watermark", "preview", video, "--name", "acme", "--output", tmp_path / "out.png", "--json").json
    assert (told["marks"], Path(told["file"]).exists()) == (1, True)


def test_a_watermark_that_the_worker_would_refuse_is_not_stored(pipeline: Pipeline, tmp_path: Path, run: Run) -> None:
    (tmp_path / "bad.json").write_text('{"overlays": [{"text": "a", "opacity": 7}]}')
    refused = run("watermark", "put", tmp_path / "bad.json")
    assert (refused.code, refused.out) == (15, "")
    assert "overlays.0.opacity" in refused.err
    assert "Contents" not in pipeline.s3.list_objects_v2(Bucket=pipeline.bucket)


def test_a_picture_that_a_description_would_hide_is_not_stored(pipeline: Pipeline, tmp_path: Path, run: Run) -> None:
    Image.new("RGBA", (64, 32), "red").save(tmp_path / "acme.png")
    (tmp_path / "acme.json").write_text('{"overlays": [{"text": "ACME"}]}')
    assert run("watermark", "put", tmp_path / "acme.json").code == 0
    refused = run("watermark", "put", tmp_path / "acme.png")
    assert refused.code == 4
    assert "The watermark acme.json exists, and comes before acme.png." in refused.err
    listed = pipeline.s3.list_objects_v2(Bucket=pipeline.bucket)["Contents"]
    assert [entry["Key"] for entry in listed] == ["watermarks/acme.json"]
