"""The plots of docs/performance.md as SVG, from docs/figures.json. Used by scripts/figures.

Each has a ground of its own and two sets of colours, so that it can be read on light and dark pages.
"""

import math
from html import escape

STYLE = """
text{font:13px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;fill:#1f2328}
.ground{fill:#ffffff}
.title{font-size:15px;font-weight:600}
.dim{fill:#59636e;font-size:12px}
.value{paint-order:stroke;stroke:#ffffff;stroke-width:5}
.grid{stroke:#d1d9e0;stroke-width:1}
.bar{fill:#3b76b8}
.first{fill:#3b76b8}
.second{fill:#b35900}
.join{stroke:#8c959f;stroke-width:2}
.line{stroke:#3b76b8;stroke-width:2;fill:none}
.target{stroke:#b3261e;stroke-width:2}
.aim{stroke:#b3261e;stroke-width:2;stroke-dasharray:5 4;fill:none}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}
.ground{fill:#0d1117}
.dim{fill:#9198a1}
.value{stroke:#0d1117}
.grid{stroke:#3d444d}
.bar,.first{fill:#58a6ff}
.second{fill:#f0a24a}
.join{stroke:#656c76}
.line{stroke:#58a6ff}
.target,.aim{stroke:#ff7b72}
}
"""

WIDTH, LEFT, RIGHT, ROW, TOP = 760, 170, 560, 26, 76
"""Labels end at LEFT, the axis at RIGHT; behind it is room for the values."""


class Picture:
    def __init__(self, height, title, says):
        self.height, self.parts = height, []
        self.title = title
        self.says = says
        self.text(16, 26, title, "title")

    def text(self, x, y, text, kind="", anchor="start"):
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def line(self, x1, y1, x2, y2, kind):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>')

    def box(self, x, y, width, height, kind):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2" class="{kind}"/>'
        )

    def dot(self, x, y, kind):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="{kind}"/>')

    def legend(self, x, y, marks):
        """Marks with their words, from left to right."""
        for kind, words in marks:
            if kind in ("target", "aim"):
                self.line(x, y - 4, x + 16, y - 4, kind)
            elif kind == "bar":
                self.box(x, y - 10, 16, 11, kind)
            else:
                self.dot(x + 8, y - 4, kind)
            self.text(x + 22, y, words, "dim")
            x += 40 + 6.6 * len(words)

    def svg(self):
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" width="{WIDTH}" '
            f'height="{self.height}" role="img">\n<title>{escape(self.title)}</title>\n'
            f"<desc>{escape(self.says)}</desc>\n<style>{STYLE}</style>\n"
            f'<rect width="{WIDTH}" height="{self.height}" class="ground"/>\n' + "\n".join(self.parts) + "\n</svg>\n"
        )


def grouped(number):
    """As people read numbers: 1,234 and 12 and 0.4."""
    return f"{number:.1f}" if 0 < abs(number) < 10 else f"{number:,.0f}"


def spoken(us):
    """Microseconds, from ten thousand on milliseconds."""
    return f"{grouped(us / 1000)} ms" if us >= 10_000 else f"{grouped(us)} µs"


def ratios(rows):
    """rows: name, ratio to the echo, target or None."""
    most = max([1.0 if max(r for _, r, _ in rows) > 0.75 else 0.6] + [1.05 * r for _, r, _ in rows])
    picture = Picture(
        TOP + ROW * len(rows) + 20,
        "Requests per second, as a part of what an echo server reaches",
        "; ".join(f"{name} {ratio:.3f}" for name, ratio, _ in rows),
    )
    picture.legend(16, 48, [("bar", "Keyward"), ("target", "target")])
    across = lambda ratio: LEFT + (RIGHT - LEFT) * ratio / most
    bottom = TOP + ROW * len(rows)
    for tick in range(int(most * 10) + 1):
        if most > 0.75 and tick % 2:
            continue
        picture.line(across(tick / 10), TOP - 6, across(tick / 10), bottom, "grid")
        picture.text(across(tick / 10), bottom + 14, f"{tick / 10:.1f}", "dim", "middle")
    for place, (name, ratio, target) in enumerate(rows):
        y = TOP + ROW * place
        picture.text(LEFT - 10, y + 15, name, "", "end")
        picture.box(LEFT, y + 3, across(ratio) - LEFT, ROW - 9, "bar")
        value = f"{ratio:.3f}"
        if target:
            picture.line(across(target), y, across(target), y + ROW - 3, "target")
            value += f"  (target {target:.2f})"
        picture.text(RIGHT + 14, y + 15, value)
    return picture.svg()


def latencies(rows):
    """rows: name, p50 and p99 in microseconds."""
    least = 10 ** math.floor(math.log10(min(p50 for _, p50, _ in rows)))
    most = 10 ** math.ceil(math.log10(1.01 * max(max(p99, 4 * p50) for _, p50, p99 in rows)))
    span = math.log10(most / least)
    across = lambda us: LEFT + (RIGHT - LEFT) * math.log10(us / least) / span
    picture = Picture(
        TOP + ROW * len(rows) + 20,
        "Latency at half of the highest rate (microseconds, logarithmic)",
        "; ".join(f"{name} p50 {p50:.0f}, p99 {p99:.0f}" for name, p50, p99 in rows),
    )
    picture.legend(16, 48, [("first", "p50"), ("second", "p99"), ("target", "4 × p50: p99 shall be below")])
    bottom = TOP + ROW * len(rows)
    tick = least
    while tick <= most:
        picture.line(across(tick), TOP - 6, across(tick), bottom, "grid")
        picture.text(across(tick), bottom + 14, f"{tick:,.0f}", "dim", "middle")
        tick *= 10
    for place, (name, p50, p99) in enumerate(rows):
        y = TOP + ROW * place + 11
        picture.text(LEFT - 10, y + 4, name, "", "end")
        picture.line(across(p50), y, across(p99), y, "join")
        picture.line(across(4 * p50), y - 9, across(4 * p50), y + 9, "target")
        picture.dot(across(p50), y, "first")
        picture.dot(across(p99), y, "second")
        picture.text(RIGHT + 14, y + 4, f"{spoken(p50)} to {spoken(p99)}, {p99 / p50:.1f} ×")
    return picture.svg()


def located(points, aim):
    """points: number of objects, Locates per second; aim: what shall be reached."""
    height, left, right, bottom = 320, 90, WIDTH - 60, 270
    objects = [number for number, _ in points]
    least, most = 10 ** math.floor(math.log10(min(objects))), 10 ** math.ceil(math.log10(max(objects)))
    most = most if most > least else least * 10
    top = 1.2 * max([rate for _, rate in points] + [aim])
    step = 10 ** math.floor(math.log10(top))
    step = next(s for s in (step / 5, step / 2, step, 2 * step) if top / s <= 6)
    across = lambda number: left + (right - left) * math.log10(number / least) / math.log10(most / least)
    up = lambda rate: bottom - (bottom - TOP) * rate / top
    picture = Picture(
        height,
        "Locate by Name: requests per second against objects in the store",
        "; ".join(f"{number:,} objects {rate:.0f}/s" for number, rate in points),
    )
    picture.legend(16, 48, [("first", "Keyward"), ("aim", "target: 0.10 of the echo")])
    tick = 0
    while tick * step <= top:
        y = up(tick * step)
        picture.line(left, y, right, y, "grid")
        picture.text(left - 10, y + 4, f"{tick * step:,.0f}", "dim", "end")
        tick += 1
    tick = least
    while tick <= most:
        picture.line(across(tick), bottom, across(tick), bottom + 5, "grid")
        picture.text(across(tick), bottom + 20, f"{tick:,.0f}", "dim", "middle")
        tick *= 10
    picture.text((left + right) / 2, bottom + 40, "objects in the store", "dim", "middle")
    picture.line(left, up(aim), right, up(aim), "aim")
    places = [(across(number), up(rate)) for number, rate in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    picture.parts.append(f'<polyline points="{path}" class="line"/>')
    for (x, y), (_, rate) in zip(places, points):
        picture.dot(x, y, "first")
        # Beside the line of the target, not on it.
        above = y - 12 if not 0 < y - up(aim) < 26 else y + 22
        anchor = "start" if x < left + 30 else "end" if x > right - 30 else "middle"
        picture.text(x, above, f"{rate:,.0f}", "value", anchor)
    return picture.svg()
