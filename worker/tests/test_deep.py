"""10 bits and HDR: what goes in with more than 8 bits comes out with 10, and the mark has the right light in it."""

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from av import Packet, VideoFrame

from worker.engine.hdr import LightLevel, Mastering
from worker.errors import UnsupportedInput
from worker.sandbox import EngineResult
from worker.tests.boxes import Box, edit_moov, parse
from worker.tests.media import Clip, frames_of, make_clip, make_logo
from worker.tests.pixels import Colour
from worker.tests.same_video import COLOURS, look_at
from worker.tests.test_colours import as_it_is, in_hlg, in_pq
from worker.tests.test_containers import moov_of

Engine = Callable[..., tuple[Path, Path, EngineResult]]
Marked = Callable[..., EngineResult]

SDR, HLG, PQ = (1, 1, 1, 1), (9, 1, 9, 18), (9, 1, 9, 16)
DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"


LAST = "+disable_chpl"  # the index behind the samples, so that it may grow


def colour_in(tags: tuple[int, int, int, int]) -> Callable[[Colour], Colour]:
    """Return what makes the code values of a colour of sRGB in a video of these tags."""
    return {SDR[3]: as_it_is, PQ[3]: in_pq, HLG[3]: in_hlg}[tags[3]]


def deep(colour: tuple[int, int, int, int] | None = SDR, parameters: str = "", **settings: object) -> Clip:
    fields = {"seconds": 0.16, "languages": (), "codec": "libx265", "pixel_format": "yuv420p10le", "b_frames": 0}
    options = {"x265-params": parameters} if parameters else {}
    return Clip(**(fields | {"colour": colour, "options": options} | settings))  # type: ignore[arg-type]


def centre(frame: VideoFrame) -> tuple[int, ...]:
    """Return the samples of Y, Cb and Cr in the middle."""
    samples = np.uint16 if frame.format.name == "yuv420p10le" else np.uint8
    planes = [np.frombuffer(plane, samples).reshape(plane.height, -1) for plane in frame.planes]
    return tuple(
        int(plane[image.height // 2, image.width // 2]) for plane, image in zip(planes, frame.planes, strict=True)
    )


def tags(frame: VideoFrame) -> tuple[int, ...]:
    return frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc


# White is what BT.2408 says. BT.709's red is 0.6274, 0.0691, 0.0164 in BT.2020 (BT.2087); the rest is BT.2100 by hand.
@pytest.mark.parametrize(
    ("colour", "rgb", "expected"),
    [
        (SDR, (255, 255, 255), (940, 512, 512)),
        (SDR, (255, 0, 0), (250, 409, 960)),
        ((1, 2, 1, 1), (255, 0, 0), (217, 395, 1023)),
        ((6, 1, 6, 6), (255, 0, 0), (326, 361, 960)),
        (None, (255, 0, 0), (326, 361, 960)),
        (PQ, (255, 255, 255), (573, 512, 512)),
        (HLG, (255, 255, 255), (721, 512, 512)),
        (PQ, (255, 0, 0), (392, 438, 608)),
        (HLG, (255, 0, 0), (392, 395, 715)),
        ((9, 2, 9, 16), (255, 255, 255), (594, 512, 512)),
    ],
    ids=["sdr-white", "sdr-red", "full-red", "601-red", "untagged-red", "pq-white", "hlg-white", "pq-red", "hlg-red",
         "pq-full-white"],
)  # fmt: skip
def test_the_colour_of_the_mark(
    engine_in_process: Engine,
    tmp_path: Path,
    colour: tuple[int, int, int, int] | None,
    rgb: tuple[int, int, int],
    expected: tuple[int, int, int],
) -> None:
    make_logo(tmp_path / "mark.png", colour=(*rgb, 255))
    source, output, result = engine_in_process(deep(colour), image="mark.png", position="center", width="50%")
    before, after = frames_of(source), frames_of(output)
    assert result.codec == "hevc"
    assert after[0].format.name == "yuv420p10le"
    assert look_at(output).times == look_at(source).times
    for frame in after:
        assert max(abs(a - b) for a, b in zip(centre(frame), expected, strict=True)) <= 12, centre(frame)
    assert tags(before[0]) == tags(after[0])


@pytest.mark.parametrize("profile", ["balanced", "av1"])
def test_what_hdr10_says_of_itself_is_kept(engine_in_process: Engine, profile: str) -> None:
    clip = deep(PQ, f"master-display={DISPLAY}:max-cll=1000,400")
    source, output, result = engine_in_process(clip, profile=profile)
    before, after = frames_of(source)[0], frames_of(output)[0]
    assert tags(before) == tags(after)
    for kind in ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"):
        assert kind in before.side_data
    read = [
        (
            Mastering.from_side_data(bytes(frame.side_data["MASTERING_DISPLAY_METADATA"])),
            LightLevel.from_side_data(bytes(frame.side_data["CONTENT_LIGHT_LEVEL"])),
        )
        for frame in (before, after)
    ]
    assert read[0][1] == read[1][1] == LightLevel(1000, 400)
    assert read[0][0] is not None
    assert read[1][0] is not None
    numbers = zip(_flat(read[0][0]), _flat(read[1][0]), strict=True)
    assert all(abs(a - b) <= max(1e-4, a * 1e-4) for a, b in numbers)
    assert result.notes == []


def in_sample_entry(source: Path, *boxes: Box) -> Path:
    """Add boxes to the sample entry of a clip's picture, which has its index behind the samples."""

    def add(moov: Box) -> None:
        description = moov.one("trak", "mdia", "minf", "stbl", "stsd")
        entry = description.payload[8:] + b"".join(map(bytes, boxes))
        description.payload = description.payload[:8] + len(entry).to_bytes(4) + entry[4:]

    return edit_moov(source, add)


def boxes_of_sample_entry(path: Path) -> dict[str, bytes]:
    """Return what lies in the sample entry of the picture, which is the first track, behind its 78 bytes of fields."""
    description = moov_of(path).one("trak", "mdia", "minf", "stbl", "stsd").payload
    entries = parse(description[8:])
    assert len(entries) == 1
    return {box.kind: box.payload for box in parse(entries[0].payload[78:])}


# As DISPLAY and max-cll=1000,400
MDCV = struct.pack(">8H2I", 13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450, 10000000, 1)
CLLI = struct.pack(">2H", 1000, 400)


@pytest.mark.parametrize("profile", ["balanced", "av1"])
@pytest.mark.parametrize("said", ["in the stream", "in boxes", "light level alone"])
@pytest.mark.input_row("Colour", "HDR10 that says what it was graded on, in the stream or in boxes (mdcv, clli)",
                       "says the same, in both")  # fmt: skip
def test_what_hdr10_says_of_itself_lies_in_boxes_too(marked: Marked, tmp_path: Path, profile: str, said: str) -> None:
    parameters = {
        "in the stream": f"master-display={DISPLAY}:max-cll=1000,400",
        "light level alone": "max-cll=1000,400",
    }
    clip = deep(PQ, parameters.get(said, ""), movflags=LAST, languages=("deu",), timecode="01:02:03:04")
    source = make_clip(tmp_path / "source.mp4", clip)
    if said == "in boxes":
        in_sample_entry(source, Box("mdcv", MDCV), Box("clli", CLLI))
    else:
        assert "mdcv" not in boxes_of_sample_entry(source)
    result = marked(source, profile, colours=[in_pq(colour) for colour in COLOURS])
    assert result.notes == []
    output = tmp_path / "output.mp4"
    boxes = boxes_of_sample_entry(output)
    assert boxes.get("clli") == CLLI
    assert boxes.get("mdcv") == (None if said == "light level alone" else MDCV)
    with av.open(str(output)) as movie:
        side_data = movie.streams.video[0].codec_context.coded_side_data
    assert side_data["content_light_level"] == struct.pack("=2I", 1000, 400)
    assert ("mastering_display_metadata" in side_data) == ("mdcv" in boxes)
    assert "CONTENT_LIGHT_LEVEL" in frames_of(output)[0].side_data


def _hdr10_plus() -> bytes:
    """Return metadata of a scene: the message of SMPTE ST 2094-40 (application 4) in a prefix SEI unit of HEVC."""
    fields = ((1, 8), (1, 2), (1000, 27), (0, 1), (50001, 17), (50002, 17), (50003, 17), (30001, 17), (0, 4), (513, 10),
              (0, 3))  # fmt: skip
    text = "".join(f"{value:0{bits}b}" for value, bits in fields)
    message = b"\xb5\x00\x3c\x00\x01\x04" + int(text.ljust(len(text) + -len(text) % 8, "0"), 2).to_bytes(
        -(-len(text) // 8)
    )
    unit = b"\x4e\x01\x04" + bytes([len(message)]) + message + b"\x80"
    assert b"\0\0" not in unit  # which would have to be escaped
    return len(unit).to_bytes(4) + unit


@pytest.mark.parametrize("profile", ["balanced", "av1"])
@pytest.mark.input_row("Colour", "HDR10+", "HDR10; the record says that the metadata of each scene was left out")
def test_hdr10_plus_becomes_hdr10(marked: Marked, tmp_path: Path, profile: str) -> None:
    static = make_clip(tmp_path / "static.mp4", deep(PQ, f"master-display={DISPLAY}:max-cll=1000,400"))
    source = tmp_path / "source.mp4"
    with av.open(str(static)) as movie, av.open(str(source), "w") as dynamic:
        track = dynamic.add_stream_from_template(movie.streams.video[0], opaque=True)
        for sample in movie.demux(video=0):
            if sample.size:
                packet = Packet(_hdr10_plus() + bytes(sample))
                packet.pts, packet.dts, packet.duration = sample.pts, sample.dts, sample.duration
                packet.time_base, packet.is_keyframe, packet.stream = sample.time_base, sample.is_keyframe, track
                dynamic.mux(packet)
    assert all("DYNAMIC_HDR_PLUS" in frame.side_data for frame in frames_of(source))
    result = marked(source, profile, colours=[in_pq(colour) for colour in COLOURS])
    assert result.notes == ["The HDR10+ metadata of each scene was left out: the picture is HDR10."]
    output = tmp_path / "output.mp4"
    assert not any("DYNAMIC_HDR_PLUS" in frame.side_data for frame in frames_of(output))
    assert boxes_of_sample_entry(output)["mdcv"] == MDCV


def _dolby(source: Path, profile: int, compatibility: int) -> Path:
    """Add the configuration of Dolby Vision (ETSI TS 103 572, 3.2) to the sample entry of a clip of HEVC."""
    version, level, flags = 1, 5, 0b101  # RPU and base layer are there, an enhancement layer is not
    words = (version << 24 | profile << 9 | level << 3 | flags) & 0xFFFFFFFF
    content = words.to_bytes(4) + (compatibility << 28).to_bytes(4) + bytes(16)
    return in_sample_entry(source, Box("dvvC" if profile > 7 else "dvcC", content))


@pytest.mark.parametrize(
    ("colour", "compatibility", "base"), [(HLG, 4, "HLG"), (PQ, 1, "HDR10"), (SDR, 2, "SDR")], ids=["8.4", "8.1", "8.2"]
)
@pytest.mark.input_row("Colour", "Dolby Vision with an HDR10, HLG or SDR base", "the base, with a note")
def test_dolby_vision_becomes_its_base(
    marked: Marked, tmp_path: Path, colour: tuple[int, int, int, int], compatibility: int, base: str
) -> None:
    source = _dolby(make_clip(tmp_path / "source.mp4", deep(colour, movflags=LAST)), 8, compatibility)
    with av.open(str(source)) as movie:
        assert movie.streams.video[0].codec_context.coded_side_data["dovi_conf"][2] == 8
    result = marked(source, colours=[colour_in(colour)(value) for value in COLOURS])
    assert result.notes == [f"The enhancement of Dolby Vision was left out: the picture is its {base} base layer."]
    with av.open(str(tmp_path / "output.mp4")) as movie:
        assert "dovi_conf" not in movie.streams.video[0].codec_context.coded_side_data


@pytest.mark.input_row("Refused", "Dolby Vision without a base (profile 5)", "`UNSUPPORTED_INPUT`")
def test_dolby_vision_without_a_base_is_refused(engine_in_process: Engine, tmp_path: Path) -> None:
    source = _dolby(make_clip(tmp_path / "source.mp4", deep(PQ, movflags=LAST)), 5, 0)
    with pytest.raises(UnsupportedInput, match="without a base layer"):
        engine_in_process(source)


@pytest.mark.parametrize("size", [(319, 179), (16, 18), (9, 7)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("profile", ["balanced", "av1"])
@pytest.mark.parametrize("depth", [8, 10])
def test_odd_and_tiny_pictures(
    engine_in_process: Engine, tmp_path: Path, size: tuple[int, int], profile: str, depth: int
) -> None:
    make_logo(tmp_path / "white.png", colour=(255, 255, 255, 255))
    clip = Clip(*size, pixel_format={8: "yuv444p", 10: "yuv444p10le"}[depth], seconds=0.16, languages=())

    def run() -> tuple[Path, Path, EngineResult]:
        return engine_in_process(clip, profile, image="white.png", position="center", width="100%", margin=0)

    if size[0] < 16 and (depth == 10 or profile == "av1"):
        with pytest.raises(UnsupportedInput, match="9x7"):
            run()
        return
    _, output, result = run()
    white = 940 if depth == 10 else 235
    for frame in frames_of(output):
        assert (frame.width, frame.height) == (size[0] + size[0] % 2, size[1] + size[1] % 2)
        assert abs(centre(frame)[0] - white) <= 12 * white // 940
    assert result.frames == 4


def _flat(mastering: Mastering) -> list[float]:
    return [float(value) for point in (*mastering.points, mastering.luminance) for value in point]
