"""Small charts as SVG: bars, and lines over an axis.  Text is text, colours are
told apart also in grey, every axis says what it has and in which unit."""

import html
import math

INK, PALE = "#24292f", "#d0d7de"
COLOURS = ["#0b5fa5", "#c2510c", "#1a7f37", "#8250df", "#6e7781", "#b35900"]
DASHES = ["", "7 4", "2 3", "9 3 2 3", "4 2", "1 4"]
FONT = "font-family=\"Helvetica, Arial, sans-serif\""


def text(x, y, words, size=13, anchor="start", colour=INK, more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" '
            f'text-anchor="{anchor}" fill="{colour}" {more}>'
            f"{html.escape(str(words))}</text>")


def rule(x1, y1, x2, y2, colour=PALE, width=1.0, dash=""):
    style = f' stroke-dasharray="{dash}"' if dash else ""
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="{width}"{style}/>')


def page(width, height, title, parts):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'{FONT}>', f"<title>{html.escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        text(16, 26, title, 16, more='font-weight="bold"'),
        *parts, "</svg>", ""])


def number(x):
    if x >= 1e6:
        return f"{x / 1e6:g}M"
    if x >= 1e4:
        return f"{x / 1e3:g}k"
    return f"{x:g}"


def ticks(low, high, log=False):
    """Round numbers that begin at or below low and end at or beyond high."""
    if log:
        first = math.floor(math.log10(low) + 1e-9)
        last = max(math.ceil(math.log10(high) - 1e-9), first + 1)
        return [10.0 ** n for n in range(first, last + 1)]
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next(m for m in (1, 2, 5, 10) if (high - low) / (step * m) <= 5)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [step * n for n in range(first, last + 1)]


class Scale:
    def __init__(self, values, begin, end, log=False, zero=False):
        low, high = min(values), max(values)
        if zero and not log:
            low = 0
        if high <= low:
            high = low + (abs(low) or 1)
        self.ticks = ticks(low, high, log)
        self.log = log
        self.begin, self.end = begin, end
        self.low, self.high = (self.at(t) for t in (self.ticks[0],
                                                    self.ticks[-1]))

    def at(self, x):
        return math.log10(x) if self.log else x

    def __call__(self, x):
        return self.begin + (self.end - self.begin) * \
            (self.at(x) - self.low) / (self.high - self.low)


def bars(title, axis, rows, limit=None, log=False):
    """rows: (label, value).  limit: (value, words), a line across all."""
    left = 24 + 7.2 * max(len(label) for label, _ in rows)
    width, step, top = int(left) + 520, 26, 46
    bottom = top + step * len(rows)
    values = [value for _, value in rows] + ([limit[0]] if limit else [])
    if log:                             # the least has a length, too
        values.append(min(values) / 2)
    scale = Scale(values, left, width - 70, log, zero=True)
    parts = []
    for tick in scale.ticks:
        x = scale(tick)
        parts += [rule(x, top, x, bottom + 4),
                  text(x, bottom + 20, number(tick), 12, "middle")]
    for i, (label, value) in enumerate(rows):
        y = top + step * i
        parts += [text(left - 8, y + 17, label, 13, "end"),
                  f'<rect x="{left:.1f}" y="{y + 4}" '
                  f'width="{max(scale(value) - left, 1):.1f}" '
                  f'height="{step - 8}" fill="{COLOURS[0]}"/>',
                  text(scale(value) + 6, y + 17,
                       f"{value:,.0f}" if value >= 100 else f"{value:g}", 12)]
    height = bottom + 48
    if limit:
        x = scale(limit[0])
        parts += [rule(x, top - 4, x, bottom, COLOURS[1], 2, "5 3"),
                  text(width - 16, bottom + 66, limit[1], 12, "end",
                       COLOURS[1])]
        height += 28
    parts.append(text(left, bottom + 42, axis, 13))
    return page(width, height, title, parts)


def lines(title, xaxis, yaxis, series, logx=False, logy=False, limit=None):
    """series: {name: [(x, y)]}; limit: (y, words), a line across."""
    width, top, left, right, bottom = 720, 48, 76, 500, 330
    points = [p for each in series.values() for p in each]
    xs = Scale([x for x, _ in points], left, right, logx)
    ys = Scale([y for _, y in points] + ([limit[0]] if limit else []),
               bottom, top, logy, zero=True)
    parts = []
    for tick in ys.ticks:
        parts += [rule(left, ys(tick), right, ys(tick)),
                  text(left - 8, ys(tick) + 4, number(tick), 12, "end")]
    for tick in xs.ticks:
        parts += [rule(xs(tick), bottom, xs(tick), bottom + 5, INK),
                  text(xs(tick), bottom + 20, number(tick), 12, "middle")]
    parts += [rule(left, bottom, right, bottom, INK),
              text((left + right) / 2, bottom + 42, xaxis, 13, "middle"),
              text(0, 0, yaxis, 13, "middle", more="transform="
                   f'"translate(20 {(top + bottom) / 2:.0f}) rotate(-90)"')]
    if limit:
        y = top + 12 + 22 * len(series)
        parts += [rule(left, ys(limit[0]), right, ys(limit[0]), INK, 1.5, "1 3"),
                  rule(right + 10, y, right + 40, y, INK, 1.5, "1 3"),
                  text(right + 46, y + 4, limit[1], 12)]
    for i, (name, each) in enumerate(series.items()):
        colour, dash = COLOURS[i % 6], DASHES[i % 6]
        path = " ".join(f"{xs(x):.1f},{ys(y):.1f}" for x, y in each)
        style = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<polyline points="{path}" fill="none" '
                     f'stroke="{colour}" stroke-width="2"{style}/>')
        parts += [f'<circle cx="{xs(x):.1f}" cy="{ys(y):.1f}" r="3" '
                  f'fill="{colour}"/>' for x, y in each]
        y = top + 12 + 22 * i
        parts += [rule(right + 10, y, right + 40, y, colour, 2, dash),
                  text(right + 46, y + 4, name, 12)]
    return page(width, bottom + 60, title, parts)
