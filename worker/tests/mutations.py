"""Movies with something wrong in them: each is what a seed file, a number and this module say, for ever the same."""

import re
from collections.abc import Callable, Sequence
from random import Random

from worker.tests.boxes import Box, parse

EXTREMES = (0, 1, 2, 0xFF, 0x7FFF, 0xFFFF, 1 << 16, 1 << 24, (1 << 28) - 1, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
LONG_EXTREMES = (*EXTREMES, 1 << 32, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)

_KINDS = (
    b"ftyp moov mvhd trak tkhd edts elst mdia mdhd hdlr minf dinf dref stbl stsd stts ctts stsc stsz stz2 stco co64 "
    b"stss sdtp sgpd sbgp udta meta ilst chap tref mvex mehd trex moof mfhd traf tfhd tfdt trun sidx mfra tfra mdat "
    b"vmhd smhd avc1 avcC hvc1 hev1 hvcC av01 av1C vp09 vpcC mp4v mp4a esds apcn colr pasp btrt tx3g text tmcd gmhd "
    b"chpl free"
).split()
_KIND = re.compile(b"|".join(_KINDS))

_Mutation = Callable[[bytearray, Random], bytearray]


def mutate(content: bytes, number: int) -> bytes:
    """Return the mutation of a movie with this number."""
    random = Random(number)  # noqa: S311 - it has to be the same again
    mutated = bytearray(content)
    for mutation in random.choices(_MUTATIONS, k=random.choice((1, 1, 2, 4))):
        if len(mutated) >= 16:
            mutated = mutation(mutated, random)
    return bytes(mutated)


def _flip_bits(content: bytearray, random: Random) -> bytearray:
    for _ in range(random.choice((1, 4, 64))):
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    return content


def _run_of_bytes(content: bytearray, random: Random) -> bytearray:
    start, length = random.randrange(len(content)), random.choice((4, 64, 1024))
    length = min(length, len(content) - start)
    content[start : start + length] = random.choice((bytes(length), b"\xff" * length, random.randbytes(length)))
    return content


def _truncate(content: bytearray, random: Random) -> bytearray:
    return content[: random.randrange(len(content))]


def _append(content: bytearray, random: Random) -> bytearray:
    start = random.randrange(len(content))
    return content + content[start : start + random.randrange(4096)]


def _box_size(content: bytearray, random: Random) -> bytearray:
    start = _any_box(content, random)
    return _put(content, start, random.choice((*EXTREMES, 7, 8, 9, len(content), random.randrange(1 << 16))))


def _box_kind(content: bytearray, random: Random) -> bytearray:
    start = _any_box(content, random) + 4
    content[start : start + 4] = random.choice(_KINDS)
    return content


def _box_of_64_bits(content: bytearray, random: Random) -> bytearray:
    start = _any_box(content, random)
    return _put(_put(content, start, 1), start + 8, random.choice(LONG_EXTREMES), 8)


def _count(content: bytearray, random: Random) -> bytearray:
    """The number of entries of a table, behind version and flags."""
    return _put(content, _any_box(content, random) + 12, random.choice(EXTREMES))


def _field(content: bytearray, random: Random) -> bytearray:
    """A number somewhere in a box: a size, a time, a scale, a dimension, an offset, an entry of a table."""
    start = _any_box(content, random) + 8 + random.randrange(64) * random.choice((1, 2, 4))
    size = random.choice((1, 2, 4, 4, 4, 8))
    value = random.choice((*LONG_EXTREMES, random.randrange(1 << 32))) % (1 << 8 * size)
    return _put(content, start, value, size)


def _structure(change: Callable[[Box, Random], None]) -> _Mutation:
    def mutation(content: bytearray, random: Random) -> bytearray:
        try:
            top = Box("file", children=parse(bytes(content)))
        except (RecursionError, ValueError):
            return content
        change(random.choice([box for box in top.walk() if box.children]), random)
        return bytearray(b"".join(bytes(box) for box in top.children))

    return mutation


def _remove(parent: Box, random: Random) -> None:
    del parent.children[random.randrange(len(parent.children))]


def _duplicate(parent: Box, random: Random) -> None:
    chosen = random.choice(parent.children)
    parent.children[random.randrange(len(parent.children)) :] += [chosen] * random.choice((1, 1, 40))


def _shuffle(parent: Box, random: Random) -> None:
    random.shuffle(parent.children)


def _nest(parent: Box, random: Random) -> None:
    """A box in boxes of its own kind, hundreds of levels deep."""
    place = random.randrange(len(parent.children))
    box = parent.children[place]
    for _ in range(random.choice((1, 5, 300))):
        box = Box(box.kind, payload=bytes(box))
    parent.children[place] = box


def _swap_tables(parent: Box, random: Random) -> None:
    first, second = random.choice(parent.children), random.choice(parent.children)
    first.payload, second.payload = second.payload, first.payload
    first.children, second.children = second.children, first.children


_MUTATIONS: Sequence[_Mutation] = (
    _flip_bits, _run_of_bytes, _truncate, _append, _box_size, _box_kind, _box_of_64_bits,
    *[_count] * 2, *[_field] * 4,
    *(_structure(change) for change in (_remove, _duplicate, _shuffle, _nest, _swap_tables)),
)  # fmt: skip


def _any_box(content: bytearray, random: Random) -> int:
    """Return where a box begins; by the kind first, so that a box that is there once is met as often as any."""
    places: dict[bytes, list[int]] = {}
    for found in _KIND.finditer(content):
        if found.start() >= 4:
            places.setdefault(found[0], []).append(found.start() - 4)
    if not places:
        return random.randrange(len(content))
    return random.choice(places[random.choice(sorted(places))])


def _put(content: bytearray, start: int, value: int, size: int = 4) -> bytearray:
    if start + size <= len(content):
        content[start : start + size] = value.to_bytes(size)
    return content
