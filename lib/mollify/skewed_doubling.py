"""Where do the average and the typical orbit of a chaotic map disagree?

The skewed doubling map stretches unequally, so the moments of its growth are not the powers of
its typical growth, and the mean-square Hölder exponent of a value function differs from the
median one. Everything has a closed form here.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from mollify import checks


def mean_square_exponent(log_moment: Callable[[float], float], discount: float) -> float:
    """alpha_2 > 0 with L(2 alpha_2) = -2 log gamma.

    log_moment: L(q) = lim log E|Df^t|^q / t, convex with L(0) = 0; discount: gamma below 1.
    Raises ArgumentError on a bad discount and when L stays below -2 log gamma up to q = 200.
    """
    gamma = checks.fraction("discount", discount)
    if gamma == 1:
        raise checks.ArgumentError("discount must be below 1")
    level = -2 * math.log(gamma)
    top = 1.0
    while log_moment(top) < level:
        top *= 2
        if top > 200:
            raise checks.ArgumentError("log_moment must reach -2 log(discount) below q = 200")
    return optimize.brentq(lambda q: log_moment(q) - level, 0, top, xtol=1e-14) / 2


def log_moment(order: float, share: float) -> float:
    """L(q) = log(p^(1 - q) + (1 - p)^(1 - q)) of the skewed doubling map.

    The map takes [0, p) and [p, 1) linearly onto [0, 1); its slopes along an orbit that starts
    uniformly are independent, 1/p with probability p and 1/(1 - p) otherwise. order: q; share: p.
    Raises ArgumentError unless 0 < share < 1.
    """
    p = _share(share)
    return math.log(p ** (1 - order) + (1 - p) ** (1 - order))


def lyapunov_exponent(share: float) -> float:
    """lambda = -p log p - (1 - p) log(1 - p) of the skewed doubling map, per step.

    Raises ArgumentError unless 0 < share < 1.
    """
    p = _share(share)
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def step(x: NDArray, share: float) -> NDArray:
    """One step of the skewed doubling map on [0, 1). Raises ArgumentError on a bad share."""
    p = _share(share)
    return np.where(x < p, x / p, (x - p) / (1 - p)) % 1.0


def _share(value: float) -> float:
    checks.positive("share", value)
    if value >= 1:
        raise checks.ArgumentError(f"share must be below 1, got {value:g}")
    return float(value)
