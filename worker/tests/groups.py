"""Clips of five groups of pictures for the smart way, and which groups of a result are new."""

import hashlib
from collections.abc import Callable, Container, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av import VideoFrame

from worker.engine.smart.avcc import AvcC
from worker.tests.media import Clip, frames_of
from worker.tests.same_video import exact, look_at

GROUP = 8  # frames
MARK = {"position": "top-left", "margin": 0, "width": 64}
X264 = {"g": str(GROUP), "keyint_min": str(GROUP), "sc_threshold": "0"}


def moving(**settings: Any) -> Clip:
    """Five groups of pictures, 1.6 s."""
    options = X264 | settings.pop("options", {})
    everything: dict[str, Any] = {"seconds": 1.6, "grey": None, "languages": (), **settings, "options": options}
    return Clip(**everything)


def digests(frames: Sequence[VideoFrame]) -> list[str]:
    return [
        hashlib.sha256(b"".join(bytes(plane)[: plane.line_size * plane.height] for plane in frame.planes)).hexdigest()
        for frame in frames
    ]


def is_marked(frame: VideoFrame) -> bool:
    red, green, blue = frame.to_image().getpixel((32, 16))
    return bool(red > 180 and green < 70 and blue < 70)


def seconds(frame: VideoFrame) -> Fraction:
    return (frame.pts or 0) * exact(frame.time_base)


def changed_groups(source: Path, output: Path, shown: Callable[[Fraction], bool] | None = None) -> list[int]:
    """Assert that the result is the source with the mark where it should be; return which groups of it are new."""
    before, after = look_at(source), look_at(output)
    assert after.times == before.times
    assert [track.packets for track in after.tracks] == [track.packets for track in before.tracks]
    assert (after.picture, after.chapters, after.tags) == (before.picture, before.chapters, before.tags)
    assert (after.timecodes, after.duration) == (before.timecodes, before.duration)
    new = frames_of(output)
    assert not any(frame.is_corrupt for frame in new)
    if shown:
        start = min(before.times[0], Fraction(0)) if before.tracks else before.times[0]
        assert [is_marked(frame) for frame in new] == [shown(seconds(frame) - start) for frame in new]
    pairs = enumerate(zip(digests(frames_of(source)), digests(new), strict=True))
    return sorted({index // GROUP for index, (one, other) in pairs if one != other})


CLIPS = {
    "two B-frames": moving(b_frames=2),
    "no B-frames": moving(b_frames=0),
    "B-frames that refer to one another": moving(b_frames=3, options={"b-pyramid": "normal", "refs": "3"}),
    "Baseline": moving(b_frames=0, options={"profile": "baseline"}),
    "Main": moving(options={"profile": "main"}),
    "sound, chapters, a timecode and a cover": moving(
        languages=("deu", "fra"), chapters=((0, 800, "one"), (800, 1600, "two")), timecode="01:02:03:04", cover="mjpeg"
    ),
    "the numbers of parameter sets from 1": moving(options={"x264-params": "sps-id=1"}),
    "the last number of a parameter set": moving(options={"x264-params": "sps-id=31"}),
    "HRD parameters and delimiters": moving(
        options={"x264-params": "nal-hrd=vbr:vbv-maxrate=2000:vbv-bufsize=4000:aud=1:pic-struct=1"}
    ),
    "filmed upright, wide pixels, colours": moving(rotation=90, aspect=Fraction(4, 3), colour=(1, 1, 1, 1)),
    "full range": moving(pixel_format="yuvj420p", colour=(5, 2, 5, 6)),
    "a size that macroblocks do not divide": moving(width=318, height=178),
    "several slices": moving(options={"slices": "4"}),
    "fragmented": moving(movflags="+frag_keyframe+empty_moov+default_base_moof"),
}


def rewritten(
    source: Path, target: Path, ticks: int = 0, extradata: bytes | None = None, without: Container[int] = ()
) -> Path:
    """Write a copy whose picture starts earlier, hiding what comes before 0, has another avcC, or lacks packets."""
    options = {"video_track_timescale": "12800", "movie_timescale": "12800", "avoid_negative_ts": "disabled"}
    with av.open(str(source)) as movie, av.open(str(target), "w", format="mp4", container_options=options) as output:
        streams = [output.add_stream_from_template(stream, opaque=True) for stream in movie.streams]
        if extradata:
            streams[0].codec_context.extradata = extradata
        for position, packet in enumerate(movie.demux()):
            if packet.pts is None or packet.dts is None or position in without:
                continue
            if packet.stream_index == 0:
                packet.pts, packet.dts = packet.pts - ticks, packet.dts - ticks
            packet.stream = streams[packet.stream_index]
            output.mux(packet)
    return target


def record_of(path: Path) -> AvcC:
    with av.open(str(path)) as movie:
        return AvcC.parse(movie.streams.video[0].codec_context.extradata or b"")
