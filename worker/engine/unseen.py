"""What of a watermark a viewer will not see: refused if it is all of it, else noted."""

from collections.abc import Container, Sequence

from worker.engine.layers import Layer
from worker.watermark import Overlay, never_visible


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


def notes_on_the_cut_off(layers: Sequence[Layer]) -> list[str]:
    """Return a sentence for each overlay that is larger than the picture has room for."""
    return [_cut_off(layer) for layer in layers if layer.cut_off]


def notes_on_the_never_seen(overlays: Sequence[Overlay], seen: Container[int], duration: float) -> list[str]:
    """Return a sentence for each overlay that no frame has anything of.

    Args:
        overlays: All of the watermark's.
        seen: The numbers of those that any frame has something of.
        duration: Seconds; 0 if the file does not say.
    """
    return [_never_seen(overlay, duration) for number, overlay in enumerate(overlays) if number not in seen]


def _never_seen(overlay: Overlay, duration: float) -> str:
    if duration and overlay.start >= duration:
        why = f"it starts at {overlay.start:g} s, but the video ends at {duration:.3f} s"
    else:
        until = "on" if overlay.end is None else f"to {overlay.end:g} s"
        why = f"no frame from {overlay.start:g} s {until} has anything of it"
    return f"The watermark {overlay.label} is never seen: {why}."


def _cut_off(layer: Layer) -> str:
    parts = "part is" if len(layer.cut_off) == 1 else "parts are"
    return (
        f"The watermark {layer.overlay.label} is larger than the picture has room for: "
        f"its {' and '.join(layer.cut_off)} {parts} cut off."
    )
