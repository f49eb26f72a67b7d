"""Severity of a vulnerability from a CVSS 3 vector, by the formulas of the specification (CVSS 3.1, sections 5 and 7.1)."""

from __future__ import annotations

from typing import Any

#: Ratings, the least severe first; an unknown severity is an empty text.
RATINGS = ("low", "medium", "high", "critical")
_BOUNDS = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
_WEIGHTS: dict[str, dict[str, Any]] = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    #: Weights for an unchanged and for a changed scope.
    "PR": {"N": (0.85, 0.85), "L": (0.62, 0.68), "H": (0.27, 0.5)},
    "UI": {"N": 0.85, "R": 0.62},
    "S": {"U": 0, "C": 1},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}


def base_score(vector: str) -> float | None:
    """Return the base score of a CVSS 3.0 or 3.1 vector, or None if it is of another version or invalid."""
    version, *parts = vector.split("/")
    if version not in ("CVSS:3.0", "CVSS:3.1"):
        return None
    given = dict(part.split(":", 1) for part in parts if ":" in part)
    try:
        weight = {name: weights[given[name]] for name, weights in _WEIGHTS.items()}
    except KeyError:
        return None
    is_changed = weight["S"]
    base = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15 if is_changed else 6.42 * base
    if impact <= 0:
        return 0.0
    exploitability = 8.22 * weight["AV"] * weight["AC"] * weight["PR"][is_changed] * weight["UI"]
    return _round_up(min((1.08 if is_changed else 1) * (impact + exploitability), 10))


def rating(score: float) -> str:
    """Return the rating of a score; an empty text for 0."""
    return next((name for bound, name in _BOUNDS if score >= bound), "")


def highest(ratings: Any) -> str:
    """Return the most severe of some ratings; an empty text without any."""
    return max(ratings, key=("", *RATINGS).index, default="")


def _round_up(score: float) -> float:
    """Return the smallest number with one decimal that is not below the score."""
    whole = round(score * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (whole // 10_000 + 1) / 10
