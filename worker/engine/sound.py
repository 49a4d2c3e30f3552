"""Sound that few players read from an MP4 file, coded anew as AAC: every sample at the time that it had."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av.error
from av import AudioFrame, AudioResampler, Packet
from av.audio.codeccontext import AudioCodecContext
from av.audio.layout import AudioLayout
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream

from worker.engine.digest import Digest
from worker.engine.source import as_fraction
from worker.engine.tags import copy_tags

# Nothing is gained from decoders that no camera, editor or phone of the last 30 years writes for.
_DECODED = ("pcm_", "adpcm_", "amr_", "gsm", "mace", "qdm2", "truehd", "mlp")
# MP4 could hold PCM (ISO/IEC 23003-5) and TrueHD, but browsers play neither, and FFmpeg calls the latter experimental.
_NOT_COPIED = ("pcm_", "truehd", "mlp")

BITS_PER_CHANNEL = 128_000  # bits per second: twice what a stream would get, since this may be cut and coded again
_MOST_BITS_PER_SAMPLE = 6  # a frame of 1024 samples has at most 6144 bits per channel (ISO/IEC 14496-3)
AAC_RATES = (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
# The layouts that AAC has a number for, by their number of channels; any other is told channel by channel. By number, a
# channel would else come from the wrong speaker, or lose all but its lowest tones in the place of the subwoofer.
_NUMBERED = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1(back)", "7.1")
_WITHOUT_SUBWOOFER = (*_NUMBERED[:5], "hexagonal", "7.0", "octagonal")  # for channels that have no names too
_TOLD = (
    "2.1", "3.0(back)", "quad", "quad(side)", "3.1", "4.1", "6.0", "6.0(front)", "hexagonal", "6.1", "6.1(front)",
    "7.0", "7.0(front)", "7.1(wide)", "7.1(wide-side)", "octagonal", "5.1.2(back)",
)  # fmt: skip
_ALIASES = {"5.1.2": "5.1.2(back)"}  # AAC has one pair of them, wherever it stands
_OPTIONS = {"aac_pns": "0"}  # or the encoder puts noise of its own in the place of the recorded one

MAX_SILENCE_SECONDS = 600  # in one piece; more is a broken clock, and would be encoded for hours


def is_played_as_it_is(source: AudioStream) -> bool:
    """Return whether players read this sound from an MP4 file as it is, if the muxer takes it."""
    return not _codec(source).startswith(_NOT_COPIED)


def transcode(source: AudioStream, output: OutputContainer) -> "TranscodedSound | str":
    """Add an AAC track to the result; return it, or a sentence for the record that says why there is none."""
    name = _codec(source)
    if not name.startswith(_DECODED):
        return f"The sound of stream {source.index} ({name}) does not fit into MP4 and was left out."
    channels = source.codec_context.layout.nb_channels
    if not 1 <= channels <= len(_NUMBERED):
        return (
            f"The sound of stream {source.index} has {channels} channels, more than the {len(_NUMBERED)} that AAC is "
            "coded with, and was left out."
        )
    if source.start_time and source.start_time * as_fraction(source.time_base) > MAX_SILENCE_SECONDS:
        return f"The sound of stream {source.index} starts too late to be true and was left out."
    return TranscodedSound(source, output, name)


def _codec(source: AudioStream) -> str:
    context: AudioCodecContext | None = (
        source.codec_context
    )  # PyAV's stubs do not say so: None if FFmpeg has no decoder
    return context.codec.canonical_name if context else "unknown"


class TranscodedSound:
    """A track of the source and its AAC version in the result.

    The encoder gets one unbroken row of samples from time 0 on, with silence where the source has none. So the track
    begins with the encoder's own warming up, which the muxer hides by an edit list, and each sample keeps its time.
    """

    def __init__(self, source: AudioStream, output: OutputContainer, name: str) -> None:
        context = source.codec_context
        self.source = source
        self.digest = Digest()
        self._rate, self._channels = context.sample_rate, context.layout.nb_channels
        self._layout = _layout(context.layout)
        self._packed = AudioResampler(format="flt")  # one plane, in which silence is 0, whatever the decoder gives
        self._position: int | None = None  # of the next sample, counted from time 0
        self._damaged = 0
        self._is_lost = False
        rate = next((rate for rate in AAC_RATES if rate >= self._rate), AAC_RATES[-1])
        bits = min(BITS_PER_CHANNEL, _MOST_BITS_PER_SAMPLE * rate) * self._channels
        self.target = output.add_stream("aac", rate=rate, layout=self._layout, options=_OPTIONS)
        self.target.bit_rate = bits
        copy_tags(source, self.target)
        self._note = f"The sound of stream {source.index} was {name} and is now AAC of {bits // 1000} kbit/s"
        self._note += f" and {rate} Hz." if rate != self._rate else "."

    def copy(self, packet: "Packet[Stream]", output: OutputContainer) -> None:
        """Write what a packet of the source becomes."""
        self._write(self._decode(packet), output)

    def finish(self, output: OutputContainer) -> None:
        """Write what the decoder and the encoder have held back."""
        self._write(self._decode(None), output)
        if self._position is not None:
            self._mux(self.target.encode(None), output)

    def notes(self) -> list[str]:
        """Return sentences for the job record."""
        track = f"the sound of stream {self.source.index}"
        if not self.digest.packets:
            return [f"The audio stream {self.source.index} was empty."]
        notes = [self._note]
        if self._damaged:
            notes.append(f"{self._damaged} packets of {track} are damaged and silent now.")
        if self._is_lost:
            notes.append(f"The times of {track} jump by more than {MAX_SILENCE_SECONDS} s; it ends there now.")
        return notes

    def _decode(self, packet: "Packet[Stream] | None") -> Iterator[AudioFrame]:
        try:
            frames = self.source.codec_context.decode(packet)
        except av.error.InvalidDataError:
            self._damaged += 1
            return
        for frame in frames:
            if (frame.sample_rate, frame.layout.nb_channels) == (self._rate, self._channels):
                yield from self._packed.resample(frame)
            else:
                self._damaged += 1

    def _write(self, frames: Iterable[AudioFrame], output: OutputContainer) -> None:
        for frame in frames:
            for ready in self._in_a_row(frame):
                self._mux(self.target.encode(ready), output)

    def _mux(self, packets: "list[Packet[AudioStream]]", output: OutputContainer) -> None:
        for packet in packets:
            output.start_encoding()  # from here on the target's clock is the one that the muxer uses
            self.digest.add(packet, self.target)
            output.mux(packet)

    def _in_a_row(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """Yield the frame with silence before it, or without what overlaps: no sample is missing or there twice."""
        tick = as_fraction(self.source.time_base) * self._rate  # in samples
        start = self._position or 0 if frame.pts is None else round(frame.pts * tick)
        if self._position is None:
            self._position = min(0, start)
        gap = start - self._position
        if self._position > 0 and abs(gap) < tick:
            gap = 0  # the clock of the track is coarser than a sample
        self._is_lost |= gap > MAX_SILENCE_SECONDS * self._rate
        if self._is_lost:
            return
        size = self._channels * frame.format.bytes
        for begin in range(0, gap, self._rate):
            yield self._next(bytes(min(gap - begin, self._rate) * size))
        content = bytes(frame.planes[0])[max(0, -gap) * size : frame.samples * size]
        if content:
            yield self._next(content)

    def _next(self, content: bytes) -> AudioFrame:
        """Return the next samples in the target's layout, whatever the source calls it: none is mixed into another."""
        samples = len(content) // (self._channels * self._packed.format.bytes)
        frame = AudioFrame(format=self._packed.format, layout=self._layout, samples=samples)
        frame.planes[0].update(content.ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.time_base, frame.pts = self._rate, Fraction(1, self._rate), self._position
        self._position = (self._position or 0) + samples
        return frame


def _layout(source: AudioLayout) -> str:
    """Return the layout of AAC that has the source's channels in the source's order."""
    name = _ALIASES.get(source.name, source.name)
    if name in _TOLD:
        return name
    has_subwoofer = any(channel.name == "LFE" for channel in source.channels)
    return (_NUMBERED if has_subwoofer else _WITHOUT_SUBWOOFER)[source.nb_channels - 1]
