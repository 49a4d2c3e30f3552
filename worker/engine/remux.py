"""Everything that is not the picture: streams copied packet by packet, with their names, chapters and tags."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from math import lcm

import av.error
from av import Packet
from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from worker.engine.source import as_fraction
from worker.errors import CorruptInput, UnsupportedInput

MAX_MOVIE_TIMESCALE = 2**31 - 1
_MUXER_OWN_TAGS = ("major_brand", "minor_version", "compatible_brands", "encoder")
# What the mp4 muxer writes as iTunes tags, where every player looks; any other key needs the mdta form.
_ITUNES_TAGS = {
    "title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping",
    "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "episode_sort", "season_number",
    "media_type", "hd_video", "gapless_playback", "compilation", "track", "disc", "creation_time", "location",
}  # fmt: skip


@dataclass
class Digest:
    """What went through a copied stream: enough to tell whether the result holds the same."""

    packets: int = 0
    crc32: int = 0

    def add(self, packet: "Packet[Stream]") -> None:
        self.packets += 1
        self.crc32 = zlib.crc32(bytes(packet), self.crc32)


class CopiedStream:
    """A stream of the source and its copy in the result."""

    def __init__(self, source: Stream, target: Stream) -> None:
        self.source = source
        self.target = target
        self.digest = Digest()

    def copy(self, packet: "Packet[Stream]", output: OutputContainer) -> None:
        """Write a packet of the source, with its timestamps, to the result."""
        self.digest.add(packet)
        packet.stream = self.target
        try:
            output.mux(packet)
        except av.error.ArgumentError as error:  # the muxer's answer to time that stands still or runs backwards
            kind = self.source.type
            raise CorruptInput(f"The timestamps of the {kind} stream {self.source.index} do not increase.") from error


class Copies:
    """All streams of the result, in the source's order: the copied ones, and the place of the picture among them."""

    def __init__(
        self, movie: InputContainer, picture: VideoStream, output: OutputContainer, add_picture: Callable[[], None]
    ) -> None:
        """Add global metadata, chapters and all streams. They are complete before the first packet is written.

        Args:
            picture: The stream that is not copied here.
            add_picture: Called in its turn, to add what takes its place.
        """
        self._output = output
        self._copied: dict[int, CopiedStream] = {}
        self._layout: list[tuple[str, CopiedStream | None]] = []
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

    def streams(self) -> list[tuple[str, Digest | None]]:
        """Return type and digest of each stream that the result has; None is the picture."""
        return [
            (kind, copied.digest if copied else None)
            for kind, copied in self._layout
            if copied is None or copied.digest.packets
        ]

    def notes(self) -> list[str]:
        """Return sentences for the job record; complete when all packets have been copied."""
        empty = [copied.source for copied in self._copied.values() if copied.digest.packets == 0]
        return [*self._notes, *(f"The {source.type} stream {source.index} was empty." for source in empty)]


def copy_stream(source: Stream, output: OutputContainer) -> CopiedStream | str:
    """Add a copy of a stream to the result; return it, or a sentence for the record that says why there is none.

    Raises:
        UnsupportedInput: The sound is of a kind that mp4 cannot hold.
    """
    name = source.codec_context.name if source.codec_context else "unknown"
    if source.type == "data" or not _is_copied(source):
        return f"The {_kind(source)} stream {source.index} ({source.name or name}) cannot be kept and was left out."
    try:
        target = output.add_stream_from_template(source, opaque=True)
    except ValueError as error:
        if source.type == "audio":
            raise UnsupportedInput(
                f"The sound is coded as {name}, which an MP4 file cannot hold.", "Convert the sound to AAC."
            ) from error
        return f"The {_kind(source)} stream {source.index} ({name}) does not fit into MP4 and was left out."
    copy_tags(source, target)
    return CopiedStream(source, target)


def _is_copied(source: Stream) -> bool:
    return source.type in ("audio", "subtitle") or bool(source.disposition & Disposition.attached_pic)


def _kind(source: Stream) -> str:
    return "second video" if source.type == "video" else source.type


def copy_tags(source: Stream, target: Stream) -> None:
    """Copy language, title, handler and disposition."""
    target.metadata.update({key: value for key, value in source.metadata.items() if key != "encoder"})
    target.disposition = source.disposition


def copy_timecode(movie: InputContainer, target: VideoStream) -> None:
    """Have the muxer write a timecode track with the first timecode of the source, if it has any."""
    for stream in movie.streams:
        if stream.type == "data" and "timecode" in stream.metadata:
            target.metadata.setdefault("timecode", stream.metadata["timecode"])


def copy_movie_tags(source: InputContainer, output: OutputContainer) -> None:
    """Copy global metadata and chapters."""
    output.metadata.update({key: value for key, value in source.metadata.items() if key not in _MUXER_OWN_TAGS})
    chapters = source.chapters()
    if chapters:
        output.set_chapters(chapters)


def is_rewritten(source: Stream, movie: InputContainer) -> bool:
    """Return whether the muxer makes this data stream anew: the track of the chapters' names, and the timecode."""
    if source.type != "data":
        return False
    return "timecode" in source.metadata or (source.name == "bin_data" and bool(movie.chapters()))


def muxer_options(movie: InputContainer, video: VideoStream) -> dict[str, str]:
    """Return the mp4 muxer's options: moov in front, and clocks that hold the source's timestamps exactly."""
    flags = "+faststart"
    if any(key.split("-")[0] not in _ITUNES_TAGS and key not in _MUXER_OWN_TAGS for key in movie.metadata):
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
    clocks = [stream.time_base.denominator for stream in movie.streams if stream.type != "data" and stream.time_base]
    starts = [chapter["start"] * as_fraction(chapter["time_base"]) for chapter in movie.chapters()]
    exact = lcm(*clocks, *(start.denominator for start in starts))
    return exact if exact <= MAX_MOVIE_TIMESCALE else max(clocks)
