"""Prompts as a researcher might write them, three of a kind, and what a general music tagger may hear in each."""

from __future__ import annotations

PROMPTS: dict[str, tuple[str, str, str]] = {
    "house": (
        "A four-on-the-floor club track with a pumping synth bass",
        "uplifting house music for a beach party",
        "techno for the catwalk of a fashion show",
    ),
    "drum and bass": (
        "frantic drum and bass for a racing game",
        "Breakbeats at full speed, dark and futuristic",
        "jungle drums and a growling bass under a chase",
    ),
    "hip hop": (
        "lo-fi beats to study to, with a dusty electric piano",
        "A laid-back boom bap instrumental for a rapper",
        "mellow hip hop for a rainy evening",
    ),
    "reggae": (
        "slow reggae with an offbeat organ",
        "Jamaican dub, deep bass and a lot of echo",
        "sunny island music with a one drop beat",
    ),
    "funk": (
        "groovy funk with slap bass and horns",
        "a seventies disco party",
        "A confident soul groove with brass stabs",
    ),
    "jazz": (
        "a swing trio with walking double bass",
        "elegant lounge jazz for a hotel bar",
        "Vibraphone and brushes in a small jazz club",
    ),
    "rock": (
        "heavy metal with distorted guitars",
        "an energetic rock anthem for a stadium",
        "Loud drums and electric guitars, aggressive and fast",
    ),
    "pop": (
        "a happy pop song for an advertisement",
        "Cheerful music for children with claps and bells",
        "bright, uplifting pop with piano",
    ),
    "folk": (
        "fingerpicked acoustic guitar, warm and peaceful",
        "a country song for a road trip",
        "Folk music around a campfire with a flute",
    ),
    "film score": (
        "an epic orchestral trailer with war drums",
        "sad strings for the end of a film",
        "Cinematic suspense before the battle",
    ),
    "ambient": (
        "calm ambient music for meditation",
        "Slow, spacious drones that drift through outer space",
        "peaceful sounds of the ocean to fall asleep to",
    ),
}

HEARD: dict[str, tuple[str, ...]] = {
    "house": ("techno", "dance", "electronic", "beat"),
    "drum and bass": ("techno", "electronic", "fast"),
    "hip hop": ("beat", "beats"),
    "funk": ("beat", "guitar"),
    "rock": ("rock", "metal", "loud"),
    "pop": ("pop",),
    "folk": ("guitar", "country", "flute"),
    "film score": ("classical", "strings", "violin"),
    "ambient": ("ambient", "slow", "new age", "quiet"),
}
"""Tags of the tagger (MagnaTagATune's) that a kind should raise; it knows none for reggae and jazz."""
