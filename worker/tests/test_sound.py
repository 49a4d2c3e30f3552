"""Sound: copied where players read it from MP4, else coded anew with every sample at its time; never a video lost."""

import struct
from array import array
from collections.abc import Callable
from fractions import Fraction
from math import sqrt
from pathlib import Path
from typing import Any

import av
import pytest

from worker.sandbox import EngineResult
from worker.tests.boxes import Box, edit_moov
from worker.tests.media import Clip, Sound, make_clip
from worker.tests.same_video import look_at

Engine = Callable[..., tuple[Path, Path, EngineResult]]
Marked = Callable[..., EngineResult]


def decoded(path: Path, track: int = 0) -> tuple[int, int, list[tuple[str, array[float]]]]:
    """Return the sample rate, the time of the first sample counted in samples, and each channel's name and samples."""
    with av.open(str(path)) as movie:
        stream = movie.streams.audio[track]
        resampler = av.AudioResampler(format="flt")
        frames = [ready for frame in movie.decode(stream) for ready in resampler.resample(frame)]
        first = frames[0]
        assert first.pts is not None
        base = Fraction(first.time_base.numerator, first.time_base.denominator)
        count = first.layout.nb_channels
        values = array("f", b"".join(bytes(frame.planes[0])[: frame.samples * count * 4] for frame in frames))
        channels = [(channel.name, values[at::count]) for at, channel in enumerate(first.layout.channels)]
        return first.sample_rate, round(first.pts * base * first.sample_rate), channels


def likeness(one: array[float], other: array[float]) -> float:
    """Return the correlation of two signals, 1 if they are the same but for their loudness."""
    product = sum(a * b for a, b in zip(one, other, strict=False))
    return product / sqrt(sum(a * a for a in one) * sum(b * b for b in other) or 1)


def assert_same_sound(source: Path, output: Path, track: int = 0, least: float = 0.94) -> None:
    """Assert that each channel is heard at the same time, to the sample, for as long, and as loud."""
    rate, start, before = decoded(source, track)
    same_rate, same_start, after = decoded(output, track)
    assert same_rate == rate
    assert len(after) == len(before)
    assert start >= same_start
    for (_, one), (name, other) in zip(before, after, strict=True):
        silence, heard = other[: start - same_start], other[start - same_start :]
        assert max(map(abs, silence[:-1024]), default=0.0) < 0.001
        assert len(heard) == len(one)
        near = [likeness(one[8:-8], heard[8 + shift : len(heard) - 8 + shift]) for shift in (-1, 0, 1)]
        if name == "LFE":  # of a subwoofer's channel AAC keeps the lowest tones only
            assert near[1] > 0.3
            continue
        assert near[1] > least
        assert near[1] == max(near)
        assert 0.9 < sqrt(sum(b * b for b in heard) / sum(a * a for a in one)) < 1.1


def _anew(given: str, sound: Sound, outcome: str = "", **clip: Any) -> Any:
    marks = pytest.mark.input_row("Sound", given, outcome or "AAC with the same samples at the same times")
    return pytest.param(Clip(grey=None, seconds=0.4, languages=(), sounds=(sound,), format="mov", **clip),
                        id=given, marks=marks)  # fmt: skip


@pytest.mark.parametrize("clip", [
    _anew("PCM in a MOV, 16 bits, stereo, 48 kHz", Sound("pcm_s16le")),
    _anew("PCM, 16 bits, big-endian, 44.1 kHz", Sound("pcm_s16be", 44100)),
    _anew("PCM, 24 bits, 5.1", Sound("pcm_s24le", layout="5.1"), "AAC 5.1, channel by channel"),
    _anew("PCM, 5.1 with side speakers", Sound("pcm_s16le", layout="5.1(side)"), "AAC 5.1, channel by channel"),
    _anew("PCM, 7.1, 96 kHz", Sound("pcm_s24le", 96000, "7.1"), "AAC 7.1 at 96 kHz, channel by channel"),
    _anew("PCM in floating point, mono", Sound("pcm_f32le", layout="mono")),
    _anew("µ-law of 8 kHz", Sound("pcm_mulaw", 8000, "mono")),
    _anew("A-law of 16 kHz", Sound("pcm_alaw", 16000, "mono")),
    _anew("IMA ADPCM of an old camera", Sound("adpcm_ima_qt", layout="mono")),
    _anew("PCM that starts late by an odd number of samples", Sound("pcm_s16le", start=Fraction(4801, 48000))),
    _anew("PCM longer than the picture", Sound("pcm_s16le", seconds=0.7)),
    _anew("PCM shorter than the picture", Sound("pcm_s16le", seconds=0.1)),
])  # fmt: skip
def test_sound_that_players_do_not_read_is_coded_anew(marked: Marked, tmp_path: Path, clip: Clip) -> None:
    source = make_clip(tmp_path / "source.mov", clip)
    result = marked(source, coded_anew={1})
    assert_same_sound(source, tmp_path / "output.mp4")
    with av.open(str(tmp_path / "output.mp4")) as movie:
        assert movie.streams.audio[0].codec_context.name == "aac"
    assert len(result.notes) == 1
    assert f"The sound of stream 1 was {clip.sounds[0].codec} and is now AAC" in result.notes[0]


LAYOUTS = (
    "2.1", "3.0(back)", "4.0", "quad", "quad(side)", "3.1", "5.0(side)", "4.1", "6.0", "6.0(front)", "hexagonal", "6.1",
    "6.1(back)", "6.1(front)", "7.0", "7.0(front)", "7.1(wide)", "7.1(wide-side)", "5.1.2", "5.1.2(back)", "octagonal",
)  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.input_row("Sound", "PCM in 21 other layouts: 6.0, 6.1, 7.0, wide, side and high speakers",
                       "AAC, each channel from its own speaker")  # fmt: skip
def test_each_channel_comes_from_its_own_speaker(marked: Marked, tmp_path: Path, layout: str) -> None:
    clip = Clip(seconds=0.2, languages=(), sounds=(Sound("pcm_s16le", layout=layout),), format="mov")
    source = make_clip(tmp_path / "source.mov", clip)
    marked(source, coded_anew={1})
    (_, _, before), (_, _, after) = decoded(source), decoded(tmp_path / "output.mp4")
    has_both = {"BL", "SL"} <= {name for name, _ in before}
    speakers = {} if has_both else {"SL": "BL", "SR": "BR"}  # AAC calls a single pair beside or behind the viewer so
    assert {name for name, _ in after} == {speakers.get(name, name) for name, _ in before}
    for name, samples in before:
        near = {speaker: likeness(samples, heard) for speaker, heard in after}
        assert max(near, key=lambda speaker: near[speaker]) == speakers.get(name, name)
        assert near[speakers.get(name, name)] > (0.3 if name == "LFE" else 0.5)  # above it is about quality, here not


@pytest.mark.parametrize("count", [4, 6, 7, 8])
@pytest.mark.input_row("Sound", "PCM of up to 8 channels without names, as of single microphones",
                       "AAC, all of each channel, in the same order")  # fmt: skip
def test_channels_without_names_keep_all_their_tones(marked: Marked, tmp_path: Path, count: int) -> None:
    clip = Clip(seconds=0.2, languages=(), sounds=(Sound("pcm_s16le", layout=f"{count} channels"),), format="mov")
    source = make_clip(tmp_path / "source.mov", clip)
    marked(source, coded_anew={1})
    assert {name for name, _ in decoded(source)[2]} == {"NONE"}
    assert_same_sound(source, tmp_path / "output.mp4")


@pytest.mark.parametrize("layout", ["5.1.4", "7.1.4", "22.2"])
@pytest.mark.input_row("Sound", "PCM of more than 8 channels: 5.1.4, 7.1.4, 22.2", "left out; the record says so")
def test_more_channels_than_aac_gets(marked: Marked, tmp_path: Path, layout: str) -> None:
    sounds = (Sound(), Sound("pcm_s24le", layout=layout))
    clip = Clip(seconds=0.2, languages=(), sounds=sounds, format="mov")
    (note,) = marked(make_clip(tmp_path / "source.mov", clip), left_out={2}).notes
    count = {"5.1.4": 10, "7.1.4": 12, "22.2": 24}[layout]
    assert (
        note == f"The sound of stream 2 has {count} channels, more than the 8 that AAC is coded with, and was left out."
    )


def _moved_to(track: Box, *runs: tuple[int, int]) -> None:
    """Let the packets of a track last so many ticks."""
    table = track.one("mdia", "minf", "stbl", "stts")
    table.payload = bytes(4) + len(runs).to_bytes(4) + b"".join(struct.pack(">2I", *run) for run in runs)


@pytest.mark.input_row("Sound", "a packet with the time of the one before it", "a tick later; the record says so")
def test_packets_without_a_time_of_their_own(engine_in_process: Engine, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", Clip(movflags="-faststart", seconds=0.4))
    with av.open(str(source)) as movie:
        packets = movie.streams.audio[0].frames
    runs = ((5, 1024), (1, 0), (packets - 6, 1024))
    edit_moov(source, lambda moov: _moved_to(moov.all("trak")[1], *runs))
    _, output, result = engine_in_process(source)
    (before,), (after,) = look_at(source).tracks, look_at(output).tracks
    assert [packet.sha256 for packet in after.packets] == [packet.sha256 for packet in before.packets]
    moved = [(one.pts or 0) - (other.pts or 0) for one, other in zip(after.packets, before.packets, strict=True)]
    assert moved == [Fraction(index == 6, 48000) for index in range(packets)]
    assert result.notes == ["A packet of the audio stream 1 was out of order and moved in time."]


KEPT = {
    "AAC": Sound(), "MP3": Sound("libmp3lame"), "AC-3, 5.1": Sound("ac3", layout="5.1(side)"), "E-AC-3": Sound("eac3"),
    "FLAC": Sound("flac"), "ALAC": Sound("alac"), "Opus": Sound("libopus"), "MP2": Sound("mp2"),
}  # fmt: skip


@pytest.mark.parametrize("sound", [
    pytest.param(sound, id=name, marks=pytest.mark.input_row("Sound", name, "the same packets"))
    for name, sound in KEPT.items()
])  # fmt: skip
def test_sound_that_mp4_holds_is_kept(marked: Marked, tmp_path: Path, sound: Sound) -> None:
    clip = Clip(seconds=0.4, languages=(), sounds=(sound,))
    assert marked(make_clip(tmp_path / "source.mp4", clip)).notes == []
