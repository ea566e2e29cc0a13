"""`docs/bench/figures.svg`: each kept figure as a bar, its floor and its target as marks, one length for all targets."""

from __future__ import annotations

from html import escape

from tests.bench.figures import KEPT, Figure, kept_figures

WIDTH, LABEL, ROW, TARGET_AT = 900, 380, 26, 300
STYLE = (
    "text { font: 13px system-ui, sans-serif; fill: #24292f } .dim { fill: #57606a } .head { font-weight: 600 } "
    ".bar { fill: #4c8dd6 } .over { fill: #d98a3d } .floor { fill: #9aa4b0 } .mark { stroke: #24292f; stroke-width: 2 } "
    "@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .dim { fill: #9198a1 } .mark { stroke: #e6edf3 } }"
)


def draw() -> None:
    """Draw every figure that is kept."""
    shapes, y = [], 30
    for subject, figures in kept_figures().items():
        shapes.append(f'<text class="head" x="0" y="{y}">{escape(subject)}</text>')
        y += ROW
        for figure in figures:
            shapes += _bar(figure, y)
            y += ROW
        y += ROW // 2
    note = "Bar: what we measured. Grey: the floor, the least the same work can take. Line: the most it may be."
    shapes.append(f'<text class="dim" x="0" y="{y}">{note}</text>')
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + ROW}" role="img">'
        f"<title>Measured times beside their targets</title><style>{STYLE}</style>" + "\n".join(shapes) + "</svg>\n"
    )
    KEPT.with_suffix(".svg").write_text(svg, encoding="utf-8")


def _bar(figure: Figure, y: int) -> list[str]:
    limits = [figure.target, figure.ratio_target and figure.floor and figure.ratio_target * figure.floor]
    limit = min((value for value in limits if value), default=2 * (figure.floor or figure.value))
    scale = TARGET_AT / limit
    length = min(figure.value * scale, WIDTH - LABEL - 70)
    told = f"{figure.value:.0f} {figure.unit}" if figure.unit == "MiB" else f"{figure.value:.2f} {figure.unit}"
    shapes = [
        f'<text x="12" y="{y}">{escape(figure.name)}</text>',
        f'<rect class="{"bar" if figure.met else "over"}" x="{LABEL}" y="{y - 13}" width="{length:.0f}" height="16"/>',
    ]
    if figure.floor:
        floor = min(figure.floor * scale, WIDTH - LABEL - 70)
        shapes.append(f'<rect class="floor" x="{LABEL}" y="{y - 1}" width="{floor:.0f}" height="4"/>')
    if any(limits):
        at = LABEL + TARGET_AT
        shapes.append(f'<line class="mark" x1="{at}" x2="{at}" y1="{y - 16}" y2="{y + 6}"/>')
    shapes.append(f'<text class="dim" x="{LABEL + max(length, TARGET_AT) + 8:.0f}" y="{y}">{told}</text>')
    return shapes
