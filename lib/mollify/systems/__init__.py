"""What moves, what is rewarded, what does Table 1 of the paper fix, where does training start?

Every system of the book is one `System`: a plain record of functions and numbers.
The modules beside this file each build one of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numba
from numpy.typing import NDArray

from mollify.policies import LinearPolicy, TanhPolicy

# numba stores a compiled loop beside its own file and does not notice a change in a file that it
# compiled in. One folder for each state of the sources leaves no stale loop behind.
_SOURCES = sorted(Path(__file__).parent.glob("*.py"))
_STATE = hashlib.sha256(b"".join(path.read_bytes() for path in _SOURCES)).hexdigest()[:12]
numba.config.CACHE_DIR = str(Path(__file__).parent / "__pycache__" / f"loops-{_STATE}")


class Training(NamedTuple):
    """A row of Table 1 of the paper, with the step of Appendix F."""

    batch: int
    epochs: int
    horizon: int
    discount: float
    step: float


class System(NamedTuple):
    """A controlled system in discrete time.

    state_names: names of the state's coordinates, length n.
    action_names: names of the action's coordinates, length m.
    time_step: seconds between two decisions.
    policy: the policy family the paper uses on it.
    training: the paper's hyperparameters.
    start: start(rng, batch) -> states (batch, n), drawn from rho_0.
    observe: observe(states (..., n)) -> what the policy sees (..., policy.observation_size).
    drive: drive(weights, starts, noise, sigma, states, actions, rewards, faults), the closed
        loop: fills the last four arrays; `mollify.rollout` is the only caller.
    ended: ended(states (..., n)) -> (...,) bool, the states in which an episode is over; None
        where only the horizon ends it.
    lanes: how many trajectories the loop drives side by side; smaller batches waste its time.
    """

    name: str
    state_names: tuple[str, ...]
    action_names: tuple[str, ...]
    time_step: float
    policy: LinearPolicy | TanhPolicy
    training: Training
    start: Callable[..., NDArray]
    observe: Callable[[NDArray], NDArray]
    drive: Callable[..., None]
    ended: Callable[[NDArray], NDArray] | None = None
    lanes: int = 1
