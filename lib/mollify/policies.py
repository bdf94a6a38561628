"""Gaussian policies a ~ N(mu(s), sigma^2 I) over a flat parameter vector.

A policy here is the family mu(s; theta). It knows how to unpack theta into weights, how to
evaluate mu, and how to pull a gradient with respect to mu back to theta. The score of the
Gaussian policy is such a pull-back: grad_theta log pi(a|s) = (d mu/d theta)^T (a - mu)/sigma^2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mollify import checks


class LinearPolicy(NamedTuple):
    """mu(s) = -K s + b (Section 6 of the paper), theta = [K row by row, b].

    With `bias=False`, theta = K and b = 0.
    """

    observation_size: int
    action_size: int
    bias: bool = True

    @property
    def parameter_count(self) -> int:
        return self.action_size * (self.observation_size + self.bias)

    def pack(self, gain: NDArray, offset: NDArray | None = None) -> NDArray:
        """Return theta (P,) from K (m, n) and, for a policy with bias, b (m,)."""
        gain = checks.finite_array("gain", gain, (self.action_size, self.observation_size))
        if not self.bias:
            return gain.ravel().copy()
        offset = checks.finite_array("offset", offset, (self.action_size,))
        return np.concatenate([gain.ravel(), offset])

    def unpack(self, theta: NDArray) -> tuple[NDArray, NDArray]:
        """Split theta (..., P) into K (..., m, n) and b (..., m)."""
        theta = _check_parameters(self, theta)
        m, n = self.action_size, self.observation_size
        gain = theta[..., : m * n].reshape(*theta.shape[:-1], m, n)
        offset = theta[..., m * n :] if self.bias else np.zeros((*theta.shape[:-1], m))
        return gain, offset

    def mean(self, theta: NDArray, observations: NDArray) -> NDArray:
        """mu(s) for theta (P,) and observations (..., n); shape (..., m)."""
        gain, offset = self.unpack(theta)
        return offset - observations @ gain.T

    def pullback(self, theta: NDArray, observations: NDArray, cotangent: NDArray) -> NDArray:
        """Sum over t of (d mu/d theta)^T c, one row a trajectory.

        observations (B, H, n), cotangent c (B, H, m); returns (B, P).
        """
        gain = -np.swapaxes(cotangent, 1, 2) @ observations
        gain = gain.reshape(len(gain), -1)
        return np.concatenate([gain, cotangent.sum(axis=1)], axis=1) if self.bias else gain


class TanhPolicy(NamedTuple):
    """mu(s) = W2 tanh(W1 s) (Appendix F.1 of the paper), theta = [W1, W2] row by row."""

    observation_size: int
    action_size: int
    width: int = 16

    @property
    def parameter_count(self) -> int:
        return self.width * (self.observation_size + self.action_size)

    def initial(self, rng: np.random.Generator, scale: float = 1.0) -> NDArray:
        """Draw theta: each weight uniform on +-scale/sqrt(fan-in). The paper prints no rule."""
        scale = checks.positive("scale", scale)
        n, h, m = self.observation_size, self.width, self.action_size
        first = rng.uniform(-1, 1, h * n) / np.sqrt(n)
        second = rng.uniform(-1, 1, m * h) / np.sqrt(h)
        return scale * np.concatenate([first, second])

    def unpack(self, theta: NDArray) -> tuple[NDArray, NDArray]:
        """Split theta (..., P) into W1 (..., width, n) and W2 (..., m, width)."""
        theta = _check_parameters(self, theta)
        n, h, m = self.observation_size, self.width, self.action_size
        first = theta[..., : h * n].reshape(*theta.shape[:-1], h, n)
        second = theta[..., h * n :].reshape(*theta.shape[:-1], m, h)
        return first, second

    def mean(self, theta: NDArray, observations: NDArray) -> NDArray:
        """mu(s) for theta (P,) and observations (..., n); shape (..., m)."""
        first, second = self.unpack(theta)
        return np.tanh(observations @ first.T) @ second.T

    def pullback(self, theta: NDArray, observations: NDArray, cotangent: NDArray) -> NDArray:
        """Sum over t of (d mu/d theta)^T c, one row a trajectory.

        observations (B, H, n), cotangent c (B, H, m); returns (B, P).
        """
        first, second = self.unpack(theta)
        hidden = np.tanh(observations @ first.T)
        to_second = np.swapaxes(cotangent, 1, 2) @ hidden
        to_hidden = (cotangent @ second) * (1 - hidden**2)
        to_first = np.swapaxes(to_hidden, 1, 2) @ observations
        batch = len(cotangent)
        return np.concatenate([to_first.reshape(batch, -1), to_second.reshape(batch, -1)], axis=1)


def _check_parameters(policy: LinearPolicy | TanhPolicy, theta: NDArray) -> NDArray:
    theta = np.asarray(theta, dtype=np.float64)
    if theta.ndim == 0 or theta.shape[-1] != policy.parameter_count:
        raise checks.ArgumentError(
            f"theta must have {policy.parameter_count} parameters on its last axis, "
            f"got shape {theta.shape}"
        )
    return theta
