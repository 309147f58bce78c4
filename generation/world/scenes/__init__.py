"""What the world looks like: each scene draws one instant on a canvas."""

from __future__ import annotations

from collections.abc import Callable

from generation.world.canvas import Canvas, Moment
from generation.world.scenes import electronic, hip_hop, reggae, rock

SCENES: dict[str, Callable[[Canvas, Moment], None]] = {
    "tunnel": electronic.tunnel,
    "kaleidoscope": electronic.kaleidoscope,
    "neon_road": electronic.neon_road,
    "dancer": hip_hop.dancers,
    "turntable": hip_hop.turntable,
    "skyline": hip_hop.skyline,
    "sunset": reggae.sunset,
    "palms": reggae.palms,
    "waves": reggae.waves,
    "stage": rock.stage,
    "highway": rock.highway,
    "shards": rock.shards,
}
