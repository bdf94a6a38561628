"""Why does one sigma train and another not? Measured before and after training, each system.

For every sigma: independent gradient estimates, the gradient at a large sigma beside them, the
mollified against the true objective, the increments of the true one around the policy, and the
rate at which neighbours part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mollify import checks, store
from mollify.diagnostics import (
    Roughness,
    agreement,
    alignment,
    closed_loop_lyapunov,
    roughness,
    signal_to_noise,
)
from mollify.experiments import Experiment, Settings
from mollify.gradients import Estimator
from mollify.regularity import EvidenceError
from mollify.rollout import rollout
from mollify.systems import System, double_pendulum, hopper, planar_quadrotor
from mollify.training import initial_generator, sample_epoch, train

# Streams of a unit's seed; training has 0 and 1, the judges of policies 2 and 3.
GRADIENT_STREAM, MACRO_STREAM, START_STREAM, DIRECTION_STREAM = 4, 5, 6, 7
NO_EVIDENCE = (np.nan, np.nan)


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _gradients(
    system: System, theta: NDArray, settings: Settings, seed: int, stream: int, sigma: float
) -> tuple[NDArray, NDArray]:
    """Independent gradient estimates (K, P) and all their returns (K, B), discounted."""
    estimates, returns = [], []
    for k in range(settings["estimates"]):
        sample, gradient = sample_epoch(
            system,
            theta,
            _generator(seed, stream, k),
            Estimator(**settings["estimator"]),
            **dict(sigma=sigma, batch=settings["batch"], horizon=settings["horizon"]),
        )
        estimates.append(gradient.value)
        returns.append(sample.returns(system.training.discount))
    return np.array(estimates), np.array(returns)


def _diagnose(system: System, theta: NDArray, settings: Settings, seed: int, sigma: float) -> dict:
    estimates, returns = _gradients(system, theta, settings, seed, GRADIENT_STREAM, sigma)
    macro, _ = _gradients(system, theta, settings, seed, MACRO_STREAM, settings["macro_sigma"])
    return {"gradients": estimates, "macro": macro.mean(axis=0), "returns": returns}


def _ground(system: System, theta: NDArray, settings: Settings, seed: int) -> dict:
    """The true objective around theta, and how fast neighbours part there."""
    horizon = settings["horizon"]
    starts = system.start(_generator(seed, START_STREAM), settings["pairs"])

    def value(thetas: NDArray) -> NDArray:
        one = np.repeat(starts[:1], len(thetas), axis=0)
        sample = rollout(system, thetas, one, sigma=0.0, horizon=horizon)
        return sample.returns(system.training.discount)

    low, high = settings["octaves"]
    distances = 2.0 ** np.arange(low, high + 1)
    around = roughness(
        value,
        theta,
        _generator(seed, DIRECTION_STREAM),
        **dict(distances=distances, directions=settings["directions"]),
    )
    true = rollout(system, theta, starts, sigma=0.0, horizon=horizon)
    rng = _generator(seed, DIRECTION_STREAM, 1)
    try:
        rate = closed_loop_lyapunov(system, theta, starts, rng, horizon=horizon)
        lyapunov = (rate.value, rate.standard_error)
    except EvidenceError:
        lyapunov = NO_EVIDENCE
    return {
        "distances": around.distances,
        "increments": around.increments,
        "centre": np.array(around.centre),
        "true_returns": true.returns(system.training.discount),
        "lyapunov": np.array(lyapunov),
    }


def _units(settings: Settings) -> dict[str, dict[str, Any]]:
    seeds, sigmas = range(settings["seeds"]), settings["sigmas"]
    before = {f"before_seed-{k}": {"seed": k, "sigma": None} for k in seeds}
    after = {f"after_seed-{k}_sigma-{s:g}": {"seed": k, "sigma": s} for k in seeds for s in sigmas}
    return before | after


def _measure(
    system: System,
    policy: Callable[[Settings, int, float | None], NDArray],
    settings: Settings,
    seed: int,
    sigma: float | None,
) -> dict[str, NDArray]:
    """Before training every sigma looks at the same policy; after it each at its own."""
    theta = policy(settings, seed, sigma)
    sigmas = settings["sigmas"] if sigma is None else [sigma]
    looks = [_diagnose(system, theta, settings, seed, s) for s in sigmas]
    arrays = {name: np.array([look[name] for look in looks]) for name in looks[0]}
    return arrays | _ground(system, theta, settings, seed)


SHARED = {
    "estimator": Estimator("reward_to_go", "time", outer_discount=False)._asdict(),
    "estimates": 12,
    "octaves": [-30, -3],
    "directions": 12,
    "pairs": 16,
}
QUICK = {"seeds": 1, "estimates": 3, "horizon": 60, "directions": 2, "batch": 4, "pairs": 4}


class Looks(NamedTuple):
    """What the gradients of S sigmas and K seeds know; every array has shape (S, K).

    agreement, alignment: mean cosine between estimates, and with the gradient at the large sigma.
    signal_to_noise, noise: of one estimate; the noise is the root of the trace covariance.
    """

    sigmas: NDArray
    agreement: NDArray
    alignment: NDArray
    signal_to_noise: NDArray
    noise: NDArray


def looks(results: store.Results, when: str) -> Looks:
    """The diagnostics of every sigma and seed, "before" or "after" training."""
    checks.choice("when", when, ("before", "after"))
    sigmas, seeds = results.settings["sigmas"], range(results.settings["seeds"])

    def unit(index: int, seed: int) -> tuple[NDArray, NDArray]:
        key = f"_sigma-{sigmas[index]:g}" if when == "after" else ""
        found = results.units[f"{when}_seed-{seed}{key}"]
        place = 0 if when == "after" else index
        return found["gradients"][place], found["macro"][place]

    grid = [[unit(i, k) for k in seeds] for i in range(len(sigmas))]

    def each(measure: Callable[[NDArray, NDArray], float]) -> NDArray:
        return np.array([[measure(*pair) for pair in row] for row in grid])

    return Looks(
        np.array(sigmas),
        agreement=each(lambda g, _: agreement(g).mean),
        alignment=each(lambda g, macro: alignment(g, macro).mean),
        signal_to_noise=each(lambda g, _: signal_to_noise(g).mean),
        noise=each(lambda g, _: np.sqrt(np.sum((g - g.mean(axis=0)) ** 2) / (len(g) - 1))),
    )


def ground(results: store.Results, key: str) -> Roughness:
    """The increments of the true objective around the policy of one unit."""
    unit = results.units[key]
    return Roughness(unit["distances"], unit["increments"], float(unit["centre"]))


def _trained(system: System, theta: NDArray, settings: Settings, seed: int, sigma: float | None):
    if sigma is None:
        return theta
    shared = dict(batch=settings["batch"], horizon=settings["horizon"], step=settings["step"])
    estimator = Estimator(**settings["estimator"])
    epochs = settings["epochs"]
    history = train(
        system, theta, sigma=sigma, seed=seed, estimator=estimator, epochs=epochs, **shared
    )
    return history.thetas[-1]


def _hopper_system(settings: Settings) -> System:
    limit = settings.get("torque_limit", hopper.TORQUE_LIMIT)
    shared = dict(integrator="euler", torque_limit=limit)
    return hopper.hopper(settings["time_step"], settings["frame_skip"], **shared)


def _hopper_policy(settings: Settings, seed: int, sigma: float | None) -> NDArray:
    if sigma is None:
        policy = _hopper_system(settings).policy
        return policy.initial(initial_generator(seed), 1.0)
    return store.load_unit(settings["trained_by"], f"seed-{seed}_sigma-{sigma:g}")["thetas"][-1]


def _hopper(settings: Settings, seed: int, sigma: float | None) -> dict[str, NDArray]:
    return _measure(_hopper_system(settings), _hopper_policy, settings, seed, sigma)


def _pendulum(settings: Settings, seed: int, sigma: float | None) -> dict[str, NDArray]:
    system = double_pendulum.double_pendulum(settings["time_step"])

    def policy(settings: Settings, seed: int, sigma: float | None) -> NDArray:
        return _trained(system, double_pendulum.initial_theta(), settings, seed, sigma)

    return _measure(system, policy, settings, seed, sigma)


def _quadrotor(settings: Settings, seed: int, sigma: float | None) -> dict[str, NDArray]:
    system = planar_quadrotor.planar_quadrotor(settings["time_step"], offset=settings["offset"])

    def policy(settings: Settings, seed: int, sigma: float | None) -> NDArray:
        return _trained(system, planar_quadrotor.initial_theta(), settings, seed, sigma)

    return _measure(system, policy, settings, seed, sigma)


def _grid(low: float, high: float, count: int) -> list[float]:
    return [float(f"{sigma:.3g}") for sigma in np.geomspace(low, high, count)]


def _experiment(
    name: str, compute: Callable[..., dict], settings: dict[str, Any], reads: tuple[str, ...] = ()
) -> Experiment:
    return Experiment(
        name=f"mechanism-{name}",
        summary=f"Gradients, roughness and chaos before and after training: {name}.",
        items="Rem. 5.3; Section 6",
        settings=SHARED | settings,
        quick=QUICK | {"sigmas": settings["sigmas"][-2:]},
        units=_units,
        compute=compute,
        reads=reads,
    )


def _hopper_settings(trained_by: str) -> dict[str, Any]:
    return {
        "sigmas": _grid(0.005, 5, 13),
        "macro_sigma": 5.0,
        "seeds": 4,
        "batch": hopper.TRAINING.batch,
        "horizon": hopper.TRAINING.horizon,
        "time_step": hopper.STOCK_TIME_STEP * hopper.FRAME_SKIP,
        "frame_skip": 1,
        "trained_by": trained_by,
    }


MAIN, UNCLIPPED = "hopper-reading-main", "hopper-reading-unclipped"
HOPPER = _experiment("hopper", _hopper, _hopper_settings(MAIN), reads=(MAIN,))
HOPPER_UNCLIPPED = _experiment(
    "hopper-unclipped",
    _hopper,
    _hopper_settings(UNCLIPPED) | {"torque_limit": None},
    reads=(UNCLIPPED,),
)
PENDULUM = _experiment(
    "pendulum",
    _pendulum,
    {
        "sigmas": _grid(0.003, 10, 13),
        "macro_sigma": 3.0,
        "seeds": 8,
        "batch": double_pendulum.TRAINING.batch,
        "epochs": double_pendulum.TRAINING.epochs,
        "horizon": double_pendulum.TRAINING.horizon,
        "step": double_pendulum.TRAINING.step,
        "time_step": double_pendulum.TIME_STEP,
    },
)
QUADROTOR = _experiment(
    "quadrotor",
    _quadrotor,
    {
        "sigmas": _grid(0.001, 10, 13),
        "macro_sigma": 1.0,
        "seeds": 8,
        "batch": planar_quadrotor.TRAINING.batch,
        "epochs": planar_quadrotor.TRAINING.epochs,
        "horizon": planar_quadrotor.TRAINING.horizon,
        "step": planar_quadrotor.TRAINING.step,
        "time_step": 0.1,
        "offset": [0.0, 0.0],
    },
)
EXPERIMENTS = (HOPPER, HOPPER_UNCLIPPED, PENDULUM, QUADROTOR)
