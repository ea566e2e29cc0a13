"""`docs/bench/figures.svg`: each kept figure as a bar, its floor and its target as marks, one length for all targets."""

from __future__ import annotations

from html import escape

from tests.bench.figures import KEPT, Figure, kept_figures, kept_machines, told

WIDTH, LABEL, ROW, TARGET_AT, LONGEST = 1060, 380, 26, 300, 380
STYLE = (
    "text { font: 13px system-ui, sans-serif; fill: #24292f } .dim { fill: #57606a } .head { font-weight: 600 } "
    ".bar { fill: #4c8dd6 } .over { fill: #d98a3d } .floor { fill: #9aa4b0 } .mark { stroke: #24292f; stroke-width: 2 } "
    "@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .dim { fill: #9198a1 } .mark { stroke: #e6edf3 } }"
)


def draw() -> None:
    """Draw every figure that is kept."""
    shapes, y = [], 30
    for machine in kept_machines():
        shapes.append(f'<text class="dim" x="0" y="{y}">{escape(machine)}</text>')
        y += ROW
    for subject, figures in kept_figures().items():
        shapes.append(f'<text class="head" x="0" y="{y}">{escape(subject)}</text>')
        y += ROW
        for figure in figures:
            shapes += _bar(figure, y)
            y += ROW
        y += ROW // 2
    note = (
        "Bar: what was measured, orange where it is too much. Grey: the floor, the least that the same work can take. "
    )
    note += "Line: the most it may be."
    shapes.append(f'<text class="dim" x="0" y="{y}">{note}</text>')
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + ROW}" role="img">'
        f"<title>Measured times beside their targets</title><style>{STYLE}</style>" + "\n".join(shapes) + "</svg>\n"
    )
    KEPT.with_suffix(".svg").write_text(svg, encoding="utf-8")


def _bar(figure: Figure, y: int) -> list[str]:
    limits = [figure.target, figure.ratio_target and figure.floor and figure.ratio_target * figure.floor]
    limit = min((value for value in limits if value), default=2 * (figure.floor or figure.value))
    length, floor = (min((value or 0) * TARGET_AT / limit, LONGEST) for value in (figure.value, figure.floor))
    shapes = [
        f'<text x="12" y="{y}">{escape(figure.name)}</text>',
        f'<rect class="{"bar" if figure.met else "over"}" x="{LABEL}" y="{y - 13}" width="{length:.0f}" height="16"/>',
    ]
    if floor:
        shapes.append(f'<rect class="floor" x="{LABEL}" y="{y - 1}" width="{floor:.0f}" height="4"/>')
    if any(limits):
        at = LABEL + TARGET_AT
        shapes.append(f'<line class="mark" x1="{at}" x2="{at}" y1="{y - 16}" y2="{y + 6}"/>')
    beside = LABEL + max(length, floor, TARGET_AT) + 8
    shapes.append(f'<text class="dim" x="{beside:.0f}" y="{y}">{_said(figure)}</text>')
    return shapes


def _said(figure: Figure) -> str:
    """`0.73 s, at most 1.00 s`, or `0.73 s, 2.30 × the floor, at most 2 ×`."""
    said = told(figure.value, figure.unit)
    if figure.target:
        said += f", at most {told(figure.target, figure.unit)}"
    elif figure.ratio:
        said += f", {figure.ratio:.2f} × the floor"
        if figure.ratio_target:
            said += f", at most {figure.ratio_target:g} ×"
    return said
