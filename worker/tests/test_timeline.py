from fractions import Fraction

from PIL import Image

from worker.engine.layers import Layer
from worker.engine.timeline import Showing, Timeline
from worker.watermark import validate

TENTH = Fraction(1, 10)


def layer(*durations: Fraction, **settings: object) -> Layer:
    overlay = validate({"overlays": [{"image": "a.png", **settings}]}, "a.json").overlays[0]
    marks = tuple(Image.new("RGBA", (2, 2)) for _ in durations or (0,))
    return Layer(overlay, 0, 0, 2, 2, marks, durations or (Fraction(1),), ((0, 0),))


def opacities(shown: Layer, *seconds: Fraction | int) -> list[int]:
    return [sum(showing.opacity for showing in Timeline([shown]).at(time)) for time in seconds]


def test_opacity_follows_start_end_and_fade() -> None:
    times = (Fraction("0.99"), 1, 2, 3, 4, Fraction("4.5"), 5)
    assert opacities(layer(start=1, end=5, fade=2, opacity=0.8), *times) == [0, 0, 102, 204, 102, 51, 0]
    assert opacities(layer(), 0, 10**6) == [255, 255]
    assert opacities(layer(start=2, end=3), 2, Fraction("2.999"), 3) == [255, 255, 0]


def test_a_setting_is_the_decimal_number_that_it_was_written_as() -> None:
    shown = layer(start=0.1, end=0.7)
    assert opacities(shown, TENTH - Fraction(1, 10**9), TENTH, 7 * TENTH - Fraction(1, 10**9), 7 * TENTH) == [
        0, 255, 255, 0,
    ]  # fmt: skip


def pictures(shown: Layer, times: list[Fraction]) -> list[int]:
    return [showing.picture for time in times for showing in Timeline([shown]).at(time)]


def test_an_animation_starts_with_its_overlay_and_starts_again_at_its_end() -> None:
    shown = layer(TENTH, 2 * TENTH, TENTH, start=0.3)
    assert pictures(shown, [TENTH * n for n in range(3, 13)]) == [0, 1, 1, 2, 0, 1, 1, 2, 0, 1]


def test_a_picture_is_over_at_its_very_end_however_odd_its_length() -> None:
    shown = layer(*[Fraction(1, 30)] * 7)
    times = [Fraction(n, 30) for n in range(100_000, 100_014)]
    assert pictures(shown, times) == [n % 7 for n in range(100_000, 100_014)]
    assert pictures(shown, [time - Fraction(1, 90_000) for time in times]) == [
        (n - 1) % 7 for n in range(100_000, 100_014)
    ]


def test_layers_are_told_lowest_first_and_those_unseen_left_out() -> None:
    timeline = Timeline([layer(opacity=0.2), layer(start=5), layer(TENTH, TENTH)])
    assert timeline.at(TENTH) == [Showing(0, 0, 51), Showing(2, 1, 255)]
    assert timeline.at(5) == [Showing(0, 0, 51), Showing(1, 0, 255), Showing(2, 0, 255)]
