"""Bars as SVG, readable on white and on black."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, LEFT, RIGHT = 760, 150, 60
BAR, GAP, GROUP_GAP, TOP = 14, 3, 16, 78

# Fixed for each tool whatever the order; each has contrast enough on white and on the dark of GitHub.
COLOURS = {"ffmpeg": "#8b949e", "moviepy": "#b08800", "balanced": "#1f6feb", "fast": "#2da44e", "best": "#8250df",
           "av1": "#cf5b1d"}  # fmt: skip
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#57606a}.title{font-size:15px;font-weight:600}"
    "@media(prefers-color-scheme:dark){text{fill:#adbac7}}"
)


def bars(title: str, groups: Mapping[str, Mapping[str, float]], tools: Sequence[str]) -> str:
    """Return a chart of horizontal bars.

    Args:
        groups: For each group the value of each tool; a tool may be missing.
        tools: In the order of the legend and of the bars.
    """
    highest = max(value for values in groups.values() for value in values.values())
    per_unit = (WIDTH - LEFT - RIGHT) / highest
    parts, top = [f'<text class="title" x="12" y="26">{escape(title)}</text>'], TOP
    for number, tool in enumerate(tools):
        left = 12 + number * 112
        parts.append(f'<rect x="{left}" y="42" width="12" height="12" rx="2" fill="{COLOURS[tool]}"/>')
        parts.append(f'<text x="{left + 18}" y="52">{escape(tool)}</text>')
    for name, values in groups.items():
        middle = top + len(values) * (BAR + GAP) / 2 + 3
        parts.append(f'<text x="{LEFT - 10}" y="{middle:.0f}" text-anchor="end">{escape(name)}</text>')
        for tool in (tool for tool in tools if tool in values):
            length = values[tool] * per_unit
            parts.append(
                f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2" fill="{COLOURS[tool]}">'
                f"<title>{escape(f'{name}, {tool}: {values[tool]:.1f}')}</title></rect>"
            )
            parts.append(f'<text x="{LEFT + length + 6:.1f}" y="{top + BAR - 3}">{values[tool]:.1f}</text>')
            top += BAR + GAP
        top += GROUP_GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" role="img" '
        f'aria-label="{escape(title)}"><style>{_STYLE}</style>{"".join(parts)}</svg>\n'
    )
