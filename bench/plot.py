"""Bar charts as SVG, with nothing but the standard library."""

from html import escape

WIDTH, LEFT, RIGHT = 960, 390, 90
BAR, GAP, HEAD = 16, 12, 44
COLOURS = ["#2563eb", "#ea580c", "#16a34a", "#9333ea", "#64748b", "#ca8a04"]


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def bars(path, title, groups, mark=None):
    """Writes one horizontal bar per value. groups: [(label, [(series, value)])]; mark draws a line at that value."""
    series = list(dict.fromkeys(name for _, values in groups for name, _ in values))
    named = [name for name in series if name]
    most = max([value for _, values in groups for _, value in values] + [mark or 0])
    legend = 18 * ((len(named) + 3) // 4)
    top = HEAD + legend
    height = top + sum(len(values) * BAR + GAP for _, values in groups) + 12
    scale = (WIDTH - LEFT - RIGHT) / most
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="16" y="26" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    for i, name in enumerate(named):
        x, y = 16 + 220 * (i % 4), HEAD + 18 * (i // 4)
        out.append(f'<rect x="{x}" y="{y - 10}" width="11" height="11" fill="{COLOURS[series.index(name) % len(COLOURS)]}"/>')
        out.append(f'<text x="{x + 17}" y="{y}">{escape(name)}</text>')
    if mark is not None:
        x = LEFT + mark * scale
        out.append(f'<line x1="{x:.1f}" y1="{top - 6}" x2="{x:.1f}" y2="{height - 8}" stroke="#111" stroke-dasharray="4 3"/>')
    y = top
    for label, values in groups:
        middle = y + len(values) * BAR / 2 + 4
        lines = wrap(label, 52)
        for i, line in enumerate(lines):
            at = middle + 13 * (i - (len(lines) - 1) / 2)
            out.append(f'<text x="{LEFT - 8}" y="{at:.0f}" text-anchor="end">{escape(line)}</text>')
        for name, value in values:
            colour = COLOURS[series.index(name) % len(COLOURS)]
            if mark is not None and value > mark:
                colour = "#dc2626"
            width = max(1, value * scale)
            out.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 3}" fill="{colour}"/>')
            out.append(f'<text x="{LEFT + width + 5:.1f}" y="{y + 11}" paint-order="stroke" stroke="#fff" stroke-width="4">{number(value)}</text>')
            y += BAR
        y += GAP
    path.write_text("\n".join(out + ["</svg>"]) + "\n")


def wrap(text, most):
    """Breaks a label into two lines where it is long."""
    if len(text) <= most:
        return [text]
    cut = text.find(": ") + 1 or text.rfind(" ", 0, most)
    return [text[:cut], text[cut + 1:]]
