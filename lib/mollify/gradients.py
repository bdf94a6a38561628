"""How is the gradient estimated? One function for each estimator of the family.

Action noise: with a = mu(s) + sigma eps, the score is (d mu/d theta)^T eps / sigma, and every
estimator is the batch mean of sum_t w_t grad log pi(a_t|s_t) for some weights w_t. They differ
in the weights alone. Baselines are leave-one-out: a trajectory's own rewards never enter its
own baseline, so no estimator is biased by it (using the plain batch mean scales the gradient
by (N - 1)/N, which a normalised step does not see).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from mollify import checks
from mollify.policies import LinearPolicy, TanhPolicy
from mollify.rollout import Rollout

BASELINES = ("none", "batch", "time")


class Gradient(NamedTuple):
    """A Monte Carlo gradient: batch mean and its standard error, both (P,)."""

    value: NDArray
    standard_error: NDArray


class Estimator(NamedTuple):
    """A choice of gradient estimator, as the experiments store it.

    kind: "total_return" or "reward_to_go" (action noise), or "parameter" (parameter noise).
    baseline: "none", "batch" or "time" ("parameter" knows no "time").
    outer_discount: keep the factor gamma^t in front of each score ("reward_to_go" only).
    """

    kind: str = "reward_to_go"
    baseline: str = "time"
    outer_discount: bool = False

    @property
    def label(self) -> str:
        """The estimator in words that are safe in a file name."""
        outer = "-outer" if self.outer_discount else ""
        return f"{self.kind.replace('_', '-')}{outer}-{self.baseline}"


def discounted_sum(rewards: NDArray, discount: float) -> NDArray:
    """Return-to-go G_t = sum_{k >= t} gamma^{k-t} r_k for rewards (B, H); shape (B, H)."""
    discount = checks.fraction("discount", discount)
    return lfilter([1.0], [1.0, -discount], rewards[:, ::-1], axis=1)[:, ::-1]


def leave_one_out_mean(values: NDArray) -> NDArray:
    """Mean over the other rows of the batch, for values (B, ...) with B >= 2."""
    batch = len(values)
    if batch < 2:
        raise checks.ArgumentError(f"batch must be 2 or above for a baseline, got {batch}")
    return (values.sum(axis=0) - values) / (batch - 1)


def score_gradient(
    policy: LinearPolicy | TanhPolicy,
    theta: NDArray,
    observations: NDArray,
    noise: NDArray,
    weights: NDArray,
    sigma: float,
) -> Gradient:
    """Batch mean of sum_t w_t grad_theta log pi(a_t|s_t) (the score form of eq. (4)).

    observations (B, H, n), noise (B, H, m), weights (B, H).
    """
    sigma = checks.positive("sigma", sigma)
    cotangent = (weights / sigma)[..., None] * noise
    return _mean(policy.pullback(theta, observations, cotangent))


def total_return(
    policy: LinearPolicy | TanhPolicy,
    theta: NDArray,
    observations: NDArray,
    rollout: Rollout,
    *,
    sigma: float,
    discount: float,
    baseline: str = "none",
) -> Gradient:
    """REINFORCE: every score is weighted by the whole return sum_k gamma^k r_k.

    An unbiased gradient of J(theta) (eq. (1) of the paper, cut at the horizon). The baseline
    is the other trajectories' mean return; "time" is the same as "batch" here.
    """
    checks.choice("baseline", baseline, BASELINES)
    returns = rollout.returns(discount)
    if baseline != "none":
        returns = returns - leave_one_out_mean(returns)
    weights = np.broadcast_to(returns[:, None], rollout.rewards.shape)
    return score_gradient(policy, theta, observations, rollout.noise, weights, sigma)


def reward_to_go(
    policy: LinearPolicy | TanhPolicy,
    theta: NDArray,
    observations: NDArray,
    rollout: Rollout,
    *,
    sigma: float,
    discount: float,
    baseline: str = "none",
    outer_discount: bool = False,
) -> Gradient:
    """Each score is weighted by what follows it, G_t = sum_{k >= t} gamma^{k-t} r_k.

    With `outer_discount`, the weight is gamma^t G_t and the estimate is an unbiased gradient
    of J(theta). Without it, the sum is not the gradient of any discounted return, but it is
    what most implementations use. The baseline is the mean of G over the other trajectories,
    at the same time ("time") or over all times ("batch").
    """
    checks.choice("baseline", baseline, BASELINES)
    weights = discounted_sum(rollout.rewards, discount)
    if baseline == "time":
        weights = weights - leave_one_out_mean(weights)
    elif baseline == "batch":
        weights = weights - leave_one_out_mean(weights.mean(axis=1))[:, None]
    if outer_discount:
        weights = weights * discount ** np.arange(weights.shape[1])
    return score_gradient(policy, theta, observations, rollout.noise, weights, sigma)


def parameter_smoothing(
    returns: NDArray, directions: NDArray, *, sigma: float, baseline: str = "batch"
) -> Gradient:
    """Gradient of E J(theta + sigma eps) from returns J(theta + sigma eps_i).

    returns (B,), directions eps (B, P). This smooths J itself, so the smoothed objective is
    exactly a solution of the heat equation (5) in theta, whatever the horizon.
    """
    checks.choice("baseline", baseline, ("none", "batch"))
    sigma = checks.positive("sigma", sigma)
    if baseline == "batch":
        returns = returns - leave_one_out_mean(returns)
    return _mean(returns[:, None] * directions / sigma)


def estimate(
    estimator: Estimator,
    policy: LinearPolicy | TanhPolicy,
    theta: NDArray,
    observations: NDArray,
    rollout: Rollout,
    *,
    sigma: float,
    discount: float,
) -> Gradient:
    """The action-noise gradient that `estimator` names; see the functions above."""
    shared = dict(sigma=sigma, discount=discount, baseline=estimator.baseline)
    if checks.choice("kind", estimator.kind, ("total_return", "reward_to_go")) == "total_return":
        return total_return(policy, theta, observations, rollout, **shared)
    outer = estimator.outer_discount
    return reward_to_go(policy, theta, observations, rollout, outer_discount=outer, **shared)


def _mean(samples: NDArray) -> Gradient:
    batch = len(samples)
    value = samples.mean(axis=0)
    if batch == 1:
        return Gradient(value, np.full_like(value, np.inf))
    return Gradient(value, samples.std(axis=0, ddof=1) / np.sqrt(batch))
