"""How each activity moves the body: curves of the skeleton's parameters over a track's frames.

Walking and running follow the shapes of measured gait (hip a cosine, knee two bumps per stride: loading and swing);
amplitudes come from the speed, so that the feet cover the ground that the figure does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .skeleton import COLUMN, PARAMETERS, Body


@dataclass(frozen=True)
class Manner:
    """What makes one person move unlike the next."""

    arm_swing: float
    knee: float
    lean: float
    stance_out: float
    wave_hz: float
    fall_way: float  # heading of a fall relative to the body, radians
    carries: str  # the hand that holds a bag: "left", "right" or ""
    phone: str  # the hand at the ear: "left", "right" or ""


def random_manner(rng: np.random.Generator, bag_hand: str) -> Manner:
    free = [hand for hand in ("left", "right") if hand != bag_hand]
    phone = str(rng.choice(free)) if rng.random() < 0.1 else ""
    fall_way = float(
        rng.choice([0, np.pi, np.pi / 2, -np.pi / 2], p=[0.4, 0.2, 0.2, 0.2]) + rng.normal(0, 0.15)
    )
    return Manner(
        rng.uniform(0.7, 1.3),
        rng.uniform(0.85, 1.1),
        rng.normal(0.04, 0.03),
        rng.uniform(0.0, 0.06),
        rng.uniform(1.1, 1.8),
        fall_way,
        bag_hand,
        phone,
    )


def cadence_hz(speed: np.ndarray, running: np.ndarray) -> np.ndarray:
    """Strides (two steps) per second at a speed in m/s."""
    return np.where(running, 1.25 + 0.05 * speed, 0.42 + 0.42 * np.sqrt(np.maximum(speed, 0.02)))


def walk(body: Body, manner: Manner, phase: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Walking at any speed; it fades into standing at none."""
    moving = np.clip(speed / 0.5, 0, 1)
    step = speed / (2 * cadence_hz(speed, np.zeros_like(speed, bool)))
    swing = np.arcsin(np.clip(step / (2 * body.leg * body.height_m), 0, 0.6))
    angles = np.zeros((len(phase), len(PARAMETERS)))
    for side, own in (("l", phase), ("r", phase + 0.5)):
        cosine = np.cos(2 * np.pi * own)
        _set(angles, f"hip_{side}", 0.05 + swing * cosine)
        _set(
            angles,
            f"knee_{side}",
            0.06 + moving * manner.knee * (0.22 * _bump(own, 0.14, 0.09) + 1.0 * _bump(own, 0.73, 0.1)),
        )
        _set(angles, f"foot_{side}", moving * (0.3 * _bump(own, 0.0, 0.07) - 0.7 * _bump(own, 0.61, 0.07)))
        _set(angles, f"hip_out_{side}", 0.02 + manner.stance_out)
        arm = -0.02 - manner.arm_swing * swing * 0.9 * cosine
        _set(angles, f"arm_{side}", arm)
        _set(angles, f"fore_{side}", arm + 0.25 + 0.5 * np.maximum(arm, 0))
        _set(angles, f"arm_out_{side}", 0.13)
        _set(angles, f"fore_out_{side}", 0.06)
    _set(angles, "trunk_pitch", manner.lean)
    _set(angles, "trunk_yaw", 0.25 * swing * np.cos(2 * np.pi * phase))
    _set(angles, "trunk_roll", 0.02 * moving * np.sin(2 * np.pi * phase))
    _hold(angles, manner)
    return angles


def stand(body: Body, manner: Manner, seconds: np.ndarray) -> np.ndarray:
    """Standing with a little sway, the head looking round."""
    angles = walk(body, manner, np.zeros_like(seconds), np.zeros_like(seconds))
    _set(angles, "trunk_roll", 0.03 * np.sin(0.9 * seconds))
    _set(angles, "hip_out_l", 0.05 + 0.02 * np.sin(0.5 * seconds))
    _set(angles, "hip_out_r", 0.06)
    _set(angles, "head_yaw", 0.5 * np.sin(0.7 * seconds + manner.wave_hz * 9))
    return angles


def talk(body: Body, manner: Manner, seconds: np.ndarray) -> np.ndarray:
    """Standing with one gesturing forearm."""
    angles = stand(body, manner, seconds)
    side = "l" if manner.carries == "right" else "r"
    _set(angles, f"arm_{side}", 0.25 + 0.1 * np.sin(2.1 * seconds))
    _set(angles, f"fore_{side}", 1.3 + 0.35 * np.sin(3.1 * seconds))
    _set(angles, f"fore_out_{side}", -0.25)
    return angles


def run(body: Body, manner: Manner, phase: np.ndarray) -> np.ndarray:
    """Running: long strides, high heels, bent arms, a forward lean and a moment of flight."""
    angles = np.zeros((len(phase), len(PARAMETERS)))
    for side, own in (("l", phase), ("r", phase + 0.5)):
        cosine = np.cos(2 * np.pi * own)
        _set(angles, f"hip_{side}", 0.28 + 0.72 * cosine)
        _set(
            angles,
            f"knee_{side}",
            0.3 + 0.25 * _bump(own, 0.12, 0.09) + 1.6 * manner.knee * _bump(own, 0.68, 0.13),
        )
        _set(angles, f"foot_{side}", -0.6 * _bump(own, 0.5, 0.1))
        arm = -0.15 - 0.95 * manner.arm_swing * cosine
        _set(angles, f"arm_{side}", arm)
        _set(angles, f"fore_{side}", arm + 1.5)
        _set(angles, f"arm_out_{side}", 0.2)
        _set(angles, f"fore_out_{side}", -0.1)
    _set(angles, "trunk_pitch", 0.24 + manner.lean)
    _set(angles, "trunk_yaw", 0.25 * np.cos(2 * np.pi * phase))
    _set(angles, "head_pitch", -0.15)
    _set(angles, "lift", 0.05 * np.abs(np.sin(2 * np.pi * (phase + 0.2))))
    return angles


def wave(body: Body, manner: Manner, seconds: np.ndarray) -> np.ndarray:
    """Both arms thrown up and swung wildly, the whole body going along."""
    angles = stand(body, manner, seconds)
    beat = 2 * np.pi * manner.wave_hz * seconds
    for side, turn in (("l", 0.0), ("r", 0.9)):
        _set(angles, f"arm_{side}", 0.15)
        _set(angles, f"arm_out_{side}", 2.15 + 0.65 * np.sin(beat + turn))
        _set(angles, f"fore_{side}", 0.1)
        _set(angles, f"fore_out_{side}", 2.6 + 0.8 * np.sin(beat + turn - 0.7))
        _set(angles, f"hip_out_{side}", 0.16)
        _set(angles, f"knee_{side}", 0.2 + 0.15 * np.sin(beat))
        _set(angles, f"hip_{side}", 0.1 + 0.07 * np.sin(beat))
    _set(angles, "trunk_roll", 0.14 * np.sin(beat / 2))
    _set(angles, "head_yaw", 0.0)
    _set(angles, "lift", 0.03 * np.maximum(np.sin(beat), 0))
    return angles


def fall(body: Body, manner: Manner, seconds: np.ndarray) -> np.ndarray:
    """Tipping over within a second, then lying where the body fell, with some weak movement."""
    angles = stand(body, manner, seconds)
    tipped = np.clip(seconds / 0.95, 0, 1) ** 2
    buckle = np.sin(np.pi * np.clip(seconds / 0.95, 0, 1))
    ahead, aside = np.cos(manner.fall_way), np.sin(manner.fall_way)
    _set(angles, "body_pitch", 1.5 * tipped * ahead)
    _set(angles, "body_roll", 1.5 * tipped * aside)
    _set(angles, "forward", 0.45 * tipped * ahead)
    _set(angles, "left", 0.45 * tipped * aside)
    for side, turn in (("l", 1.0), ("r", 0.0)):
        _sprawl(angles, side, turn, tipped, manner.fall_way)
        weak = 0.08 * np.sin(1.3 * np.maximum(seconds - 1, 0) + turn)
        angles[:, COLUMN[f"knee_{side}"]] += 0.9 * buckle
        angles[:, COLUMN[f"hip_{side}"]] += 0.6 * buckle
        angles[:, COLUMN[f"arm_{side}"]] += 1.2 * buckle * ahead
        angles[:, COLUMN[f"arm_out_{side}"]] += 0.4 * buckle + weak
        angles[:, COLUMN[f"fore_out_{side}"]] += 0.4 * buckle + weak
    _set(angles, "head_yaw", 0.3 * tipped)
    return angles


def _sprawl(angles: np.ndarray, side: str, turn: float, tipped: np.ndarray, way: float) -> None:
    """How limbs lie, by the side that is down: none may point into the ground. `turn` (0 or 1) makes the sides differ."""
    prone, supine, aside = max(np.cos(way), 0), max(-np.cos(way), 0), abs(np.sin(way))
    flat = prone + supine
    _set(
        angles,
        f"knee_{side}",
        0.06 + tipped * (0.1 * prone + (0.15 + 0.9 * turn) * supine + (0.4 + 0.6 * turn) * aside),
    )
    _set(
        angles,
        f"hip_{side}",
        0.05 + tipped * ((0.05 + 0.5 * turn) * supine + (0.2 + 0.5 * turn) * aside - 0.05 * prone),
    )
    _set(angles, f"hip_out_{side}", 0.05 + tipped * (0.1 + 0.2 * turn) * flat)
    _set(angles, f"arm_{side}", tipped * (0.4 + 0.6 * turn) * aside)
    _set(angles, f"arm_out_{side}", 0.15 + tipped * (0.6 + 1.3 * turn) * flat)
    _set(angles, f"fore_{side}", 0.2 * (1 - tipped) + tipped * (0.9 + 0.5 * turn) * aside)
    _set(angles, f"fore_out_{side}", 0.1 + tipped * (0.9 + 1.6 * turn) * flat)


def crawl(body: Body, manner: Manner, phase: np.ndarray) -> np.ndarray:
    """On hands and knees, arm and opposite leg going ahead together."""
    angles = np.zeros((len(phase), len(PARAMETERS)))
    _set(angles, "body_pitch", 1.35)
    _set(angles, "forward", 0.2)
    _set(angles, "head_pitch", -0.6)
    for side, own in (("l", phase), ("r", phase + 0.5)):
        swing = np.cos(2 * np.pi * own)
        _set(angles, f"hip_{side}", 1.35 + 0.3 * swing)
        _set(angles, f"knee_{side}", 1.5 + 0.2 * _bump(own, 0.7, 0.12))
        _set(angles, f"foot_{side}", -0.3)
        _set(angles, f"arm_{side}", 1.35 - 0.4 * swing)
        _set(angles, f"fore_{side}", 1.45 - 0.3 * swing)
        _set(angles, f"arm_out_{side}", 0.12)
    return angles


def stagger(
    body: Body, manner: Manner, phase: np.ndarray, speed: np.ndarray, seconds: np.ndarray
) -> np.ndarray:
    """Uneven walking with a swaying trunk, bent knees and arms out for balance."""
    angles = walk(body, manner, phase, speed)
    sway = np.sin(2.6 * seconds) + 0.5 * np.sin(4.3 * seconds + 1)
    _set(angles, "body_roll", 0.2 * sway)
    _set(angles, "trunk_roll", 0.25 * np.sin(2.6 * seconds - 0.8))
    _set(angles, "trunk_pitch", 0.3 + 0.25 * np.sin(1.9 * seconds))
    _set(angles, "head_pitch", 0.25)
    for side, turn in (("l", 0.0), ("r", 2.0)):
        angles[:, COLUMN[f"knee_{side}"]] += 0.25
        angles[:, COLUMN[f"hip_{side}"]] += 0.15
        _set(angles, f"arm_out_{side}", 0.55 + 0.35 * np.sin(3.3 * seconds + turn))
        _set(angles, f"fore_out_{side}", 0.6 + 0.4 * np.sin(2.9 * seconds + turn))
        _set(angles, f"hip_out_{side}", 0.12)
    return angles


def _hold(angles: np.ndarray, manner: Manner) -> None:
    """A bag keeps its arm still, a telephone bends it to the ear."""
    if manner.carries:
        side = manner.carries[0]
        angles[:, COLUMN[f"arm_{side}"]] *= 0.3
        _set(angles, f"fore_{side}", angles[:, COLUMN[f"arm_{side}"]] + 0.08)
    if manner.phone:
        side = manner.phone[0]
        _set(angles, f"arm_{side}", 0.5)
        _set(angles, f"arm_out_{side}", 0.5)
        _set(angles, f"fore_{side}", 2.5)
        _set(angles, f"fore_out_{side}", -0.4)


def _set(angles: np.ndarray, name: str, value: np.ndarray | float) -> None:
    angles[:, COLUMN[name]] = value


def _bump(phase: np.ndarray, centre: float, width: float) -> np.ndarray:
    away = (phase - centre + 0.5) % 1.0 - 0.5
    return np.exp(-0.5 * (away / width) ** 2)
