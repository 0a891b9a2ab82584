"""What a person wears: colours of skin, hair and cloth, and the cut of the clothes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SKIN = np.array(
    [(241, 205, 180), (224, 182, 150), (198, 148, 112), (160, 112, 80), (118, 78, 54), (84, 56, 40)], float
)
HAIR = np.array(
    [
        (30, 24, 20),
        (62, 42, 28),
        (104, 72, 44),
        (168, 130, 80),
        (206, 184, 140),
        (140, 138, 136),
        (120, 50, 30),
    ],
    float,
)
CLOTH = np.array(
    [
        (34, 36, 42),
        (52, 60, 82),
        (88, 92, 98),
        (176, 172, 164),
        (232, 230, 224),
        (120, 36, 38),
        (186, 52, 44),
        (40, 84, 60),
        (62, 106, 158),
        (148, 176, 206),
        (196, 156, 92),
        (108, 80, 56),
        (210, 120, 50),
        (96, 70, 112),
        (222, 196, 80),
        (200, 140, 160),
    ],
    float,
)
TROUSERS = np.array(
    [
        (34, 36, 42),
        (46, 54, 84),
        (70, 86, 122),
        (88, 88, 92),
        (120, 108, 88),
        (164, 150, 124),
        (60, 52, 46),
        (40, 60, 54),
    ],
    float,
)


@dataclass(frozen=True)
class Clothes:
    skin: np.ndarray
    hair: np.ndarray
    top: np.ndarray
    legs: np.ndarray
    shoes: np.ndarray
    bag_colour: np.ndarray
    hat_colour: np.ndarray
    long_hair: bool
    bald: bool
    sleeves: float  # share of the arm covered, 0.4 or 1
    bottom: str  # "trousers", "shorts", "skirt"
    coat: float  # how far the top reaches down the thigh, 0..1.1
    stripes: bool
    bag: str  # "", "backpack", "hand", "shoulder"
    bag_hand: str  # "left", "right" or "" where no hand carries
    hat: str  # "", "cap", "beanie", "brim"


def random_clothes(rng: np.random.Generator) -> Clothes:
    dress = rng.random() < 0.18
    bag = str(rng.choice(["", "backpack", "hand", "shoulder"], p=[0.52, 0.16, 0.2, 0.12]))
    bottom = "skirt" if dress else str(rng.choice(["trousers", "shorts"], p=[0.87, 0.13]))
    coat = rng.uniform(0.6, 1.1) if rng.random() < 0.2 else rng.uniform(0.0, 0.25)
    return Clothes(
        skin=_some(rng, SKIN, 8),
        hair=_some(rng, HAIR, 10),
        top=_some(rng, CLOTH, 18),
        legs=_some(rng, CLOTH if dress else TROUSERS, 14),
        shoes=_some(rng, CLOTH[[0, 0, 3, 4, 11]], 10),
        bag_colour=_some(rng, CLOTH, 10),
        hat_colour=_some(rng, CLOTH, 10),
        long_hair=bool(rng.random() < (0.85 if dress else 0.3)),
        bald=bool(rng.random() < 0.06),
        sleeves=0.4 if bottom == "shorts" or (coat < 0.3 and rng.random() < 0.25) else 1.0,
        bottom=bottom,
        coat=coat,
        stripes=bool(rng.random() < 0.12),
        bag=bag,
        bag_hand=str(rng.choice(["left", "right"])) if bag == "hand" else "",
        hat=str(rng.choice(["", "cap", "beanie", "brim"], p=[0.74, 0.12, 0.09, 0.05])),
    )


def _some(rng: np.random.Generator, palette: np.ndarray, spread: float) -> np.ndarray:
    return np.clip(palette[rng.integers(len(palette))] + rng.normal(0, spread, 3), 8, 245)
