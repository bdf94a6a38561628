"""Going back in time against going forward, closed forms and the rates of the theory."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mollify import backward, checks, heat, objectives

POINTS = 256
PERIOD = 2 * np.pi * 16  # frequencies are multiples of 1/16
SPACING = PERIOD / POINTS
X = SPACING * np.arange(POINTS)


def rms(values):
    return np.sqrt(np.mean(np.asarray(values) ** 2))


def wave(frequency, size):
    """A cosine of root mean square `size`."""
    return size * np.sqrt(2) * np.cos(frequency * X)


def test_back_undoes_forward_within_the_resolvable_band():
    rng = np.random.default_rng(0)
    g = rng.normal(size=POINTS)
    t = 0.99 * backward.resolvable_duration(np.pi / SPACING)
    forth = heat.fourier(g, SPACING, t, padding="periodic")
    assert rms(forth - g) > 0.1
    assert rms(backward.flow_back(forth, SPACING, t) - g) < 1e-3


def test_back_in_two_steps_is_back_in_one():
    u = heat.fourier(np.cos(X) ** 3, SPACING, 0.4, padding="periodic")
    once = backward.flow_back(u, SPACING, 0.4, 0.1)
    twice = backward.flow_back(backward.flow_back(u, SPACING, 0.4, 0.25), SPACING, 0.25, 0.1)
    np.testing.assert_allclose(once, twice, atol=1e-9)


def test_closed_form_of_a_sum_of_waves():
    g = objectives.Sum((objectives.Cosine(0.5), objectives.Cosine(2.0, 0.3, 1.0)))
    cut = backward.SpectralCutOff(3.0)
    found = backward.flow_back(g.mollified(X, 2.0), SPACING, 2.0, 0.7, regularisation=cut)
    np.testing.assert_allclose(found, g.mollified(X, 0.7), atol=1e-10)


@pytest.mark.parametrize("points", [64, 65])
def test_odd_and_even_grids(points):
    spacing = 2 * np.pi / points
    x = spacing * np.arange(points)
    cut = backward.SpectralCutOff(5.0)
    found = backward.flow_back(np.cos(3 * x), spacing, 0.5, regularisation=cut)
    np.testing.assert_allclose(found, np.exp(9 * 0.25) * np.cos(3 * x), atol=1e-9)


def test_band_at_a_frequency_of_the_grid_keeps_it():
    """Also where 2 pi times the frequency of the FFT is rounded up, as for 58 on 1024 points."""
    points = 1024
    spacing = 2 * np.pi / points
    x = spacing * np.arange(points)
    for k in range(1, 200):
        cut = backward.SpectralCutOff(float(k))
        waves = np.cos(k * x) + np.cos((k + 1) * x)
        found = backward.flow_back(waves, spacing, 1e-6, regularisation=cut)
        np.testing.assert_allclose(found, np.exp(k**2 * 5e-7) * np.cos(k * x), atol=1e-9)


def test_refuses_past_the_band_and_names_the_bound():
    bound = backward.resolvable_duration(np.pi / SPACING)
    data = np.cos(X)
    backward.flow_back(data, SPACING, 0.999 * bound)
    with pytest.raises(backward.UnresolvableError, match=re.escape(f"at most {bound:.3g}")) as info:
        backward.flow_back(data, SPACING, 1.001 * bound)
    assert info.value.longest == pytest.approx(bound)
    cut = backward.SpectralCutOff(2.0)
    found = backward.flow_back(data, SPACING, 1.001 * bound, regularisation=cut)
    np.testing.assert_allclose(found, np.exp(1.001 * bound / 2) * data, atol=1e-10)


def test_the_bound_is_where_noise_reaches_the_tolerance():
    """A wave of size `noise` at the highest frequency comes back as one of size `tolerance`."""
    noise, tolerance = 1e-9, 1e-2
    bound = backward.resolvable_duration(np.pi / SPACING, noise, tolerance)
    zigzag = noise * (-1.0) ** np.arange(POINTS)
    found = backward.flow_back(
        zigzag, SPACING, bound * (1 - 1e-12), noise=noise, tolerance=tolerance
    )
    assert rms(found) == pytest.approx(tolerance, rel=1e-8)


@given(st.floats(1e-3, 1e3), st.floats(1e-14, 1e-6))
def test_band_and_duration_are_inverse(duration, noise):
    band = backward.resolvable_band(duration, noise)
    assert backward.resolvable_duration(band, noise) == pytest.approx(duration)


def test_tikhonov_is_the_minimiser():
    """Against the normal equations, solved with the matrix of the heat flow on the grid."""
    n, t, penalty = 32, 0.3, 1e-3
    spacing = 2 * np.pi / n
    rng = np.random.default_rng(3)
    data = rng.normal(size=n)
    matrix = np.array([heat.fourier(row, spacing, t, padding="periodic") for row in np.eye(n)]).T
    minimiser = np.linalg.solve(matrix.T @ matrix + penalty * np.eye(n), matrix.T @ data)
    tikhonov = backward.Tikhonov(penalty)
    found = backward.flow_back(data, spacing, t, regularisation=tikhonov)
    np.testing.assert_allclose(found, minimiser, atol=1e-9)
    later = heat.fourier(minimiser, spacing, 0.1, padding="periodic")
    found = backward.flow_back(data, spacing, t, 0.1, regularisation=tikhonov)
    np.testing.assert_allclose(found, later, atol=1e-9)


@pytest.mark.parametrize("method", [backward.SpectralCutOff, backward.Tikhonov])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_worst_error_has_the_optimal_rate(method, share):
    """For one wave of size E and one of noise delta, over all frequencies."""
    start, end, size = 2.0, 2.0 * share, 1.0
    noises, worst = np.array([1e-3, 1e-5, 1e-7]), []
    for noise in noises:
        regularisation = method.for_noise(noise, size, start)

        def back(values, regularisation=regularisation):
            return backward.flow_back(values, SPACING, start, end, regularisation=regularisation)

        def missed(k, back=back):
            u = [wave(k, size * heat.low_pass(k, t)) for t in (start, end)]
            return rms(back(u[0]) - u[1])

        frequencies = np.arange(1, 100) / 16
        lost = max(missed(k) for k in frequencies)
        kept = max(rms(back(wave(k, noise))) for k in frequencies)
        bound = backward.hoelder_bound(noise, size, start, end)
        assert max(lost, kept) > 0.3 * bound
        assert lost + kept < 2 * bound * (1 + 1e-6)
        worst.append(lost + kept)
    slope = np.polyfit(np.log(noises), np.log(worst), 1)[0]
    assert slope == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"values": [[1.0, 2.0]]}, "values"),
        ({"values": [1.0]}, "values"),
        ({"values": [1.0, np.nan]}, "values"),
        ({"spacing": 0.0}, "spacing"),
        ({"start": -1.0}, "start"),
        ({"end": -0.1}, "end"),
        ({"end": 0.2}, "end"),
        ({"regularisation": "cut-off"}, "regularisation"),
        ({"noise": 1.0}, "noise"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"start": 900.0, "regularisation": backward.SpectralCutOff(40.0)}, "band"),
    ],
)
def test_bad_arguments_are_named(change, named):
    good = {"values": np.cos(X), "spacing": SPACING, "start": 0.1, "end": 0.0}
    with pytest.raises(checks.ArgumentError, match=f"^{named} "):
        backward.flow_back(**(good | change))


def test_bad_levels_are_named():
    for call, named in [
        (lambda: backward.SpectralCutOff(-1.0), "band"),
        (lambda: backward.Tikhonov(0.0), "penalty"),
        (lambda: backward.SpectralCutOff.for_noise(1.0, 1.0, 1.0), "noise"),
        (lambda: backward.Tikhonov.for_noise(0.1, -1.0, 1.0), "size"),
        (lambda: backward.hoelder_bound(0.1, 1.0, 1.0, 2.0), "end"),
        (lambda: backward.resolvable_band(0.0), "duration"),
        (lambda: backward.resolvable_duration(-1.0), "frequency"),
    ]:
        with pytest.raises(checks.ArgumentError, match=f"^{named} "):
            call()
