"""What is said about a movie and its streams: titles, languages, dispositions, chapters, timecodes."""

from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

_MUXER_OWN_TAGS = ("major_brand", "minor_version", "compatible_brands", "encoder")
# What the mp4 muxer writes as iTunes tags, where every player looks; any other key needs the mdta form.
_ITUNES_TAGS = {
    "title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping",
    "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "episode_sort", "season_number",
    "media_type", "hd_video", "gapless_playback", "compilation", "track", "disc", "creation_time", "location",
}  # fmt: skip


def copy_tags(source: Stream, target: Stream) -> None:
    """Copy language, title, handler and disposition."""
    target.metadata.update({key: value for key, value in source.metadata.items() if key != "encoder"})
    if "name" in source.metadata:  # what a MOV calls the title of a track
        target.metadata.setdefault("title", source.metadata["name"])
    target.disposition = source.disposition


def copy_timecode(movie: InputContainer, target: VideoStream) -> None:
    """Have the muxer write a timecode track with the first timecode of the source, if it has any."""
    for stream in movie.streams:
        if stream.type == "data" and "timecode" in stream.metadata:
            target.metadata.setdefault("timecode", stream.metadata["timecode"])


def copy_movie_tags(source: InputContainer, output: OutputContainer) -> None:
    """Copy global metadata and chapters; beside tags of its own not the time of creation, see `headers`."""
    skipped = (*_MUXER_OWN_TAGS, "creation_time") if has_own_tags(source) else _MUXER_OWN_TAGS
    output.metadata.update({key: value for key, value in source.metadata.items() if key not in skipped})
    chapters = source.chapters()
    if chapters:
        output.set_chapters(chapters)


def is_rewritten(source: Stream, movie: InputContainer) -> bool:
    """Return whether the muxer makes this data stream anew: the track of the chapters' names, and the timecode."""
    if source.type != "data":
        return False
    return "timecode" in source.metadata or (source.name == "bin_data" and bool(movie.chapters()))


def has_own_tags(movie: InputContainer) -> bool:
    """Return whether a movie has tags that iTunes does not know, which the muxer writes on demand only."""
    return any(key.split("-")[0] not in _ITUNES_TAGS and key not in _MUXER_OWN_TAGS for key in movie.metadata)
