"""Hip hop: a city at night, its dancers and its turntables."""

from __future__ import annotations

import numpy as np

from generation.world.canvas import Canvas, Moment, dancer, ring


def dancers(canvas: Canvas, now: Moment) -> None:
    """One to three dancers in the light cones of street lamps, windows behind them."""
    palette = now.palette
    canvas.sky(palette(0.20, 0.85, -25), palette(0.42, 0.75, 5))
    _houses(canvas, now, 0.16, 0.62, 0.3, -0.02 * now.beats)
    canvas.polygon(
        [(-canvas.right, 0.24), (canvas.right, 0.24), (canvas.right, 0.5), (-canvas.right, 0.5)], palette(0.2, 0.5)
    )
    light = Canvas(canvas.width, canvas.height)
    places = ((0.0,), (-0.3, 0.3), (-0.48, 0.0, 0.48))[now.density]
    for index, x in enumerate(places):
        sway = 0.06 * np.sin(np.pi * now.beats / 2 + index)
        light.polygon(
            [(x - 0.02, -0.5), (x + 0.02, -0.5), (x + 0.30 + sway, 0.40), (x - 0.30 + sway, 0.40)],
            palette(0.7, 0.5, 25),
        )
    canvas.add_light(light, 0.30 + 0.25 * now.pulse)
    for index, x in enumerate(places):
        canvas.polygon(ring((x, 0.40), 0.17, 24) * (1, 0.16) + (0, 0.336), palette(0.08))
        style = int(now.random.integers(3))
        size = 0.68 - 0.08 * now.density
        dancer(canvas, (x + 0.008, 0.405), size, now.beats, style, palette(0.12, 0.6, 180))
        dancer(canvas, (x, 0.40), size, now.beats, style, palette(1.0, 0.62, (150, 180, 210)[index]))
    canvas.glow(0.22 + 0.2 * now.pulse)
    canvas.vignette()


def _houses(canvas: Canvas, now: Moment, floor: float, tall: float, lit: float, shift: float) -> None:
    """A row of towers with windows that change on the beat; ``shift`` scrolls it."""
    beat = int(now.beats)
    width = 0.17
    first = int(np.floor((-canvas.right - shift) / width)) - 1
    for number in range(first, first + int(2 * canvas.right / width) + 4):
        own = np.random.default_rng([number + 1000, round(100 * tall)])
        height = tall * own.uniform(0.45, 1.0)
        left = number * width + shift
        wall = now.palette(lit * own.uniform(0.5, 0.9), 0.7, own.uniform(-25, 25))
        top = floor - height
        canvas.polygon([(left, 0.5), (left, top), (left + width * 0.94, top), (left + width * 0.94, 0.5)], wall)
        lamps = own.uniform(size=(12, 4))
        for row in range(int(height / 0.052)):
            for column in range(4):
                if (lamps[row % 12, column] + 0.13 * (beat % 4)) % 1.0 < 0.45:
                    x, y = left + width * (0.09 + 0.215 * column), top + 0.022 + 0.052 * row
                    glass = now.palette(0.55 + 1.3 * lit, 0.5, 30 * lamps[row % 12, column])
                    canvas.polygon([(x, y), (x + 0.022, y), (x + 0.022, y + 0.028), (x, y + 0.028)], glass)


def turntable(canvas: Canvas, now: Moment) -> None:
    """A record that turns with the tempo, its arm, and a meter that jumps with the beat."""
    palette = now.palette
    canvas.sky(palette(0.34, 0.75, 20), palette(0.16, 0.85, -15))
    corners = [(-0.78, -0.44), (0.78, -0.44), (0.78, 0.44), (-0.78, 0.44)]
    canvas.polygon([(x + 0.02, y + 0.03) for x, y in corners], palette(0.06))
    canvas.polygon(corners, palette(0.42, 0.35))
    centre = (-0.18, 0.0)
    turn = now.beats * np.pi / 2
    canvas.disc((-0.17, 0.015), 0.41, palette(0.12))
    canvas.disc(centre, 0.40, palette(0.10, 0.4))
    for groove in range(9):
        reach = 0.17 + 0.025 * groove
        canvas.outline(ring(centre, reach, 48), palette(0.2 + 0.05 * (groove % 2), 0.4), 0.002)
    for side in (0, np.pi):
        sheen = np.concatenate([[centre], ring(centre, 0.39, 48, turn + side)[:5]])
        canvas.polygon(sheen, palette(0.42 + 0.15 * now.pulse, 0.3))
    canvas.disc(centre, 0.14 + 0.012 * now.pulse, palette(1.0, 0.75))
    for slice_ in range(3 + now.density):
        angle = turn + slice_ * 2 * np.pi / (3 + now.density)
        wedge = np.concatenate([[centre], ring(centre, 0.13, 24, angle)[:3]])
        canvas.polygon(wedge, palette(1.0, 0.45, 70))
    canvas.disc(centre, 0.015, palette(0.1))
    tip = (0.07 + 0.006 * float(np.sin(2 * np.pi * now.beats)), 0.17)
    canvas.line((0.42, -0.30), (0.36, 0.05), palette(0.95, 0.1), 0.018)
    canvas.line((0.36, 0.05), tip, palette(0.95, 0.1), 0.018)
    canvas.disc((0.42, -0.30), 0.06, palette(0.7, 0.15))
    canvas.disc((tip[0], tip[1]), 0.022, palette(1.0, 0.6, 180))
    for bar in range(5):
        level = int(2 + 5 * now.pulse * (0.6 + 0.4 * np.sin(2.1 * bar + int(now.beats))))
        for cell in range(8):
            x, y = 0.53 + 0.046 * bar, 0.36 - 0.042 * cell
            lit = palette(1.0, 0.8, 40 + 14 * cell) if cell < level else palette(0.2, 0.4)
            canvas.polygon([(x, y), (x + 0.034, y), (x + 0.034, y - 0.03), (x, y - 0.03)], lit)
    canvas.glow(0.3 + 0.3 * now.pulse)
    canvas.vignette()


def skyline(canvas: Canvas, now: Moment) -> None:
    """Three depths of towers drifting past a moon, and cars' lights on a wet street."""
    palette = now.palette
    canvas.sky(palette(0.20, 0.9, -30), palette(0.75, 0.7, 20), 0.3)
    canvas.disc((0.38, -0.27), 0.12 + 0.008 * now.pulse, palette(1.0, 0.18, 20))
    canvas.disc((0.42, -0.29), 0.10, palette(0.34, 0.82, -14))
    for floor, tall, lit, pace in ((0.2, 0.42, 0.50, 0.03), (0.26, 0.46, 0.34, 0.07), (0.32, 0.38, 0.2, 0.13)):
        _houses(canvas, now, floor, tall, lit, -pace * now.beats)
    canvas.polygon(
        [(-canvas.right, 0.32), (canvas.right, 0.32), (canvas.right, 0.5), (-canvas.right, 0.5)],
        palette(0.12, 0.6),
    )
    for _ in range(3 + 4 * now.density):
        lane, start, way = now.random.uniform(0.35, 0.47), now.random.uniform(), now.random.choice((-1, 1))
        x = way * (((start + now.beats / 5) % 1.0) * 2.4 - 1.2) * canvas.right
        tone = palette(1.0, 0.25, 20) if way > 0 else palette(1.0, 0.85, -15)
        canvas.line((x - way * 0.16, lane), (x, lane), tone, 0.007)
        canvas.disc((x, lane), 0.012, tone)
    canvas.glow(0.45 + 0.3 * now.pulse)
