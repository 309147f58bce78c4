"""Electronic music: light that turns and rushes by."""

from __future__ import annotations

import numpy as np

from generation.world.canvas import Canvas, Moment, Points, ring


def tunnel(canvas: Canvas, now: Moment) -> None:
    """Rushing through nested polygons, with sparks flying outwards."""
    palette = now.palette
    corners = int(now.random.integers(3, 8))
    spin = float(now.random.choice((-1, 1))) * 0.16
    canvas.sky(palette(0.12), palette(0.22, turn=30))
    travel = now.beats / 2
    sway = (0.10 * np.sin(now.beats * 0.7), 0.06 * np.cos(now.beats * 0.9))
    for index in range(14):
        depth = index + 1 - travel % 1.0
        number = index + int(np.floor(travel))
        near = np.exp(-depth * 0.36)
        centre = (sway[0] * (1 - near), sway[1] * (1 - near))
        shape = ring(centre, 1.5 * near, corners, spin * (number + now.beats))
        lit = 0.95 * near + 0.1 + 0.25 * now.pulse * (number % 2)
        canvas.polygon(shape, palette(0.35 * lit + 0.06, 0.95, 24 * (number % 3) - 24))
        canvas.outline(shape, palette(min(1.0, 0.6 + lit), 0.55, 40 * (number % 3) - 40), 0.003 + 0.016 * near)
    for _ in range(12 + 24 * now.density):
        angle, start, size = now.random.uniform(0, 2 * np.pi), now.random.uniform(0, 1), now.random.uniform(0.5, 1)
        way = (start + travel * 0.8) % 1.0
        reach, tail = 1.1 * way**2.2, 1.1 * max(0.0, way - 0.05) ** 2.2
        at = np.array([np.cos(angle), np.sin(angle)])
        canvas.line(sway + at * tail, sway + at * reach, palette(1.0, 0.25, 40), 0.008 * size * way)
    canvas.disc(sway, 0.028 + 0.035 * now.pulse, palette(1.0, 0.15))
    canvas.glow(0.55 + 0.5 * now.pulse)


def kaleidoscope(canvas: Canvas, now: Moment) -> None:
    """Petals in many-fold symmetry that turn against one another and open on the beat."""
    palette = now.palette
    folds = int(now.random.integers(5, 9))
    canvas.sky(palette(0.16, 0.9, -30), palette(0.30, 0.9, 20))
    for layer in range(6, -1, -1):
        outward = 0.16 + 0.115 * layer + 0.035 * now.pulse + 0.02 * np.sin(now.beats * 0.8 + layer)
        turn = (1 if layer % 2 else -1) * now.beats * (0.10 + 0.03 * layer) + layer * 0.4
        width = 0.42 + 0.18 * np.sin(now.beats * 0.5 + 1.7 * layer)
        tone = palette(0.45 + 0.08 * (6 - layer), 0.85, 22 * (layer - 3))
        edge = palette(1.0, 0.4, 22 * (layer - 3) + 30)
        for fold in range(folds * (1 if layer < 3 else 2)):
            angle = turn + fold * 2 * np.pi / (folds * (1 if layer < 3 else 2))
            petal = _petal(angle, outward, width / (1 if layer < 3 else 1.9))
            canvas.polygon(petal, tone)
            canvas.outline(petal, edge, 0.003)
    dots = folds * (1 + now.density)
    for fold in range(dots):
        angle = -now.beats * 0.35 + fold * 2 * np.pi / dots
        reach = 0.30 + 0.12 * np.sin(now.beats * np.pi / 2 + (fold % 2) * np.pi)
        canvas.disc(
            (reach * np.cos(angle), reach * np.sin(angle)), 0.012 + 0.012 * now.pulse, palette(1.0, 0.2, 60)
        )
    canvas.disc((0, 0), 0.055 + 0.03 * now.pulse, palette(1.0, 0.25, -20))
    canvas.glow(0.4 + 0.4 * now.pulse)
    canvas.vignette()


def _petal(angle: float, outward: float, width: float) -> Points:
    along = np.linspace(0, 1, 12)
    side = width * np.sin(np.pi * along) * along * 0.55 * outward
    upper = np.stack([along * outward, side], 1)
    lower = np.stack([along[::-1] * outward, -side[::-1]], 1)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    petal: Points = np.concatenate([upper, lower]) @ turn
    return petal


def neon_road(canvas: Canvas, now: Moment) -> None:
    """A glowing grid rushing towards the viewer below a striped sun and pointed hills."""
    palette = now.palette
    horizon = 0.06
    canvas.sky(palette(0.16, 0.95, -35), palette(0.62, 0.85, 15), horizon)
    for _ in range(50):
        x, y, twinkle = (
            now.random.uniform(-canvas.right, canvas.right),
            now.random.uniform(-0.5, 0),
            now.random.uniform(),
        )
        canvas.disc((x, y), 0.0025, palette(0.5 + 0.5 * np.sin(6.3 * twinkle + now.beats) ** 2, 0.15))
    radius = 0.235 + 0.022 * now.pulse
    canvas.disc((0, -0.12), radius, palette(1.0, 0.55, 28))
    for stripe in range(6):
        low = -0.12 + radius * (0.08 + 0.16 * ((stripe + now.beats * 0.25) % 6))
        canvas.polygon(
            [(-radius, low), (radius, low), (radius, low + 0.012), (-radius, low + 0.012)], palette(0.55, 0.85, 15)
        )
    _peaks(canvas, now, horizon)
    floor = [(-canvas.right, horizon), (canvas.right, horizon), (canvas.right, 0.5), (-canvas.right, 0.5)]
    canvas.polygon(floor, palette(0.13, 0.95, -20))
    bright = palette(0.8 + 0.2 * now.pulse, 0.75, -12)
    for column in range(-14, 15):
        canvas.line((column * 0.035, horizon), (column * 0.36, 0.5), bright, 0.004)
    for row in range(11):
        near = (row + (now.beats * 1.0) % 1.0) / 11
        y = horizon + (0.5 - horizon) * near**2.4
        canvas.line((-canvas.right, y), (canvas.right, y), bright, 0.002 + 0.006 * near)
    for _ in range(3 + 7 * now.density):
        lane, start = int(now.random.integers(-4, 5)), now.random.uniform()
        near = ((start + now.beats / 8) % 1.0) ** 2.4
        x, y = (lane + 0.5) * (0.035 + 0.325 * near), horizon + (0.5 - horizon) * near
        tall = 0.22 * near * (1 + 0.4 * now.pulse)
        base = 0.13 * near
        canvas.polygon([(x - base, y), (x + base, y), (x, y - tall)], palette(0.9, 0.6, 60))
        canvas.polygon([(x, y), (x + base, y), (x, y - tall)], palette(0.5, 0.8, 50))
    canvas.glow(0.6 + 0.35 * now.pulse)


def _peaks(canvas: Canvas, now: Moment, horizon: float) -> None:
    for _ in range(9):
        x, tall = now.random.uniform(-canvas.right, canvas.right), now.random.uniform(0.05, 0.16)
        base = tall * 1.3
        canvas.polygon([(x - base, horizon), (x, horizon - tall), (x + base, horizon)], now.palette(0.2, 0.9, -25))
        canvas.polygon([(x, horizon), (x, horizon - tall), (x + base, horizon)], now.palette(0.3, 0.9, -15))
