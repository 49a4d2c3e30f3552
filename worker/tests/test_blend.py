from fractions import Fraction

from av import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from worker.engine.blend import Blender
from worker.engine.colour import Colour, rgba_to_yuva
from worker.engine.geometry import Picture
from worker.engine.layers import draw_layers
from worker.engine.planes import Canvas, plane_image
from worker.watermark import validate


def blended(width: int, height: int, left: int, top: int, mark: Image.Image) -> tuple[list[bytes], list[Image.Image]]:
    """Return the planes of a grey frame before, and after a mark was put on it."""
    frame = VideoFrame(width, height, "yuv420p")
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    for index, value in enumerate((90, 100, 110)):
        plane = plane_image(frame, index)
        plane.paste(value, (0, 0, *plane.size))
    ready = Canvas("yuv420p", width, height).prepare(frame)
    before = [plane_image(ready, index).tobytes() for index in range(3)]
    overlay = {"image": "a.png", "position": {"x": left, "y": top}, "width": mark.width}
    watermark = validate({"overlays": [overlay]}, "a.json")
    layers = draw_layers(watermark, {"a.png": mark}, Picture(width, height))
    Blender(layers, Colour(), 1, full_range=False).apply(ready, 0)
    return before, [plane_image(ready, index).copy() for index in range(3)]


@settings(max_examples=25)
@given(
    st.integers(8, 40),
    st.integers(8, 40),
    st.integers(-3, 30),
    st.integers(-3, 30),
    st.integers(4, 9),
    st.integers(4, 9),
)
def test_only_samples_under_the_mark_change(width: int, height: int, left: int, top: int, w: int, h: int) -> None:
    left, top = min(left, width - 1), min(top, height - 1)
    before, after = blended(width, height, left, top, Image.new("RGBA", (w, h), (255, 255, 255, 255)))
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        step = 1 if index == 0 else 2
        new.paste(
            (90, 100, 110)[index],
            (max(0, left // step), max(0, top // step), -(-(left + w) // step), -(-(top + h) // step)),
        )
        assert new.tobytes() == old
    luma = after[0]
    assert luma.size == (width + width % 2, height + height % 2)


def test_an_opaque_mark_is_its_own_colour_and_half_alpha_is_the_middle() -> None:
    _, planes = blended(32, 32, 8, 8, Image.new("RGBA", (8, 8), (255, 255, 255, 255)))
    assert [planes[0].getpixel((10, 10)), planes[1].getpixel((5, 5)), planes[2].getpixel((5, 5))] == [235, 128, 128]
    _, planes = blended(32, 32, 8, 8, Image.new("RGBA", (8, 8), (255, 255, 255, 128)))
    assert planes[0].getpixel((10, 10)) == 163  # 90 + (235 - 90) * 128 / 255


def test_colour_under_transparent_pixels_does_not_bleed_into_the_edge() -> None:
    mark = Image.new("RGBA", (8, 8), (0, 255, 0, 0))
    mark.paste((255, 255, 255, 255), (1, 1, 7, 7))
    _, planes = blended(32, 32, 8, 8, mark)
    edge = planes[1].getpixel((4, 4))
    assert isinstance(edge, int)
    assert 100 <= edge <= 128  # between the background and the mark, nothing green


def test_the_matrix_gives_the_values_of_the_standards() -> None:
    red = Image.new("RGBA", (1, 1), (255, 0, 0, 77))
    assert rgba_to_yuva(red, 1, False).getpixel((0, 0)) == (63, 102, 240, 77)
    assert rgba_to_yuva(red, 6, False).getpixel((0, 0)) == (81, 90, 240, 77)
    assert rgba_to_yuva(red, 1, True).getpixel((0, 0)) == (54, 99, 255, 77)


def test_an_untagged_picture_has_the_matrix_that_players_take() -> None:
    assert (Colour().matrix_for(719), Colour().matrix_for(720), Colour(matrix=9).matrix_for(480)) == (6, 1, 9)
