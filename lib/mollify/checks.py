"""What may a caller pass? Early checks whose errors name the argument."""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike, NDArray


class BookError(Exception):
    """An error the reader can act on; the command line prints it as one line."""


class ArgumentError(BookError, ValueError):
    """An argument is outside what is allowed."""


def positive(name: str, value: float) -> float:
    """Return `value` as a float if it is a finite number above zero.

    Raises ArgumentError otherwise.
    """
    if not _is_real(value) or not math.isfinite(value) or value <= 0:
        raise ArgumentError(f"{name} must be a finite number above 0, got {value!r}")
    return float(value)


def non_negative(name: str, value: float) -> float:
    """Return `value` as a float if it is a finite number, zero or above.

    Raises ArgumentError otherwise.
    """
    if not _is_real(value) or not math.isfinite(value) or value < 0:
        raise ArgumentError(f"{name} must be a finite number, 0 or above, got {value!r}")
    return float(value)


def fraction(name: str, value: float) -> float:
    """Return `value` as a float if it lies in the half-open interval (0, 1].

    Raises ArgumentError otherwise.
    """
    if not _is_real(value) or not 0 < value <= 1:
        raise ArgumentError(f"{name} must be a number above 0 and at most 1, got {value!r}")
    return float(value)


def count(name: str, value: int, least: int = 1) -> int:
    """Return `value` as an int if it is a whole number of at least `least`.

    Raises ArgumentError otherwise.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ArgumentError(f"{name} must be a whole number, {least} or above, got {value!r}")
    return int(value)


def choice(name: str, value: str, allowed: Collection[str]) -> str:
    """Return `value` if it is one of `allowed`.

    Raises ArgumentError otherwise.
    """
    if value not in allowed:
        raise ArgumentError(f"{name} must be one of {', '.join(sorted(allowed))}, got {value!r}")
    return value


def finite_array(name: str, value: ArrayLike, shape: tuple[int | None, ...]) -> NDArray:
    """Return `value` as a float64 array if it is finite and has the given shape.

    `None` in `shape` stands for any length of at least one.
    Raises ArgumentError otherwise.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        raise ArgumentError(f"{name} must be an array of numbers, got {value!r}") from None
    if array.dtype.kind not in "biuf":
        raise ArgumentError(f"{name} must be an array of numbers, got one of {array.dtype}")
    array = array.astype(np.float64, copy=False)
    wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
    fits = array.ndim == len(shape) and all(
        have == want if want is not None else have >= 1
        for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        raise ArgumentError(f"{name} must have shape {wanted}, got {array.shape}")
    if not np.isfinite(array).all():
        bad = int(array.size - np.isfinite(array).sum())
        raise ArgumentError(f"{name} must be finite, got {bad} of {array.size} values that are not")
    return array


def _is_real(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
