"""Rock: a stage, a road, things that burst."""

from __future__ import annotations

import numpy as np

from generation.world.canvas import Canvas, Moment, dancer, ridge, ring


def stage(canvas: Canvas, now: Moment) -> None:
    """A band before sweeping beams, a crowd whose hands go up on the beat."""
    palette = now.palette
    canvas.sky(palette(0.10, 0.9, -10), palette(0.36, 0.85, 10), 0.3)
    light = Canvas(canvas.width, canvas.height)
    lamps = 4 + 2 * now.density
    for lamp in range(lamps):
        x = (lamp + 0.5) / lamps * 1.6 - 0.8
        aim = x * 0.5 + 0.55 * np.sin(np.pi * now.beats / 4 + lamp * 1.9)
        tone = palette(0.9, 0.7, 40 * (lamp % 3) - 40)
        light.polygon([(x - 0.008, -0.5), (x + 0.008, -0.5), (aim + 0.12, 0.42), (aim - 0.12, 0.42)], tone)
    canvas.add_light(light, 0.35 + 0.4 * now.pulse)
    canvas.polygon([(-0.9, 0.22), (0.9, 0.22), (0.9, 0.5), (-0.9, 0.5)], palette(0.22, 0.7, -15))
    ink = palette(0.07, 0.8)
    for place, x in enumerate((-0.46, 0.02, 0.46)):
        dancer(canvas, (x, 0.25), 0.46, now.beats + 0.5 * (place % 2), place, ink)
        if place != 1:
            tilt = 0.05 * np.sin(np.pi * now.beats)
            canvas.line((x - 0.14, 0.06 + tilt), (x + 0.15, -0.02 - tilt), palette(0.75, 0.8, 25), 0.016)
            canvas.disc((x - 0.10, 0.05 + tilt), 0.048, palette(0.95, 0.8, 25))
    for drum_x, radius in ((-0.09, 0.06), (0.09, 0.06), (0.0, 0.09)):
        canvas.disc((0.02 + drum_x, 0.20), radius * (1 + 0.12 * now.pulse), palette(0.5, 0.8, -20))
        canvas.disc((0.02 + drum_x, 0.20), radius * 0.8, palette(0.85, 0.3))
    for head in range(26):
        x = -0.9 + 1.8 * head / 25 + now.random.uniform(-0.02, 0.02)
        y = 0.46 + now.random.uniform(-0.03, 0.03) - 0.025 * now.pulse * (head % 2)
        canvas.disc((x, y), 0.042, ink)
        if now.random.uniform() < 0.3 + 0.25 * now.density:
            canvas.line(
                (x, y), (x + 0.02 * np.sin(np.pi * now.beats + head), y - 0.10 - 0.05 * now.pulse), ink, 0.018
            )
        canvas.line((x, y), (x, 0.52), ink, 0.07)
    canvas.glow(0.5 + 0.6 * now.pulse)


def highway(canvas: Canvas, now: Moment) -> None:
    """A road rushing by below mountains, posts and dashes as fast as the tempo."""
    palette = now.palette
    horizon = 0.02
    bend = 0.12 * np.sin(now.beats / 5)
    canvas.sky(palette(0.5, 0.85, -25), palette(1.0, 0.5, 20), horizon)
    canvas.disc((0.25 - bend, -0.13), 0.12 + 0.015 * now.pulse, palette(1.0, 0.25, 25))
    canvas.polygon(ridge(canvas, horizon + 0.04, 0.26, 0.3 * bend + 2, 5.0), palette(0.5, 0.65, -10))
    canvas.polygon(ridge(canvas, horizon + 0.04, 0.14, 0.8 * bend + 7, 9.0), palette(0.34, 0.75, -20))
    canvas.polygon([(-0.9, horizon), (0.9, horizon), (0.9, 0.5), (-0.9, 0.5)], palette(0.36, 0.8, -30))
    travel = now.beats
    for strip in range(12, 0, -1):
        near, far = ((strip - travel % 1.0) / 12) ** 2.6, (max(0.0, strip - 0.5 - travel % 1.0) / 12) ** 2.6
        low, high = horizon + 0.48 * min(1.0, near), horizon + 0.48 * far
        canvas.polygon([(-0.9, low), (0.9, low), (0.9, high), (-0.9, high)], palette(0.44, 0.8, -30))
    canvas.polygon(
        [(bend - 0.012, horizon), (bend + 0.012, horizon), (0.62, 0.5), (-0.62, 0.5)], palette(0.2, 0.3)
    )
    edge = palette(1.0, 0.1)
    for side in (-1, 1):
        canvas.polygon(
            [
                (bend + side * 0.0105, horizon),
                (bend + side * 0.0115, horizon),
                (side * 0.60, 0.5),
                (side * 0.57, 0.5),
            ],
            edge,
        )
    for dash in range(9):
        near, far = ((dash + travel % 1.0) / 9) ** 2.6, (max(0.0, dash - 0.45 + travel % 1.0) / 9) ** 2.6
        for lane in (0.0,) if now.density == 0 else (-0.2, 0.2):
            corners = [_on_road(lane + wide, depth, bend, horizon) for wide, depth in
                       ((-0.012, near), (0.012, near), (0.012, far), (-0.012, far))]  # fmt: skip
            canvas.polygon(corners, palette(1.0, 0.35, 30))
    posts = 4 + 3 * now.density
    for post in range(posts):
        near = ((post + travel % 1.0) / posts) ** 2.6
        for side in (-1, 1):
            x, y = _on_road(side * 0.85, near, bend, horizon)
            canvas.line((x, y), (x, y - 0.42 * near - 0.004), palette(0.12, 0.5), 0.002 + 0.018 * near)
            canvas.disc((x, y - 0.42 * near), 0.03 * near + 0.002, palette(1.0, 0.4 - 0.3 * now.pulse, 30))
    canvas.glow(0.3 + 0.4 * now.pulse)


def _on_road(across: float, near: float, bend: float, horizon: float) -> tuple[float, float]:
    """A point of the road's plane: ``near`` is 0 at the horizon and 1 at the lower edge."""
    return bend * (1 - near) + across * (0.02 + 0.98 * near), horizon + (0.5 - horizon) * near


def shards(canvas: Canvas, now: Moment) -> None:
    """Splinters flying out of a core that bursts at every bar, with lightning on the accents."""
    palette = now.palette
    canvas.sky(palette(0.42, 0.85, -15), palette(0.14, 0.95, 15))
    back = now.random.uniform(0, 2 * np.pi)
    for wedge in range(12):
        shape = ring((0, 0), 1.3, 24, back + now.beats * 0.05 + wedge * np.pi / 6)[:2]
        canvas.polygon(
            np.concatenate([[(0.0, 0.0)], shape]), palette(0.3 + 0.15 * (wedge % 2), 0.9, 15 * (wedge % 2))
        )
    if now.accent > 0.25:
        for _ in range(2):
            start = now.random.uniform(-0.8, 0.8)
            path = np.stack([start + np.cumsum(now.random.uniform(-0.09, 0.09, 9)), np.linspace(-0.5, 0.45, 9)], 1)
            canvas.outline(path, palette(1.0, 0.1), 0.004 + 0.012 * now.accent, closed=False)
    for _ in range(18 + 16 * now.density):
        angle, start = now.random.uniform(0, 2 * np.pi), now.random.uniform()
        size, spin, hue = now.random.uniform(0.05, 0.14), now.random.uniform(-2, 2), now.random.uniform(-40, 60)
        way = (start + now.beats / 6) % 1.0
        reach = 0.12 + 0.95 * way + 0.05 * now.pulse
        at = (reach * np.cos(angle + 0.3 * way), reach * np.sin(angle + 0.3 * way))
        big = size * (0.4 + 1.3 * way)
        shape = ring(at, big, 3, spin * now.beats * 0.5 + angle) * 1.0
        shade = 0.62 + 0.38 * np.sin(spin * now.beats * 0.5 + angle)
        canvas.polygon(shape + np.array([0.01, 0.014]), palette(0.08))
        canvas.polygon(shape, palette(shade, 0.8, hue))
        canvas.polygon(np.array([shape[0], shape[1], at]), palette(min(1.0, shade + 0.3), 0.5, hue))
    core = 0.10 + 0.05 * now.pulse + 0.04 * now.accent
    for layer, tone in enumerate((palette(0.8, 0.9, -10), palette(1.0, 0.6, 10), palette(1.0, 0.15, 20))):
        canvas.polygon(ring((0, 0), core * (1 - 0.28 * layer), 8, now.beats * 0.4 * (-1) ** layer), tone)
    canvas.glow(0.35 + 0.5 * now.pulse)
    canvas.vignette()
