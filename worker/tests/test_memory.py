"""Memory grows with a video's length by no more than its index takes, on either way."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import pytest
from av import Packet
from av.stream import Stream

from worker.tests.media import Clip, make_clip

# Peak memory of the engine's process, in KB, after each video; a process of its own, since the peak is that of all
# children so far.
SCRIPT = """
import resource, sys
from pathlib import Path
from worker.local import run_local
mark, *clips = map(Path, sys.argv[1:])
for clip in clips:
    result = run_local(clip, mark.parent / "out.mp4", mark, lambda *_: None, profile="fast")
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, result.render["mode"])
"""
GROUP = 250  # frames


def peaks(mark: Path, *clips: Path) -> list[tuple[int, str]]:
    """Return the peak in KB and the way taken, of one clip after the other."""
    command = [sys.executable, "-c", SCRIPT, *map(str, (mark, *clips))]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=500, text=True)
    return [(int(line.split()[0]), line.split()[1]) for line in done.stdout.splitlines()]


def repeated(target: Path, groups: int) -> Path:
    """Write a video of tiny pictures whose packets are those of one group of pictures, again and again."""
    options = {"g": str(GROUP), "keyint_min": str(GROUP), "sc_threshold": "0"}
    one = make_clip(
        target.with_suffix(".one.mp4"), Clip(64, 64, seconds=GROUP / 25, grey=None, languages=(), options=options)
    )
    with av.open(str(one)) as movie, av.open(str(target), "w", options={"movflags": "+faststart"}) as output:
        source = movie.streams.video[0]
        stream = output.add_stream_from_template(source, opaque=True)
        packets = [packet for packet in movie.demux(source) if packet.size]
        assert [packet.is_keyframe for packet in packets] == [True] + [False] * (GROUP - 1)
        for number in range(groups):
            for packet in packets:
                output.mux(_later(packet, number * GROUP * (packet.duration or 0), stream))
    return target


def _later(packet: "Packet[Any]", ticks: int, stream: Stream) -> "Packet[Stream]":
    copy: Packet[Stream] = Packet(bytes(packet))
    copy.pts, copy.dts = (packet.pts or 0) + ticks, (packet.dts or 0) + ticks
    copy.duration, copy.time_base, copy.is_keyframe = packet.duration, packet.time_base, packet.is_keyframe
    copy.stream = stream
    return copy


def test_memory_does_not_grow_with_the_length_but_by_the_index(tmp_path: Path, logo: Path) -> None:
    short = make_clip(tmp_path / "short.mp4", Clip(seconds=4))
    long = make_clip(tmp_path / "long.mp4", Clip(seconds=30))
    (first, _), (second, _) = peaks(logo, short, long)
    # 26 s more: 56 MB as frames.
    assert second - first < 8_000, f"{first} KB, then {second} KB"


@pytest.mark.parametrize(
    ("way", "groups", "times"),
    # Some tables double in size at 2^13, 2^14 … frames: the second clip has doubled them as often as its length.
    [("full", (60, 240), {}), ("smart", (20, 420), {"start": 100, "end": 101})],
    ids=["whole", "smart"],
)
def test_what_a_frame_more_costs(
    tmp_path: Path, logo: Path, way: str, groups: Sequence[int], times: dict[str, float]
) -> None:
    """A number that Python keeps for each frame would be 40 bytes more."""
    mark = tmp_path / "mark.json"
    mark.write_text(json.dumps({"overlays": [{"image": logo.name, "width": 16, **times}]}))
    clips = [repeated(tmp_path / f"{number}.mp4", number) for number in groups]
    (first, _), (second, taken) = peaks(mark, *clips)
    assert taken == way
    a_frame = (second - first) * 1024 / ((groups[1] - groups[0]) * GROUP)
    assert a_frame < 175
