"""How does ascent proceed? Normalised steps along an estimated gradient, kept epoch by epoch.

"Note that all gradients are normalized" (Appendix F): theta <- theta + delta g/|g|.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mollify import checks
from mollify.gradients import Estimator, Gradient, estimate, parameter_smoothing
from mollify.rollout import Rollout, rollout
from mollify.systems import System


class History(NamedTuple):
    """What a training run leaves behind, for E epochs and batches of B.

    thetas (E + 1, P): the policy before each epoch, and the last one.
    returns (E, B): undiscounted return of each training trajectory.
    discounted (E, B): discounted return of the same.
    gradient_norms (E,): length of each estimated gradient.
    faults (E,): steps on which a system's guard had to act.
    """

    thetas: NDArray
    returns: NDArray
    discounted: NDArray
    gradient_norms: NDArray
    faults: NDArray


def normalised_step(theta: NDArray, gradient: NDArray, step: float) -> NDArray:
    """theta + step g/|g| (Appendix F); theta itself where g is zero.

    Raises ArgumentError if the gradient is not finite.
    """
    length = np.linalg.norm(gradient)
    if not np.isfinite(length):
        raise checks.ArgumentError(f"gradient must be finite, got one of length {length}")
    return theta + step * gradient / length if length > 0 else theta.copy()


def epoch_generator(seed: int, epoch: int) -> np.random.Generator:
    """The random stream of one epoch of one run, so that any epoch can be run again alone."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1, epoch)))


def initial_generator(seed: int) -> np.random.Generator:
    """The random stream of a run's initial policy; the same for every sigma."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))


def sample_epoch(
    system: System,
    theta: NDArray,
    rng: np.random.Generator,
    estimator: Estimator,
    *,
    sigma: float,
    batch: int,
    horizon: int,
    threads: int = 1,
) -> tuple[Rollout, Gradient]:
    """One batch of trajectories at `theta` and the gradient estimated from it."""
    starts = system.start(rng, batch)
    discount = system.training.discount
    if estimator.kind == "parameter":
        directions = rng.standard_normal((batch, len(theta)))
        shifted = theta + sigma * directions
        sample = rollout(system, shifted, starts, sigma=0.0, horizon=horizon, threads=threads)
        gradient = parameter_smoothing(
            sample.returns(discount), directions, sigma=sigma, baseline=estimator.baseline
        )
        return sample, gradient
    noise = rng.standard_normal((batch, horizon, len(system.action_names)))
    sample = rollout(system, theta, starts, sigma=sigma, noise=noise, threads=threads)
    observations = system.observe(sample.states[:, :-1])
    gradient = estimate(
        estimator, system.policy, theta, observations, sample, sigma=sigma, discount=discount
    )
    return sample, gradient


def train(
    system: System,
    theta: NDArray,
    *,
    sigma: float,
    seed: int,
    estimator: Estimator | None = None,
    batch: int | None = None,
    epochs: int | None = None,
    horizon: int | None = None,
    step: float | None = None,
    threads: int = 1,
    on_epoch: Callable[[int], None] | None = None,
) -> History:
    """Ascend from `theta` (P,) with a Gaussian policy of fixed sigma.

    What is left out is taken from Table 1 of the paper (`system.training`); the estimator left
    out is the main reading: reward-to-go, no outer discount, time-dependent baseline.
    on_epoch: called with the number of epochs done.
    Raises ArgumentError before any work if an argument is out of range.
    """
    published = system.training
    estimator = Estimator() if estimator is None else estimator
    sigma = checks.positive("sigma", sigma)
    seed = checks.count("seed", seed, least=0)
    batch = checks.count("batch", published.batch if batch is None else batch)
    epochs = checks.count("epochs", published.epochs if epochs is None else epochs)
    horizon = checks.count("horizon", published.horizon if horizon is None else horizon)
    step = checks.positive("step", published.step if step is None else step)
    theta = checks.finite_array("theta", theta, (system.policy.parameter_count,))

    history = History(
        thetas=np.empty((epochs + 1, len(theta))),
        returns=np.empty((epochs, batch)),
        discounted=np.empty((epochs, batch)),
        gradient_norms=np.empty(epochs),
        faults=np.zeros(epochs, dtype=np.int64),
    )
    history.thetas[0] = theta
    for epoch in range(epochs):
        sample, gradient = sample_epoch(
            system,
            history.thetas[epoch],
            epoch_generator(seed, epoch),
            estimator,
            **dict(sigma=sigma, batch=batch, horizon=horizon, threads=threads),
        )
        history.returns[epoch] = sample.returns()
        history.discounted[epoch] = sample.returns(published.discount)
        history.gradient_norms[epoch] = np.linalg.norm(gradient.value)
        history.faults[epoch] = sample.faults.sum()
        history.thetas[epoch + 1] = normalised_step(history.thetas[epoch], gradient.value, step)
        if on_epoch is not None:
            on_epoch(epoch + 1)
    return history
