"""What of a watermark a viewer will not see: refused if it is all of it, else noted."""

from collections.abc import Sequence

from worker.engine.layers import Layer
from worker.watermark import never_visible


def refuse_what_never_starts(layers: Sequence[Layer], duration: float) -> None:
    """Refuse a watermark of which nothing starts before the video ends.

    Args:
        layers: All of the watermark's. Some may start too late: the same watermark may serve longer videos too.
        duration: Seconds; 0 if the file does not say.

    Raises:
        WatermarkInvalid
    """
    first = min(layer.overlay.start for layer in layers)
    if duration and first >= duration:
        raise never_visible(
            f"it starts at {first:g} s, but the video ends at {duration:.3f} s", "Let it start earlier."
        )


def notes_on_the_unseen(layers: Sequence[Layer], duration: float) -> list[str]:
    """Return a sentence for each overlay that starts too late or is cut off; arguments as above."""
    return [note for layer in layers for note in (*_too_late(layer, duration), *_cut_off(layer))]


def _too_late(layer: Layer, duration: float) -> list[str]:
    overlay = layer.overlay
    if not duration or overlay.start < duration:
        return []
    return [
        f"The watermark {overlay.label} is never seen: it starts at {overlay.start:g} s, "
        f"but the video ends at {duration:.3f} s."
    ]


def _cut_off(layer: Layer) -> list[str]:
    if not layer.cut_off:
        return []
    parts = "part is" if len(layer.cut_off) == 1 else "parts are"
    return [
        f"The watermark {layer.overlay.label} is larger than the picture has room for: "
        f"its {' and '.join(layer.cut_off)} {parts} cut off."
    ]
