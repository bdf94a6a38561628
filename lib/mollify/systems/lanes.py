"""How are several trajectories run side by side, in vector instructions?

The loops of the double pendulum and the quadrotor drive LANES trajectories at once. What they
share is here: the number of lanes, the guard's limit, and a sine and cosine that vectorise.
"""

from __future__ import annotations

import math

from numba import njit

INTEGRATORS = ("euler", "rk4")
STATE_LIMIT = 1e6
"""A step that would take a coordinate beyond this is refused and counted as a fault."""

LANES = 8
"""How many trajectories the compiled loop drives side by side. More fill the vector units no
better, and write to more places at once than a processor follows well."""

# pi in three parts; the first has 33 bits, so that its product with a whole number below 2^20,
# which is as far as STATE_LIMIT reaches, is exact.
PI_HIGH = float.fromhex("0x1.921fb544p+1")
PI_MIDDLE = float.fromhex("0x1.0b4611a6p-33")
PI_LOW = float.fromhex("0x1.3198a2e037073p-68")
ROUND = 1.5 * 2.0**52
S1, S2, S3, S4, S5, S6, S7, S8, S9, S10 = (1 / math.factorial(k) for k in range(3, 22, 2))
C1, C2, C3, C4, C5, C6, C7, C8, C9, C10 = (1 / math.factorial(k) for k in range(2, 21, 2))


@njit(inline="always", error_model="numpy")
def sine_cosine(x):
    """(sin x, cos x) in plain arithmetic, right to about 1e-16 for |x| below STATE_LIMIT.

    The compiler turns plain arithmetic into vector instructions, which it cannot do with calls
    to the C library, and its bits are the same on every machine. sin(-x) is exactly -sin(x).
    """
    n = (x * (1 / math.pi) + ROUND) - ROUND
    odd = n - 2 * ((n / 2 + ROUND) - ROUND)
    sign = 1 - 2 * abs(odd)
    r = ((x - n * PI_HIGH) - n * PI_MIDDLE) - n * PI_LOW
    z = r * r
    sine = S9 - z * S10
    for term in (S8, S7, S6, S5, S4, S3, S2, S1):
        sine = term - z * sine
    cosine = C9 - z * C10
    for term in (C8, C7, C6, C5, C4, C3, C2, C1):
        cosine = term - z * cosine
    return sign * (r - r * z * sine), sign * (1 - z * cosine)
