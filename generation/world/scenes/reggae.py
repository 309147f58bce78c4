"""Reggae: sea, sun and palms that sway in time."""

from __future__ import annotations

import numpy as np

from generation.world.canvas import Canvas, Moment, ridge, ring


def sunset(canvas: Canvas, now: Moment) -> None:
    """A sun with turning rays over a sea that glitters, a boat rocking on the beat, gulls."""
    palette = now.palette
    horizon = 0.10
    canvas.sky(palette(0.55, 0.9, -30), palette(1.0, 0.55, 20), horizon)
    centre = (0.12 * np.sin(now.beats / 9), -0.06)
    rays = Canvas(canvas.width, canvas.height)
    for ray in range(10):
        wedge = ring(centre, 1.4, 60, now.beats * 0.08 + ray * 2 * np.pi / 10)[:3]
        rays.polygon(np.concatenate([[centre], wedge]), palette(0.8, 0.5, 30))
    canvas.add_light(rays, 0.18 + 0.22 * now.pulse)
    canvas.disc(centre, 0.185 + 0.015 * now.pulse, palette(1.0, 0.35, 32))
    canvas.disc(centre, 0.16 + 0.015 * now.pulse, palette(1.0, 0.18, 38))
    for layer in range(7):
        near = (layer / 6) ** 1.5
        level = horizon + 0.34 * near
        across = np.linspace(-canvas.right, canvas.right, 40)
        swell = (0.004 + 0.016 * near) * np.sin(
            across * (26 - 14 * near) + (1 + layer % 3) * now.beats * 0.7 + layer
        )
        shape = np.concatenate([np.stack([across, level + swell], 1), [[canvas.right, 0.5], [-canvas.right, 0.5]]])
        canvas.polygon(shape, palette(0.62 - 0.07 * layer, 0.85, -20 + 6 * (layer % 2)))
    for _ in range(16 + 16 * now.density):
        near, phase, side = now.random.uniform() ** 1.4, now.random.uniform(), now.random.normal()
        shine = np.sin(2 * np.pi * (phase + now.beats / 2)) ** 2
        y = horizon + 0.015 + 0.34 * near
        x, wide = centre[0] + side * (0.06 + 0.16 * near), (0.02 + 0.05 * near) * shine
        canvas.line((x - wide, y), (x + wide, y), palette(1.0, 0.3, 35), 0.003 + 0.005 * near)
    _boat(canvas, now, horizon)
    for bird in range(1 + 2 * now.density):
        x = ((now.random.uniform(-1, 1) + 0.05 * now.beats + 1) % 2 - 1) * canvas.right
        y, flap = now.random.uniform(-0.42, -0.15), 0.018 * np.sin(np.pi * now.beats + bird)
        canvas.outline(
            np.array([(x - 0.035, y - flap), (x, y), (x + 0.035, y - flap)]), palette(0.2), 0.006, closed=False
        )
    canvas.glow(0.3 + 0.2 * now.pulse)


def _boat(canvas: Canvas, now: Moment, horizon: float) -> None:
    rock = 0.14 * np.sin(np.pi * now.beats)
    middle = np.array([now.random.uniform(-0.5, 0.5) + 0.03 * now.beats, horizon + 0.09 - 0.014 * now.pulse])
    turn = np.array([[np.cos(rock), np.sin(rock)], [-np.sin(rock), np.cos(rock)]])
    hull = np.array([(-0.10, -0.015), (0.11, -0.015), (0.07, 0.03), (-0.07, 0.03)]) @ turn + middle
    sail = np.array([(0.0, -0.24), (0.0, -0.03), (0.09, -0.03)]) @ turn + middle
    jib = np.array([(-0.008, -0.21), (-0.008, -0.03), (-0.075, -0.03)]) @ turn + middle
    canvas.polygon(sail, now.palette(1.0, 0.12, 30))
    canvas.polygon(jib, now.palette(0.9, 0.6, 180))
    canvas.polygon(hull, now.palette(0.22, 0.7, -20))


def palms(canvas: Canvas, now: Moment) -> None:
    """Palms on a hill bending with the beat before a sun and far islands."""
    palette = now.palette
    canvas.sky(palette(0.65, 0.75, -25), palette(1.0, 0.45, 25), 0.25)
    canvas.disc((-0.3, -0.12), 0.15 + 0.02 * now.pulse, palette(1.0, 0.15, 30))
    canvas.polygon(ridge(canvas, 0.22, 0.22, 0.02 * now.beats, 4.0), palette(0.62, 0.7, -10))
    canvas.polygon(ridge(canvas, 0.27, 0.12, 3 + 0.04 * now.beats, 6.0), palette(0.48, 0.8, -20))
    for row in range(4):
        y = 0.24 + 0.035 * row
        sway = 0.03 * np.sin(now.beats * np.pi / 2 + row)
        canvas.line((-canvas.right, y), (canvas.right, y + 0.0), palette(0.85 - 0.1 * row, 0.5, 10), 0.006)
        canvas.line((-0.42 + sway, y), (-0.18 + sway, y), palette(1.0, 0.15, 30), 0.01)
    canvas.polygon(ridge(canvas, 0.52, 0.16, 1.3, 2.4), palette(0.2, 0.8, -25))
    for _ in range(2 + 2 * now.density):
        x, tall = now.random.uniform(-0.8, 0.8), now.random.uniform(0.4, 0.75)
        _palm(canvas, now, x, 0.47, tall)
    canvas.glow(0.25 + 0.25 * now.pulse)


def _palm(canvas: Canvas, now: Moment, x: float, y: float, tall: float) -> None:
    bend = tall * (0.10 * np.sin(np.pi * now.beats / 2 + 3 * x) + 0.05)
    along = np.linspace(0, 1, 9)
    trunk = np.stack([x + bend * along**2, y - tall * along], 1)
    canvas.outline(trunk, now.palette(0.16, 0.6, -10), 0.022 * tall + 0.006, closed=False)
    top = trunk[-1]
    for leaf in range(9):
        angle = np.pi * (1.08 + 0.84 * leaf / 8) + 0.12 * np.sin(np.pi * now.beats + leaf)
        reach = tall * 0.42
        out = np.linspace(0, 1, 7)
        droop = 0.5 * reach * out**2 * (0.7 + 0.3 * now.pulse)
        spine = top + np.stack([reach * out * np.cos(angle), reach * out * np.sin(angle) * 0.8 + droop], 1)
        width = 0.05 * tall * np.sin(np.pi * np.clip(out + 0.08, 0, 1))[:, None] * np.array([0.0, 1.0])
        tone = now.palette(0.26 + 0.05 * (leaf % 3), 0.8, -35)
        canvas.polygon(np.concatenate([spine, (spine + width)[::-1]]), tone)


def waves(canvas: Canvas, now: Moment) -> None:
    """Layer upon layer of rolling waves with foam, fish leaping over them on the beat."""
    palette = now.palette
    canvas.sky(palette(0.9, 0.35, 20), palette(0.75, 0.6, 0), 0.0)
    canvas.disc((0.45, -0.3), 0.11 + 0.015 * now.pulse, palette(1.0, 0.2, 40))
    fish = [
        (now.random.uniform(-0.7, 0.7), int(now.random.integers(2)), layer % 5)
        for layer in range(2 + 2 * now.density)
    ]
    for layer in range(7):
        level = -0.16 + 0.105 * layer
        for x, odd, own_layer in fish:
            if own_layer == layer:
                _fish(canvas, now, x, level, odd)
        across = np.linspace(-canvas.right - 0.02, canvas.right + 0.02, 64)
        roll = (
            across * (9 - 0.7 * layer) + (1 if layer % 2 else -1) * now.beats * (0.35 + 0.08 * layer) + 1.9 * layer
        )
        crest = level - (0.03 + 0.007 * layer) * (np.sin(roll) + 0.35 * np.sin(2 * roll + 0.6)) - 0.012 * now.pulse
        edge = np.stack([across, crest], 1)
        shape = np.concatenate([edge, [[canvas.right + 0.02, 0.52], [-canvas.right - 0.02, 0.52]]])
        canvas.polygon(shape, palette(0.88 - 0.09 * layer, 0.6 + 0.05 * layer, -5 * layer))
        canvas.outline(edge, palette(1.0, 0.15), 0.005 + 0.001 * layer, closed=False)
    canvas.glow(0.18 + 0.15 * now.pulse)


def _fish(canvas: Canvas, now: Moment, x: float, level: float, odd: int) -> None:
    phase = ((now.beats + odd) / 2) % 1.0
    angle = np.pi * (1 - phase)
    at = np.array([x + 0.12 * (phase - 0.5), level + 0.06 - 0.22 * np.sin(angle)])
    tilt = np.cos(angle) * 0.9
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    body = ring((0, 0), 0.05, 16) * (1, 0.45)
    tail = np.array([(-0.04, 0.0), (-0.085, -0.03), (-0.085, 0.03)])
    canvas.polygon(tail @ turn + at, now.palette(0.9, 0.8, 170))
    canvas.polygon(body @ turn + at, now.palette(1.0, 0.75, 185))
    canvas.disc(np.array([0.028, -0.006]) @ turn + at, 0.006, now.palette(0.1))
