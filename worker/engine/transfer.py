"""From the sRGB of a watermark image to the R'G'B' of a video of other primaries or of HDR.

By way of light: sRGB's transfer function away, the primaries' matrix, the video's transfer function on. White is put at
203 cd/m², where ITU-R BT.2408 has the white of graphics in HDR. This module needs numpy, which costs memory: it is
imported only where a video wants it.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from worker.engine.colour import TRANSFER_HLG, TRANSFER_PQ, WIDE_PRIMARIES, Colour

Values = NDArray[np.float32]

SDR_WHITE = 203.0  # cd/m²
_PQ_PEAK, _HLG_PEAK, _HLG_GAMMA = 10_000.0, 1_000.0, 1.2
_D65 = (0.3127, 0.3290)
_SRGB_PRIMARIES = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_BT2020_LUMINANCE = np.array((0.2627, 0.6780, 0.0593), np.float32)


def to_signal(rgb: NDArray[np.uint8], colour: Colour) -> Values:
    """Return R'G'B' of the video, 0 to 1.

    Args:
        rgb: sRGB in its last dimension.
        colour: The video's tags. A plain SDR video's R'G'B' is the image's own, as every player and editor has it.
    """
    if not colour.is_hdr and not colour.is_wide:
        return rgb.astype(np.float32) * np.float32(1 / 255)
    light: Values = np.maximum(_srgb_light()[rgb] @ _to_primaries(colour).T, 0.0)
    if colour.transfer == TRANSFER_PQ:
        return _pq(light * (SDR_WHITE / _PQ_PEAK))
    if colour.transfer == TRANSFER_HLG:
        return _hlg(light * (SDR_WHITE / _HLG_PEAK))
    return _srgb(np.minimum(light, np.float32(1)))


@cache
def _srgb_light() -> Values:
    """Return the light of each of the 256 values: IEC 61966-2-1."""
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _srgb(light: Values) -> Values:
    result: Values = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** np.float32(1 / 2.4) - 0.055)
    return result


def _pq(light: Values) -> Values:
    """SMPTE ST 2084; light as a share of 10,000 cd/m²."""
    power = light ** np.float32(2610 / 16384)
    ratio = (3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)
    result: Values = ratio ** np.float32(2523 / 32)
    return result


def _hlg(light: Values) -> Values:
    """ITU-R BT.2100: the inverse of what a display of 1000 cd/m² does, `light` being a share of these."""
    luminance = np.maximum(light @ _BT2020_LUMINANCE, np.float32(1e-6))[..., np.newaxis]
    scene = light * luminance ** np.float32((1 - _HLG_GAMMA) / _HLG_GAMMA)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    above = a * np.log(np.maximum(12 * scene - b, np.float32(1e-6))) + c
    result: Values = np.minimum(np.where(scene <= 1 / 12, np.sqrt(3 * scene), above), 1.0)
    return result


@cache
def _to_primaries(colour: Colour) -> Values:
    """Return the matrix from linear sRGB to the linear R, G, B of the video; HDR without a tag has BT.2020's."""
    target = WIDE_PRIMARIES.get(colour.primaries, WIDE_PRIMARIES[9] if colour.is_hdr else _SRGB_PRIMARIES)
    return (np.linalg.inv(_to_xyz(target)) @ _to_xyz(_SRGB_PRIMARIES)).astype(np.float32)


def _to_xyz(primaries: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """Return the matrix from linear R, G, B to CIE XYZ: SMPTE RP 177, with a white of D65."""
    columns = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in (*primaries, _D65)]).T
    matrix: NDArray[np.float64] = columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])
    return matrix
