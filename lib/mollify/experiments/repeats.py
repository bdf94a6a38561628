"""Many seeds of one reading: what training leaves, and what the deterministic policy is worth.

Deterministic and stochastic return are kept apart, discounted and not, because the paper's
curves can be read as any of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mollify.gradients import Estimator
from mollify.rollout import rollout
from mollify.systems import System
from mollify.training import History, train

TAIL = 200


def repeat(
    system: System,
    theta: NDArray,
    *,
    sigma: float,
    seeds: int,
    estimator: Estimator,
    batch: int,
    epochs: int,
    horizon: int,
    step: float,
    settled: Callable[[NDArray], NDArray],
) -> dict[str, NDArray]:
    """Train seeds 0, 1, ... from the same theta and judge every epoch's policy.

    settled: settled(states (B, TAIL, n)) -> (B,) bool, success over the last steps.
    Returns arrays over S seeds and E epochs: thetas (S, E + 1, P); stochastic and
    stochastic_discounted (S, E), the batch means training saw; deterministic,
    deterministic_discounted (S, E + 1) and success (S, E + 1) from the first start of each
    epoch's policy; path (H + 1, n), seed 0's last; faults, the guard's steps in all.
    """
    shared = dict(sigma=sigma, estimator=estimator, batch=batch, epochs=epochs)
    shared |= dict(horizon=horizon, step=step)
    histories = [train(system, theta, seed=seed, **shared) for seed in range(seeds)]
    judged = [_judge(system, history, horizon, settled) for history in histories]
    names = ("deterministic", "deterministic_discounted", "success")
    arrays = {name: np.array([each[name] for each in judged]) for name in names}
    return arrays | {
        "thetas": np.array([history.thetas for history in histories]),
        "stochastic": np.array([history.returns.mean(axis=1) for history in histories]),
        "stochastic_discounted": np.array([h.discounted.mean(axis=1) for h in histories]),
        "path": judged[0]["path"],
        "faults": np.array(
            [h.faults.sum() + j["faults"] for h, j in zip(histories, judged, strict=True)]
        ),
    }


def _judge(
    system: System, history: History, horizon: int, settled: Callable[[NDArray], NDArray]
) -> dict[str, NDArray]:
    # The start does not depend on chance in these two systems.
    starts = system.start(np.random.default_rng(0), len(history.thetas))
    sample = rollout(system, history.thetas, starts, sigma=0.0, horizon=horizon)
    return {
        "deterministic": sample.returns(),
        "deterministic_discounted": sample.returns(system.training.discount),
        "success": settled(sample.states[:, -TAIL:]),
        "path": sample.states[-1],
        "faults": sample.faults.sum(),
    }
