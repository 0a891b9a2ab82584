"""The articulated body: angles to joints in metres, for a whole track at once.

Body axes: x forward, y to the body's left, z up; the root is the point on the ground below the pelvis. Segment lengths
are the usual shares of the body height (Winter, Biomechanics and Motor Control of Human Movement).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .truth import KEYPOINTS

# Angles in radians, offsets in shares of the body height. `hip`, `arm`, `fore`: forward swing from hanging down;
# `*_out`: away from the body's middle; trunk and body: pitch forward, roll to the left, yaw to the left.
PARAMETERS = (
    "hip_l",
    "hip_r",
    "hip_out_l",
    "hip_out_r",
    "knee_l",
    "knee_r",
    "foot_l",
    "foot_r",
    "arm_l",
    "arm_r",
    "arm_out_l",
    "arm_out_r",
    "fore_l",
    "fore_r",
    "fore_out_l",
    "fore_out_r",
    "trunk_pitch",
    "trunk_roll",
    "trunk_yaw",
    "head_yaw",
    "head_pitch",
    "body_pitch",
    "body_roll",
    "lift",
    "forward",
    "left",
)
COLUMN = {name: column for column, name in enumerate(PARAMETERS)}

JOINTS = (
    *KEYPOINTS,
    "neck",
    "head",
    "crown",
    "face",
    "left_hand",
    "right_hand",
    "left_heel",
    "right_heel",
    "left_toe",
    "right_toe",
    "chest",
    "back",
    "belly",
)
INDEX = {name: index for index, name in enumerate(JOINTS)}
KEYPOINT_COUNT = len(KEYPOINTS)


@dataclass(frozen=True)
class Body:
    height_m: float
    width: float  # 1 is the average build
    leg: float  # share of the height, hip joint to ankle
    arm: float  # length relative to the average
    head: float  # size relative to the average


def random_body(rng: np.random.Generator) -> Body:
    child = rng.random() < 0.08
    height = rng.uniform(1.15, 1.45) if child else float(np.clip(rng.normal(1.71, 0.09), 1.5, 1.95))
    head = rng.uniform(1.15, 1.3) if child else rng.uniform(0.95, 1.08)
    return Body(
        height,
        float(np.clip(rng.normal(1.0, 0.12), 0.8, 1.35)),
        rng.uniform(0.465, 0.5),
        rng.uniform(0.95, 1.05),
        head,
    )


def joints(body: Body, angles: np.ndarray) -> np.ndarray:
    """Parameters [frames, P] to joints [frames, J, 3] in metres about the root, lowest point on the ground."""
    angle = {name: angles[:, column] for name, column in COLUMN.items()}
    frames = len(angles)
    whole = _pitch(angle["body_pitch"]) @ _roll(angle["body_roll"])
    trunk = whole @ _yaw(angle["trunk_yaw"]) @ _pitch(angle["trunk_pitch"]) @ _roll(angle["trunk_roll"])
    head = trunk @ _yaw(angle["head_yaw"]) @ _pitch(angle["head_pitch"])
    out = np.zeros((frames, len(JOINTS), 3))
    _upper(out, body, angle, trunk)
    _head(out, body, trunk, head)
    _legs(out, body, angle, whole)
    _ground(out, body, angle)
    return out * body.height_m


def _upper(out: np.ndarray, body: Body, angle: dict, trunk: np.ndarray) -> None:
    place = lambda x, y, z: trunk @ np.array([x, y, z])
    out[:, INDEX["neck"]] = place(0, 0, 0.30)
    out[:, INDEX["chest"]] = place(0.035, 0, 0.20)
    out[:, INDEX["back"]] = place(-0.045, 0, 0.20)
    out[:, INDEX["belly"]] = place(0.03 * body.width, 0, 0.08)
    for name, side in (("left", 1), ("right", -1)):
        key = name[0]
        shoulder = place(0, side * 0.108 * (0.6 + 0.4 * body.width), 0.285)
        elbow = shoulder + 0.17 * body.arm * _swing(
            trunk, angle[f"arm_{key}"], side * angle[f"arm_out_{key}"]
        )
        reach = _swing(trunk, angle[f"fore_{key}"], side * angle[f"fore_out_{key}"])
        out[:, INDEX[f"{name}_shoulder"]] = shoulder
        out[:, INDEX[f"{name}_elbow"]] = elbow
        out[:, INDEX[f"{name}_wrist"]] = elbow + 0.145 * body.arm * reach
        out[:, INDEX[f"{name}_hand"]] = elbow + 0.19 * body.arm * reach


def _head(out: np.ndarray, body: Body, trunk: np.ndarray, head: np.ndarray) -> None:
    pivot = out[:, INDEX["neck"]] + trunk @ np.array([0.005, 0, 0.045])
    spots = {
        "head": (0.012, 0, 0.065),
        "crown": (0.008, 0, 0.135),
        "face": (0.06, 0, 0.055),
        "nose": (0.073, 0, 0.055),
        "left_eye": (0.058, 0.019, 0.072),
        "right_eye": (0.058, -0.019, 0.072),
        "left_ear": (0.008, 0.045, 0.062),
        "right_ear": (0.008, -0.045, 0.062),
    }
    for name, spot in spots.items():
        out[:, INDEX[name]] = pivot + head @ (np.array(spot) * body.head)


def _legs(out: np.ndarray, body: Body, angle: dict, whole: np.ndarray) -> None:
    for name, side in (("left", 1), ("right", -1)):
        key = name[0]
        spread = side * angle[f"hip_out_{key}"]
        hip = whole @ np.array([0, side * 0.056 * (0.7 + 0.3 * body.width), 0.0])
        knee = hip + 0.5 * body.leg * _swing(whole, angle[f"hip_{key}"], spread)
        shin = angle[f"hip_{key}"] - angle[f"knee_{key}"]
        ankle = knee + 0.5 * body.leg * _swing(whole, shin, spread * 0.6)
        foot = whole @ _pitch(-shin * 0.35 - angle[f"foot_{key}"])
        out[:, INDEX[f"{name}_hip"]], out[:, INDEX[f"{name}_knee"]], out[:, INDEX[f"{name}_ankle"]] = (
            hip,
            knee,
            ankle,
        )
        out[:, INDEX[f"{name}_heel"]] = ankle + foot @ np.array([-0.022, 0, -0.036])
        out[:, INDEX[f"{name}_toe"]] = ankle + foot @ np.array([0.098, side * 0.012, -0.036])


def _ground(out: np.ndarray, body: Body, angle: dict) -> None:
    padding = np.full(len(JOINTS), 0.03)
    for name in ("left_heel", "right_heel", "left_toe", "right_toe"):
        padding[INDEX[name]] = 0.0
    for name in ("chest", "back", "belly", "left_hip", "right_hip", "head"):
        padding[INDEX[name]] = 0.055
    lowest = (out[..., 2] - padding).min(axis=1)
    out[..., 2] += (angle["lift"] - lowest)[:, None]
    out[..., 0] += angle["forward"][:, None]
    out[..., 1] += angle["left"][:, None]


def _swing(frame: np.ndarray, forward: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Direction [frames, 3] of a limb that hangs down, swung forward and out, in a turned frame."""
    down = np.stack([np.sin(forward) * np.cos(out), np.sin(out), -np.cos(forward) * np.cos(out)], axis=-1)
    return np.einsum("fij,fj->fi", frame, down)


def _turn(angle: np.ndarray, one: int, other: int) -> np.ndarray:
    matrix = np.tile(np.eye(3), (len(angle), 1, 1))
    matrix[:, one, one] = matrix[:, other, other] = np.cos(angle)
    matrix[:, one, other] = -np.sin(angle)
    matrix[:, other, one] = np.sin(angle)
    return matrix


def _pitch(angle: np.ndarray) -> np.ndarray:
    return _turn(angle, 2, 0)


def _roll(angle: np.ndarray) -> np.ndarray:
    return _turn(-angle, 1, 2)


def _yaw(angle: np.ndarray) -> np.ndarray:
    return _turn(angle, 0, 1)
