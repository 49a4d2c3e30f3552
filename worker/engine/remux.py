"""Everything that is not the picture: streams copied packet by packet, and sound coded anew where it must be."""

from collections.abc import Callable
from fractions import Fraction
from math import ceil, lcm

from av import Packet
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from worker.engine.digest import Digest, shows_nothing
from worker.engine.sound import AAC_RATES, TranscodedSound, is_played_as_it_is, transcode
from worker.engine.source import as_fraction
from worker.engine.tags import copy_movie_tags, copy_tags, has_own_tags, is_rewritten

MAX_MOVIE_TIMESCALE = 2**31 - 1


class CopiedStream:
    """A stream of the source and its copy in the result."""

    def __init__(self, source: Stream, target: Stream) -> None:
        self.source = source
        self.target = target
        self.digest = Digest()
        self._last_dts: int | None = None
        self._moved = 0

    def copy(self, packet: "Packet[Stream]", output: OutputContainer) -> None:
        """Write a packet of the source, with its timestamps, to the result."""
        if shows_nothing(packet):
            return  # the muxer puts one at the end by itself
        if self._last_dts is not None and packet.dts is not None and packet.dts <= self._last_dts:
            if packet.is_discard:
                return  # an edit list hides it: only who decodes needs what lies before the next piece
            packet.dts = self._last_dts + 1
            packet.pts = max(packet.pts or 0, packet.dts)
            self._moved += 1
        self._last_dts = packet.dts
        output.start_encoding()  # from here on the target's clock is the one that the muxer uses
        self.digest.add(packet, self.target)
        packet.stream = self.target
        output.mux(packet)

    def finish(self, _output: OutputContainer) -> None:
        """Do nothing: no packet is held back."""

    def notes(self) -> list[str]:
        """Return sentences for the job record about what was not to be copied as it was."""
        track = f"{self.source.type} stream {self.source.index}"
        if not self.digest.packets:
            return [f"The {track} was empty."]
        if not self._moved:
            return []
        which = f"A packet of the {track} was" if self._moved == 1 else f"{self._moved} packets of the {track} were"
        return [f"{which} out of order and moved in time."]


class Copies:
    """All streams of the result, in the source's order: those from here, and the place of the picture among them."""

    def __init__(
        self, movie: InputContainer, picture: VideoStream, output: OutputContainer, add_picture: Callable[[], None]
    ) -> None:
        """Add global metadata, chapters and all streams. They are complete before the first packet is written.

        Args:
            picture: The stream that is not copied here.
            add_picture: Called in its turn, to add what takes its place.
        """
        self._output = output
        self._copied: dict[int, CopiedStream | TranscodedSound] = {}
        self._layout: list[tuple[str, CopiedStream | TranscodedSound | None]] = []
        self._notes: list[str] = []
        copy_movie_tags(movie, output)
        for stream in movie.streams:
            if stream is picture:
                add_picture()
                self._layout.append(("video", None))
            elif not is_rewritten(stream, movie):
                self._add(stream)

    def _add(self, stream: Stream) -> None:
        copied = copy_stream(stream, self._output)
        if isinstance(copied, str):
            self._notes.append(copied)
        else:
            self._copied[stream.index] = copied
            self._layout.append((stream.type, copied))

    @property
    def sources(self) -> list[Stream]:
        return [copied.source for copied in self._copied.values()]

    def copy(self, packet: "Packet[Stream]") -> None:
        """Write a packet of one of the sources to the result."""
        self._copied[packet.stream_index].copy(packet, self._output)

    def finish(self) -> None:
        """Write what is still held back, after the last packet."""
        for copied in self._copied.values():
            copied.finish(self._output)

    def streams(self) -> list[tuple[str, Digest | None]]:
        """Return type and digest of each stream that the result has; None is the picture."""
        return [
            (kind, copied.digest if copied else None)
            for kind, copied in self._layout
            if copied is None or copied.digest.packets
        ]

    def notes(self) -> list[str]:
        """Return sentences for the job record; complete after `finish`."""
        return [*self._notes, *(note for copied in self._copied.values() for note in copied.notes())]


def copy_stream(source: Stream, output: OutputContainer) -> CopiedStream | TranscodedSound | str:
    """Add a copy of a stream to the result; return it, or a sentence for the record that says why there is none."""
    name = source.codec_context.name if source.codec_context else "unknown"
    if source.type == "data" or not _is_copied(source):
        if source.type == "data":
            name = source.metadata.get("handler_name") or source.name or name
        return f"The {_kind(source)} stream {source.index} ({name}) cannot be kept and was left out."
    if isinstance(source, AudioStream) and not is_played_as_it_is(source):
        return transcode(source, output)
    try:
        target = output.add_stream_from_template(source, opaque=True)
    except ValueError:
        if isinstance(source, AudioStream):
            return transcode(source, output)
        return f"The {_kind(source)} stream {source.index} ({name}) does not fit into MP4 and was left out."
    copy_tags(source, target)
    if source.type == "subtitle":
        target.time_base = _clock_of_subtitles(source)
    return CopiedStream(source, target)


def _clock_of_subtitles(source: Stream) -> Fraction:
    """Return seconds per tick for a copy of subtitles.

    The muxer compares ticks of any track with those at which the last subtitle ended, as if all clocks were one, and
    puts an empty text in between if those are fewer. It does not if no clock is faster.
    """
    assert isinstance(source.container, InputContainer)  # noqa: S101 - for the type checker
    fastest = max(*_clocks(source.container), AAC_RATES[-1])
    return as_fraction(source.time_base) / max(1, ceil(fastest * as_fraction(source.time_base)))


def _is_copied(source: Stream) -> bool:
    return source.type in ("audio", "subtitle") or bool(source.disposition & Disposition.attached_pic)


def _kind(source: Stream) -> str:
    return "second video" if source.type == "video" else source.type


def muxer_options(movie: InputContainer, video: VideoStream) -> dict[str, str]:
    """Return the mp4 muxer's options: moov in front, and clocks that hold the source's timestamps exactly."""
    flags = "+faststart"
    if has_own_tags(movie):
        flags += "+use_metadata_tags"
    return {
        "movflags": flags,
        "video_track_timescale": str(video.time_base.denominator),
        "movie_timescale": str(_movie_timescale(movie)),
    }


def _movie_timescale(movie: InputContainer) -> int:
    """Return ticks per second of the movie's own clock, in which edit lists count: where tracks start and end.

    On a coarser clock than the tracks' own, sound would lose its last samples. Chapters are counted in it too.
    """
    clocks = _clocks(movie)
    starts = [chapter["start"] * as_fraction(chapter["time_base"]) for chapter in movie.chapters()]
    exact = lcm(*clocks, *(start.denominator for start in starts))
    return exact if exact <= MAX_MOVIE_TIMESCALE else max(clocks)


def _clocks(movie: InputContainer) -> list[int]:
    """Return ticks per second of all tracks."""
    return [stream.time_base.denominator for stream in movie.streams if stream.type != "data" and stream.time_base]
