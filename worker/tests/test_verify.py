"""What the verifier must not let pass: each test changes a good result, or what was said of it, in one respect."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import pytest
from av import Packet
from av.stream import Stream

from worker.engine.blend import Blender
from worker.engine.digest import shows_nothing
from worker.engine.encoders import choose_coding
from worker.engine.images import open_image
from worker.engine.layers import draw_layers
from worker.engine.pipeline import Encoded
from worker.engine.probe import Probe, probe
from worker.engine.profiles import PROFILES
from worker.engine.remux import muxer_options
from worker.engine.render import render
from worker.engine.result import ResultFile
from worker.engine.smart.seams import PacketDigest
from worker.engine.source import open_movie
from worker.engine.timeline import Timeline
from worker.engine.verify import verify
from worker.errors import OutputMismatch
from worker.tests.boxes import Box, integers, parse
from worker.tests.media import Clip, Sound, Subtitles, make_clip, make_logo
from worker.watermark import validate

Change = Callable[["Packet[Stream]", int], bool]

GROUP = 5  # frames
CLIP = Clip(
    rotation=90,
    grey=None,
    b_frames=0,
    sounds=(Sound(start=Fraction(1478, 4000), seconds=0.4),),
    subtitles=(Subtitles([(100, 400, "one", b""), (400, 900, "two", b"")]),),
    options={"g": str(GROUP), "keyint_min": str(GROUP), "sc_threshold": "0"},
)
PICTURE, SOUND, LATE_SOUND, TEXT = range(4)  # the streams of the result


@dataclass(frozen=True)
class Made:
    """A result, and what is said of it to the verifier."""

    content: bytes
    probed: Probe
    encoded: Encoded

    def verify(self, content: bytes | None = None, threads: int = 1) -> float:
        """Verify another content in the place of the result's."""
        with result_file(content or self.content) as file:
            return verify(file, self.probed, self.encoded, lambda _share: None, threads)

    def mismatch(self, content: bytes | None = None, threads: int = 1) -> str:
        """Return what the verifier says of it."""
        with pytest.raises(OutputMismatch) as raised:
            self.verify(content, threads)
        return raised.value.message


@contextmanager
def result_file(content: bytes) -> Iterator[ResultFile]:
    file = os.memfd_create("result")
    reading = os.open(f"/proc/self/fd/{file}", os.O_RDONLY)
    try:
        os.write(file, content)
        yield ResultFile(file, reading)
    finally:
        os.close(reading)
        os.close(file)


def _make(folder: Path, mode: str, **times: float) -> Made:
    @contextmanager
    def phase(_name: str) -> Iterator[Callable[[float], None]]:
        yield lambda _share: None

    logo = make_logo(folder / "logo.png")
    with make_clip(folder / "clip.mp4", CLIP).open("rb") as source, logo.open("rb") as image, result_file(b"") as file:
        probed = probe(source)
        watermark = validate({"overlays": [{"image": logo.name, **times}]}, "mark.json")
        layers = draw_layers(watermark, {logo.name: open_image(image, logo.name)}, probed.picture)
        blender = Blender(layers, probed.colour, probed.colour.matrix_for(probed.picture.height), probed.full_range)
        coding = choose_coding(probed, PROFILES["fast"], 1.0)
        rendered = render(source, file, probed, blender, Timeline(layers), coding, 1.0, mode == "smart", phase)
        assert rendered.way.mode == mode
        return Made(file.open().read(), probed, rendered.encoded)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A result whose picture was encoded as a whole."""
    return _make(tmp_path_factory.mktemp("full"), "full")


@pytest.fixture(scope="module")
def smart(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A result of whose picture the first group was encoded, and the others were copied."""
    return _make(tmp_path_factory.mktemp("smart"), "smart", end=0.1)


def remuxed(content: bytes, change: Change, without: int | None = None) -> bytes:
    """Write the packets anew.

    Args:
        change: Gets each packet and its number in its stream, may change it, and says whether it is kept.
        without: Index of a stream that is left out.
    """
    written = BytesIO()
    with open_movie(BytesIO(content)) as movie:
        options = muxer_options(movie, movie.streams.video[0])
        del options["movflags"]  # or the muxer would want to read what it has written
        with av.open(written, "w", format="mp4", container_options=options) as output:
            kept = [stream for stream in movie.streams if stream.index != without]
            targets = {stream.index: output.add_stream_from_template(stream, opaque=True) for stream in kept}
            for stream in kept:
                targets[stream.index].time_base = Fraction(stream.time_base.numerator, stream.time_base.denominator)
            numbers = dict.fromkeys(targets, -1)
            for packet in movie.demux(*kept):
                if packet.size == 0 or shows_nothing(packet):
                    continue
                numbers[packet.stream_index] += 1
                if change(packet, numbers[packet.stream_index]):
                    packet.stream = targets[packet.stream_index]
                    output.mux(packet)
    return written.getvalue()


def moved(stream: int, seconds: Fraction, number: int | None = None) -> Change:
    """Return a change that moves all packets of a stream, or the one of this number."""

    def change(packet: "Packet[Stream]", found: int) -> bool:
        if packet.stream_index == stream and number in (None, found):
            ticks = int(seconds * packet.time_base.denominator)
            packet.pts = (packet.pts or 0) + ticks
            packet.dts = (packet.dts or 0) + ticks
        return True

    return change


def dropped(stream: int, number: int) -> Change:
    return lambda packet, found: (packet.stream_index, found) != (stream, number)


def with_header(content: bytes, change: Callable[[Box], None]) -> bytes:
    """Change boxes of the index without changing their sizes."""
    boxes = parse(content)
    change(next(box for box in boxes if box.kind == "moov"))
    changed = b"".join(bytes(box) for box in boxes)
    assert len(changed) == len(content)
    assert changed != content
    return changed


def put(box: Box, at: int, value: int) -> None:
    """Write an integer of 32 bits into a box."""
    box.payload = box.payload[:at] + value.to_bytes(4) + box.payload[at + 4 :]


def with_damage(content: bytes, stream: int, number: int, damage: Callable[[bytes], bytes]) -> bytes:
    """Change the bytes of one packet."""
    with open_movie(BytesIO(content)) as movie:
        packets = [packet for packet in movie.demux(movie.streams[stream]) if packet.size]
        position, size = packets[number].pos, packets[number].size
    assert position is not None
    damaged = damage(content[position : position + size])
    assert len(damaged) == size
    return content[:position] + damaged + content[position + size :]


def one_bit(packet: bytes) -> bytes:
    """Flip the last bit but seven of a packet."""
    return packet[:-1] + bytes([packet[-1] ^ 0x80])


def nothing(packet: bytes) -> bytes:
    """Overwrite most of a packet."""
    return packet[:16] + bytes(len(packet) - 16)


@pytest.mark.parametrize("mode", ["full", "smart"])
def test_a_result_is_accepted(request: pytest.FixtureRequest, mode: str) -> None:
    made: Made = request.getfixturevalue(mode)
    assert made.verify() == pytest.approx(1, abs=0.1)
    assert made.verify(remuxed(made.content, lambda *_: True)) == made.verify()  # or the tests below prove nothing


PACKETS: dict[str, tuple[Change, str]] = {
    "a frame is missing": (dropped(PICTURE, 24), "in its number of frames: 24 instead of 25"),
    "a frame is late by a tick": (moved(PICTURE, Fraction(1, 12800), 7), "in its timestamps of the frames"),
    "the picture is late": (moved(PICTURE, Fraction(1, 25)), "in its timestamps of the frames"),
    "a packet of sound is missing": (dropped(SOUND, 9), "in its number of packets of the audio stream 1"),
    "a packet of sound is late by a sample": (moved(SOUND, Fraction(1, 48000), 9), "timestamps of the audio stream 1"),
    "the sound is late": (moved(SOUND, Fraction(150, 1000)), "start of the audio stream 1 in seconds: 0.128"),
    "the sound is late by a sample": (moved(SOUND, Fraction(1, 48000)), "start of the audio stream 1"),
    "the sound is early by a sample": (moved(SOUND, Fraction(-1, 48000)), "start of the audio stream 1"),
    "late sound is early": (moved(LATE_SOUND, Fraction(-1, 10)), "start of the audio stream 2"),
    "late sound is late by a sample": (moved(LATE_SOUND, Fraction(1, 48000)), "start of the audio stream 2"),
}


@pytest.mark.parametrize("name", PACKETS)
def test_packets_that_were_moved_or_left_out(full: Made, name: str) -> None:
    change, sentence = PACKETS[name]
    assert sentence in full.mismatch(remuxed(full.content, change))


@pytest.mark.parametrize("stream", [SOUND, TEXT])
def test_a_stream_is_missing(full: Made, stream: int) -> None:
    assert "differs from its source in its streams" in full.mismatch(remuxed(full.content, lambda *_: True, stream))


def test_an_edit_list_hides_other_samples(full: Made) -> None:
    def change(moov: Box) -> None:
        edits = moov.all("trak")[SOUND].one("edts", "elst")
        assert integers(edits.payload)[1] == 1
        put(edits, 12, integers(edits.payload)[3] - 48)

    assert "start of the audio stream 1" in full.mismatch(with_header(full.content, change))


def test_a_text_is_shown_earlier(full: Made) -> None:
    def change(moov: Box) -> None:
        times = moov.all("trak")[TEXT].one("mdia", "minf", "stbl", "stts")
        first, second = integers(times.payload)[3:6:2]
        put(times, 12, first - 48)
        put(times, 20, second + 48)

    content = with_header(full.content, change)
    assert "in its timestamps of the subtitle stream 3" in full.mismatch(content)


def test_the_display_matrix_is_another(full: Made) -> None:
    def change(moov: Box) -> None:
        header = moov.all("trak")[PICTURE].one("tkhd")
        for entry in (1, 3):  # b and c, so that it turns the other way
            at = 40 + 4 * entry
            put(header, at, -int.from_bytes(header.payload[at : at + 4], signed=True) & 0xFFFFFFFF)

    assert "differs from its source in its orientation" in full.mismatch(with_header(full.content, change))


@pytest.mark.parametrize(("stream", "kind"), [(SOUND, "audio"), (LATE_SOUND, "audio"), (TEXT, "subtitle")])
def test_a_bit_of_a_copied_packet_is_another(full: Made, stream: int, kind: str) -> None:
    content = with_damage(full.content, stream, 1, one_bit)
    assert f"in its bytes of the {kind} stream {stream}" in full.mismatch(content)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("number", [0, 12])
def test_a_picture_is_damaged(full: Made, number: int, threads: int) -> None:
    sentence = full.mismatch(with_damage(full.content, PICTURE, number, nothing), threads)
    assert "cannot be decoded properly" in sentence or "cannot be read to its end" in sentence


def test_the_file_ends_early(full: Made) -> None:
    assert full.mismatch(full.content[:-2000])


def test_the_size_is_another(full: Made) -> None:
    picture = replace(full.probed.picture, width=full.probed.picture.width + 2)
    said = replace(full, probed=replace(full.probed, picture=picture))
    assert said.mismatch() == "The result differs from its source in its size: (320, 180) instead of (322, 180)."


def test_the_result_is_longer(full: Made) -> None:
    said = replace(full, probed=replace(full.probed, duration=0.5))
    assert said.mismatch().endswith("s long instead of 0.500 s.")


SEAMS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a bit of a copied packet": (
        lambda content: with_damage(content, PICTURE, 4 * GROUP + 2, one_bit),
        "differs from what was put together in the packets of its picture",
    ),
    "the time of a copied packet": (
        lambda content: remuxed(content, moved(PICTURE, Fraction(1, 12800), 3 * GROUP + 1)),
        "differs from what was put together in the packets of its picture",
    ),
    "a copied packet is missing": (
        lambda content: remuxed(content, dropped(PICTURE, 5 * GROUP - 1)),
        "differs from what was put together in the packets of its picture",
    ),
    "the time of an encoded packet": (
        lambda content: remuxed(content, moved(PICTURE, Fraction(1, 12800), 2)),
        "differs from what was put together in the packets of its picture",
    ),
    "an encoded packet is damaged": (
        lambda content: with_damage(content, PICTURE, 2, nothing),
        "A frame at a seam or at a group's beginning cannot be decoded properly.",
    ),
    "a packet beside a seam is damaged": (
        lambda content: with_damage(content, PICTURE, GROUP, nothing),
        "A frame at a seam or at a group's beginning cannot be decoded properly.",
    ),
}


@pytest.mark.parametrize("name", SEAMS)
def test_a_picture_that_was_put_together(smart: Made, name: str) -> None:
    change, sentence = SEAMS[name]
    assert sentence in smart.mismatch(change(smart.content))


@pytest.mark.parametrize("number", [2, GROUP], ids=["encoded", "copied"])
def test_damage_at_a_seam_that_was_there_when_it_was_written(smart: Made, number: int) -> None:
    content, digest = with_damage(smart.content, PICTURE, number, nothing), PacketDigest()
    with open_movie(BytesIO(content)) as movie:
        for packet in movie.demux(movie.streams[PICTURE]):
            if packet.size:
                digest.add(packet)
    assert smart.encoded.spliced
    spliced = replace(smart.encoded.spliced, packets=digest.hexdigest())
    said = replace(smart, encoded=replace(smart.encoded, spliced=spliced))
    assert "A frame at a seam or at a group's beginning cannot be decoded properly." in said.mismatch(content)
