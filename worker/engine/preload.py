"""What libraries load at its first use: in the engine's process it is loaded beforehand, since no file opens later."""

from importlib import import_module

from PIL import Image, features

from worker.engine.geometry import Picture
from worker.engine.text import draw_text, load_fonts
from worker.watermark import TextOverlay

_OF_PYAV = ("av.subtitles.codeccontext", "av.subtitles.stream")


def load_what_loads_late() -> None:
    """Import what a movie or an image with something rare in it would have imported."""
    for name in _OF_PYAV:
        import_module(name)
    Image.init()  # every format; which of them are read is said where an image is opened
    load_fonts()
    for text in ("A", "א") if features.check_feature("fribidi") else ("A",):  # what draws them, both ways
        draw_text(TextOverlay(text=text, outline="#000000"), Picture(320, 180))
