"""What happens when a policy drives a system, for a whole batch, as fast as the machine allows?

The loop itself is the system's `drive`, compiled and free of the interpreter lock. This module
checks the arguments once, cuts the batch into slices, and runs them on threads. A trajectory
depends on its own start, noise and parameters only, so neither the number of threads nor the
cut changes a bit of it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mollify import checks
from mollify.systems import System

PIECES_A_THREAD = 8


class Rollout(NamedTuple):
    """A batch of B trajectories over horizon H.

    states (B, H + 1, n): where each decision was taken, and where the last one led.
    actions (B, H, m): as sampled, before any actuator clips them.
    noise (B, H, m): the standard normal eps in a = mu(s) + sigma eps.
    rewards (B, H): R(s_t, a_t).
    From the state on in which an episode has ended, rewards and noise are 0: nothing is earned
    any more, and the score of what was done vanishes.
    faults (B,): steps on which the system's guard had to act (0 in a sound trajectory).
    """

    states: NDArray
    actions: NDArray
    noise: NDArray
    rewards: NDArray
    faults: NDArray

    def returns(self, discount: float = 1.0) -> NDArray:
        """Sum of discount^t r_t for each trajectory, shape (B,)."""
        discount = checks.fraction("discount", discount)
        return self.rewards @ discount ** np.arange(self.rewards.shape[1])


def rollout(
    system: System,
    theta: NDArray,
    starts: NDArray,
    *,
    sigma: float,
    noise: NDArray | None = None,
    horizon: int | None = None,
    threads: int = 1,
) -> Rollout:
    """Drive `system` from each row of `starts` with the policy of `theta`.

    theta: (P,) for one policy, or (B, P) for one policy a trajectory.
    starts: (B, n).
    sigma: standard deviation of the Gaussian policy; 0 for the deterministic policy.
    noise: (B, H, m) standard normal draws; may be left out when sigma is 0.
    horizon: H, needed only without noise (the system's own by default).
    threads: how many threads share the batch; the result is the same for any number.
    Raises ArgumentError for anything of another shape, range or length.
    """
    sigma = checks.non_negative("sigma", sigma)
    threads = checks.count("threads", threads)
    n, m = len(system.state_names), len(system.action_names)
    starts = checks.finite_array("starts", starts, (None, n))
    batch = len(starts)
    if noise is None:
        if sigma > 0:
            raise checks.ArgumentError("noise must be given when sigma is above 0, got None")
        steps = system.training.horizon if horizon is None else checks.count("horizon", horizon)
        noise = np.zeros((batch, steps, m))
    else:
        noise = checks.finite_array("noise", noise, (batch, None, m))
    steps = noise.shape[1]
    theta = np.asarray(theta, dtype=np.float64)
    if theta.ndim == 2:
        theta = checks.finite_array("theta", theta, (batch, system.policy.parameter_count))
    else:
        theta = checks.finite_array("theta", theta, (system.policy.parameter_count,))[None]
    weights = tuple(np.ascontiguousarray(part) for part in system.policy.unpack(theta))

    out = Rollout(
        states=np.empty((batch, steps + 1, n)),
        actions=np.empty((batch, steps, m)),
        noise=noise,
        rewards=np.empty((batch, steps)),
        faults=np.zeros(batch, dtype=np.int64),
    )

    def run(part: slice) -> None:
        own = weights if len(weights[0]) == 1 else tuple(w[part] for w in weights)
        system.drive(
            own,
            starts[part],
            noise[part],
            sigma,
            out.states[part],
            out.actions[part],
            out.rewards[part],
            out.faults[part],
        )

    if threads == 1:
        run(slice(0, batch))
    else:
        # Small pieces, taken as threads become free: a slow core then holds nobody up for long.
        piece = system.lanes * max(1, batch // (PIECES_A_THREAD * threads * system.lanes))
        parts = [slice(begin, begin + piece) for begin in range(0, batch, piece)]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, parts))
    if system.ended is not None:
        over = np.logical_or.accumulate(system.ended(out.states[:, :-1]), axis=1)
        out.rewards[over] = 0
        return out._replace(noise=np.where(over[..., None], 0.0, noise))
    return out
