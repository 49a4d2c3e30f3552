import io
from fractions import Fraction
from typing import Any

import pytest
from PIL import Image

from worker.engine import layers as layers_module
from worker.engine.geometry import Picture
from worker.engine.images import open_image
from worker.engine.layers import Layer, Prepared, draw_layers
from worker.errors import WatermarkInvalid
from worker.watermark import validate

HD = Picture(1280, 720)


def gif(count: int, size: tuple[int, int] = (40, 20)) -> io.BytesIO:
    frames = [Image.new("RGB", size, (number * 20 % 256, 255, number % 256)) for number in range(count)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=50)
    return file


def drawn(file: io.BytesIO, *overlays: dict[str, Any]) -> list[Layer]:
    watermark = validate({"overlays": [{"image": "a.gif", **overlay} for overlay in overlays]}, "a.json")
    return draw_layers(watermark, {"a.gif": open_image(file, "a.gif")}, HD)


def test_an_animation_is_kept_in_the_size_it_is_shown_in() -> None:
    [layer] = drawn(gif(10), {"width": 100, "position": {"x": -61, "y": 3}})
    assert (layer.left, layer.top, layer.width, layer.height) == (0, 2, 40, 52)
    assert {mark.size for mark in layer.marks} == {(40, 52)}
    assert len(layer.marks) == len(layer.durations) == 10
    assert set(layer.durations) == {Fraction(1, 20)}


def test_tiles_of_an_animation_share_its_pictures() -> None:
    [layer] = drawn(gif(10), {"width": 100, "tile": 10})
    assert {mark.size for mark in layer.marks} == {(100, 50)}
    assert layer.picture(3).size == (layer.width, layer.height) == (1280, 720)


def test_animations_that_would_take_too_much_memory_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(WatermarkInvalid, match=r"The 40 pictures of the animation a\.gif would have 1280x640 pixels"):
        drawn(gif(40), {"width": "100%"})
    drawn(gif(40), {"width": "50%"})
    with pytest.raises(WatermarkInvalid, match="640x320"):  # both together
        drawn(gif(40), {"width": "50%"}, {"width": "50%"})


@pytest.mark.parametrize("room", [1, 3, 5, 100])
def test_of_an_animation_as_many_pictures_are_kept_ready_as_there_is_room_for(
    room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    [layer] = drawn(gif(5), {"width": 40})
    monkeypatch.setattr(layers_module, "KEPT_PIXELS", room * layer.width * layer.height)
    made: list[int] = []

    def prepare(picture: Image.Image) -> Any:
        made.append(1)
        return picture.getpixel((20, 10))

    prepared = Prepared(layer, prepare)
    pictures = [layer.picture(number).getpixel((20, 10)) for number in range(5)]
    for _ in range(3):
        assert [prepared[number] for number in (0, 0, 1, 2, 2, 3, 4)] == [
            pictures[number] for number in (0, 0, 1, 2, 2, 3, 4)
        ]
    ready = min(5, max(0, room - 1))
    assert len(made) <= 5 + 2 * (5 - ready) + 1
    assert len(made) >= 5
