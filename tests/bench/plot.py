"""Rates over time as an SVG, legible on light and dark paper: no library is needed for three lines and two axes."""

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 96, 24, 48
COLOURS = ("#d1495b", "#c98a00", "#2a7fb8")
STYLE = """<style>
text { font: 12px sans-serif; fill: #444 } line, .axis { stroke: #888 } .grid { stroke: #8884 }
@media (prefers-color-scheme: dark) { text { fill: #ccc } }
</style>"""


def smooth(values, width=5):
    """Means over half a second: single tenths jump by the beat of the clients."""
    windows = [values[max(0, i - width + 1):i + 1] for i in range(len(values))]
    return [sum(window) / len(window) for window in windows]


class Paper:
    def __init__(self, seconds, most):
        self.seconds, self.most = seconds, most

    def x(self, seconds):
        return LEFT + (WIDTH - LEFT - RIGHT) * seconds / self.seconds

    def y(self, rate):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * rate / self.most

    def path(self, values, step):
        return "M" + " L".join(f"{self.x(i * step):.1f},{self.y(value):.1f}" for i, value in enumerate(values))


def text(x, y, words, anchor="middle"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def line(x1, y1, x2, y2, how):
    return f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" {how}/>'


def axes(paper, storm, capacity):
    parts = []
    for rate in range(0, int(paper.most) + 1, 200):
        y = paper.y(rate)
        parts += [line(LEFT, y, WIDTH - RIGHT, y, 'class="grid"'), text(LEFT - 8, y + 4, rate, "end")]
    for second in range(0, int(paper.seconds) + 1, 5):
        parts.append(text(paper.x(second), HEIGHT - BOTTOM + 18, second))
    parts.append(line(paper.x(storm), TOP, paper.x(storm), HEIGHT - BOTTOM, 'stroke-dasharray="4"'))
    parts.append(text(paper.x(storm / 2), TOP - 8, "storm: twice the capacity is asked"))
    parts.append(text(paper.x((storm + paper.seconds) / 2), TOP - 8, "light load"))
    y = paper.y(capacity)
    parts.append(line(LEFT, y, WIDTH - RIGHT, y, 'stroke-dasharray="2"'))
    parts.append(text(WIDTH - RIGHT + 6, y - 6, "capacity", "start"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "time (s)"))
    parts.append(f'<text transform="translate(14 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
                 "answered in time (calls/s)</text>")
    return parts


def plot(series, step, storm, capacity):
    """series: name to rates, one a step of so many seconds."""
    paper = Paper(max(len(values) for values in series.values()) * step, max(1000, capacity * 1.1))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">', STYLE,
             "<title>Calls answered in time during and after a retry storm</title>", *axes(paper, storm, capacity)]
    for (name, values), colour in zip(series.items(), COLOURS):
        values = smooth(values)
        parts.append(f'<path d="{paper.path(values, step)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 6}" y="{paper.y(values[-1]) + 4 - 14 * (name == "rpcward"):.1f}" '
                     f'style="fill:{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
