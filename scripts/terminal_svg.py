"""A recording of a terminal as a moving picture: an SVG that any browser plays, without scripts and web fonts."""

from collections.abc import Sequence
from html import escape
from itertools import chain, pairwise

from scripts.recording import Frame, Line, Run

COLUMN, ROW = 8.4, 19  # pixels of a character, at this size of the letters
SIZE = 14
MARGIN = 16
LONGEST_SECONDS = 1.2  # for which nothing changes; what really took longer is shortened
FIRST_SECONDS, LAST_SECONDS = 1.5, 5.0  # for reading
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
BACKGROUND, FOREGROUND = "#14181f", "#d7dce2"
COLOURS = {
    "black": "#3b4252", "red": "#f07178", "green": "#98c379", "brown": "#e5c07b", "blue": "#61afef",
    "magenta": "#c678dd", "cyan": "#56b6c2", "white": "#d7dce2", "brightblack": "#7f8793", "brightred": "#ff8b92",
    "brightgreen": "#b5e090", "brightbrown": "#ffd68a", "brightblue": "#82c4ff", "brightmagenta": "#dd9cf0",
    "brightcyan": "#7fd4de", "brightwhite": "#ffffff",
}  # fmt: skip


def moving_picture(frames: Sequence[Frame], title: str, columns: int = 80) -> str:
    """Return an SVG that shows the frames one after the other, again and again.

    All lie below each other on one strip, of which a window shows one. Whoever wants no motion, or has no animations,
    sees the last one.

    Args:
        title: What it shows, for those who do not see it.
    """
    height = max(len(frame.lines) for frame in frames) * ROW
    lines = {line: f"l{number}" for number, line in enumerate(dict.fromkeys(chain(*(frame.lines for frame in frames))))}
    strip = [
        f'<g transform="translate(0 {number * height})">{_uses(frame, lines)}</g>'
        for number, frame in enumerate(frames)
    ]
    last = f"translate(0px, {-(len(frames) - 1) * height}px)"
    width = columns * COLUMN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + 2 * MARGIN:g}" height="{height + 2 * MARGIN}" '
            f'viewBox="0 0 {width + 2 * MARGIN:g} {height + 2 * MARGIN}" role="img">',
            f"<title>{escape(title)}</title>",
            "<style>",
            f"text {{ font: {SIZE}px {FONTS}; white-space: pre }}",
            f".strip {{ transform: {last} }}",
            "@media (prefers-reduced-motion: no-preference) {",
            f".strip {{ animation: play {_duration(frames):.2f}s step-end infinite }}",
            f"@keyframes play {{ {_keyframes(frames, height)} }}",
            "}",
            "</style>",
            "<defs>",
            *(f'<g id="{name}">{"".join(map(_text, line))}</g>' for line, name in lines.items() if line),
            "</defs>",
            f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
            f'<svg x="{MARGIN}" y="{MARGIN}" width="{width:g}" height="{height}">',
            f'<g class="strip" fill="{FOREGROUND}">',
            *strip,
            "</g>",
            "</svg>",
            "</svg>",
            "",
        ]
    )


def _uses(frame: Frame, lines: dict[Line, str]) -> str:
    return "".join(
        f'<use href="#{lines[line]}" y="{number * ROW}"/>' for number, line in enumerate(frame.lines) if line
    )


def _text(run: Run) -> str:
    column = run.column + len(run.text) - len(run.text.lstrip())
    text = run.text.strip()
    colour = COLOURS.get(run.colour, FOREGROUND if run.colour == "default" else f"#{run.colour}")
    look = (f' fill="{colour}"' if colour != FOREGROUND else "") + (' font-weight="bold"' if run.bold else "")
    # Whatever font there is, each character stays in its column.
    length = f'textLength="{len(text) * COLUMN:g}" lengthAdjust="spacingAndGlyphs"'
    return f'<text x="{column * COLUMN:g}" y="{SIZE}" {length}{look}>{escape(text, quote=False)}</text>'


def _pauses(frames: Sequence[Frame]) -> list[float]:
    """Return how long each frame is shown, in seconds."""
    gaps = [after.seconds - before.seconds for before, after in pairwise(frames)]
    pauses = [min(gap, LONGEST_SECONDS) for gap in gaps]
    return [FIRST_SECONDS, *pauses[1:], LAST_SECONDS] if pauses else [LAST_SECONDS]


def _duration(frames: Sequence[Frame]) -> float:
    return sum(_pauses(frames))


def _keyframes(frames: Sequence[Frame], height: int) -> str:
    total, moment, keyframes = _duration(frames), 0.0, []
    for number, pause in enumerate(_pauses(frames)):
        keyframes.append(f"{100 * moment / total:.2f}% {{ transform: translate(0px, {-number * height}px) }}")
        moment += pause
    return " ".join(keyframes)
