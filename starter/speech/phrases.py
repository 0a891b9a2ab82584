"""The closed set of sentences that callers say: templates with slots for places, people, streets and numbers.

Numbers are written as digits (`14 Mill Road`). An eighth of the sentences that the slots can make, chosen by
a hash of their text, is never trained on: those are the held-out ones.
"""

from __future__ import annotations

import hashlib
import random
import re

SLOTS: dict[str, tuple[str, ...]] = {
    "street": (
        "Mill Road", "Station Street", "Church Lane", "Park Avenue", "Victoria Street", "River Walk",
        "Garden Close", "High Street", "Bridge Road", "King Street", "Oak Drive", "Market Square",
        "Castle Hill", "School Lane",
    ),
    "room": ("kitchen", "bedroom", "bathroom", "living room", "cellar", "garage", "stairwell", "attic"),
    "building": ("house", "flat", "school", "hotel", "hospital", "factory", "office", "shop"),
    "landmark": ("station", "church", "school", "bridge", "park", "supermarket", "library", "hospital"),
    "person": (
        "My father", "My mother", "My wife", "My husband", "My son", "My daughter", "My neighbour",
        "The driver", "An old man", "A woman", "A child",
    ),
    "object": ("car", "oven", "curtain", "roof", "bed", "television"),
    "vehicle": ("car", "bus", "lorry", "motorbike", "van", "bicycle"),
    "body": ("head", "leg", "arm", "hand", "chest", "back", "neck"),
    "weapon": ("knife", "gun", "hammer", "bottle"),
    "floor": ("first", "second", "third", "fourth", "fifth", "top"),
    "colour": ("red", "blue", "green", "white", "black", "yellow"),
    "name": ("Anna Miller", "Peter Brown", "Maria Young", "David Green", "Susan Clark", "Thomas Baker"),
    "few": ("Two", "Three", "Four", "Five", "Six"),
}

TEMPLATES: tuple[str, ...] = (
    # fire
    "There is a fire in the {room}.",
    "There is smoke in the {room}.",
    "The {building} is full of smoke.",
    "The {object} is on fire.",
    "I can smell gas in the {room}.",
    "We are trapped on the {floor} floor.",
    "The {building} is burning.",
    "Flames are coming out of the {building}.",
    "The fire is spreading fast.",
    "There was an explosion in the {building}.",
    "Please send the fire brigade to {number} {street}.",
    # medical
    "{person} is not breathing.",
    "{person} is unconscious.",
    "{person} has chest pain.",
    "{person} cannot move.",
    "{person} has fallen down the stairs.",
    "{person} is bleeding from the {body}.",
    "{person} has hurt the {body}.",
    "{person} is having a heart attack.",
    "{person} is having a seizure.",
    "{person} has taken too many pills.",
    "{person} is {number} years old.",
    "I have cut my {body}.",
    "Please send an ambulance to {number} {street}.",
    "I need an ambulance.",
    "I cannot breathe.",
    # accident
    "There has been an accident on {street}.",
    "There has been an accident near the {landmark}.",
    "A {vehicle} has hit a {vehicle}.",
    "{person} was hit by a {vehicle}.",
    "{person} is trapped in the {vehicle}.",
    "{few} people are injured.",
    "{few} people are trapped.",
    "The {vehicle} is upside down.",
    # violence
    "Someone is breaking into my {building}.",
    "There is a man with a {weapon}.",
    "He has a {weapon}.",
    "Somebody is in the {room}.",
    "They are fighting near the {landmark}.",
    "I heard shots near the {landmark}.",
    "A man in a {colour} jacket is following me.",
    "He ran away in a {colour} {vehicle}.",
    "Please send the police to {number} {street}.",
    # place and caller
    "The address is {number} {street}.",
    "I am at {number} {street}.",
    "We are near the {landmark}.",
    "It is the {colour} house.",
    "My name is {name}.",
    "I am on the {floor} floor.",
    "There are {number} people in the {building}.",
    "Please hurry.",
    "Please help me.",
    "Hello, I need help.",
    "I am hiding in the {room}.",
    "Yes, he is awake.",
    "No, she is not awake.",
    "I do not know.",
    "Nobody is hurt.",
)

_SLOT = re.compile(r"\{(\w+)\}")
_TRIES = 40  # a template whose few sentences are all in the other share is given up


def sentence(rng: random.Random, held_out: bool) -> str:
    """A sentence of the closed set: of the held-out share, or of the share for training.

    Templates without slots (`Please hurry.`) are in both.
    """
    while True:
        template = rng.choice(TEMPLATES)
        for _ in range(_TRIES):
            text = _SLOT.sub(lambda slot: _value(slot.group(1), rng), template)
            if text == template or is_held_out(text) == held_out:
                return text


def scrambled(rng: random.Random) -> str:
    """A sentence for training in which some words, or all, are any words of the set: it cannot be guessed, only heard."""
    while True:
        words = sentence(rng, held_out=False).split()
        share = rng.choice([0.2, 1.0])
        text = " ".join(rng.choice(_WORDS) if rng.random() < share else word for word in words)
        text = text[0].upper() + text[1:].rstrip(".,") + "."
        if not is_held_out(text):
            return text


def is_held_out(text: str) -> bool:
    """Whether the sentence belongs to the eighth that training never sees."""
    return hashlib.sha256(text.encode()).digest()[0] % 8 == 0


def corpus(count: int, seed: int = 0) -> list[str]:
    """Sentences of the training share, for the tokenizer."""
    rng = random.Random(seed)
    return [sentence(rng, held_out=False) for _ in range(count)]


def _words() -> tuple[str, ...]:
    texts = [*(_SLOT.sub(" ", template) for template in TEMPLATES), *(" ".join(values) for values in SLOTS.values())]
    return tuple(sorted({word.strip(".,") for text in texts for word in text.split()} | set(map(str, range(1, 100)))))


def _value(slot: str, rng: random.Random) -> str:
    return str(rng.randint(1, 99)) if slot == "number" else rng.choice(SLOTS[slot])


_WORDS = _words()
