"""A seeded generator of drawn street scenes with full ground truth: `Scene(seed).frame(index)`."""

from .scene import Scene
from .truth import FLIP_PAIRS, KEYPOINTS, MASK_CLASSES, Frame, Person

__all__ = ["Scene", "Frame", "Person", "MASK_CLASSES", "KEYPOINTS", "FLIP_PAIRS"]
