// How does the planar quadrotor fly under the printed gain, and what becomes of a small departure?
//
// The counterpart of `mollify.systems.planar_quadrotor` with Euler's method. A policy is the
// printed one with `push` newton more on the first propeller and as much less on the second.

const { abs, cos, log, max, min, sin, sqrt } = Math;
const MASS = 1;
const INERTIA = 0.1;
export const ARM = 0.5;
const GRAVITY = 9.81;
const THRUST_LIMIT = 10;
export const HORIZON = 1000;
export const DISCOUNT = 0.99;
/** The first row of K0; the second has the signs of MIRROR. */
const GAIN = [-2.2361, -3.3404, 2.2361, 2.69, 13.5092, 2.7752];
const MIRROR = [-1, -1, 1, 1, -1, -1];
const OTHER = GAIN.map((gain, i) => MIRROR[i] * gain);
const OFFSET = 4.905;

/**
 * Discounted return of a flight that starts at hover.
 *
 * states: if given, filled with x, x', y, y', angle, angular rate before every step and after the
 * last one, 6 numbers each; thrusts: with the two thrusts of every step.
 */
export function fly(push, timeStep, { horizon = HORIZON, states = null, thrusts = null } = {}) {
  const h = timeStep;
  let [x1, x2, y1, y2, p, w] = [0, 0, 0, 0, 0, 0];
  let total = 0;
  let weight = 1;
  for (let t = 0; t < horizon; t += 1) {
    if (states) {
      states[6 * t] = x1;
      states[6 * t + 1] = x2;
      states[6 * t + 2] = y1;
      states[6 * t + 3] = y2;
      states[6 * t + 4] = p;
      states[6 * t + 5] = w;
    }
    const side = GAIN[0] * x1 + GAIN[1] * x2 + GAIN[4] * p + GAIN[5] * w;
    const both = GAIN[2] * y1 + GAIN[3] * y2;
    const u1 = min(max(OFFSET + push - (both + side), 0), THRUST_LIMIT);
    const u2 = min(max(OFFSET - push - (both - side), 0), THRUST_LIMIT);
    if (thrusts) {
      thrusts[2 * t] = u1;
      thrusts[2 * t + 1] = u2;
    }
    total -=
      weight *
      (x1 * x1 + y1 * y1 + p * p + 0.1 * (x2 * x2 + y2 * y2 + w * w) + 0.0001 * (u1 * u1 + u2 * u2));
    weight *= DISCOUNT;
    const thrust = (u1 + u2) / MASS;
    const fx = -thrust * sin(p);
    const fy = thrust * cos(p) - GRAVITY;
    const twist = (ARM / INERTIA) * (u1 - u2);
    x1 += h * x2;
    x2 += h * fx;
    y1 += h * y2;
    y2 += h * fy;
    p += h * w;
    w += h * twist;
  }
  states?.set([x1, x2, y1, y2, p, w], 6 * horizon);
  return total;
}

/** Roots of the hover's characteristic polynomials, in 1/s: real ones as numbers, pairs as [re, im]. */
const MODES = [...modes(lateral()), ...modes(vertical())];

/** s^4 + ... of x, x', angle and rate; highest power first. */
function lateral() {
  const twist = (2 * ARM) / INERTIA;
  return [1, twist * GAIN[5], twist * GAIN[4], -GRAVITY * twist * GAIN[1], -GRAVITY * twist * GAIN[0]];
}
/** s^2 + ... of y and y'. */
function vertical() {
  return [1, (2 / MASS) * GAIN[3], (2 / MASS) * GAIN[2]];
}
/** All roots of a monic polynomial as [re, im], by the method of Durand and Kerner. */
function modes(polynomial) {
  const times = ([a, b], [c, d]) => [a * c - b * d, a * d + b * c];
  const over = ([a, b], [c, d]) => times([a, b], [c / (c * c + d * d), -d / (c * c + d * d)]);
  const value = (z) => polynomial.reduce((sum, a) => { const [re, im] = times(sum, z); return [re + a, im]; }, [0, 0]);
  const count = polynomial.length - 1;
  const size = max(...polynomial.map(abs)) ** (1 / count);
  let roots = Array.from({ length: count }, (_, k) => [size * cos(k + 0.4), size * sin(k + 0.4)]);
  for (let round = 0; round < 500; round += 1) {
    roots = roots.map((z, k) => {
      const apart = roots.reduce(
        (product, other, i) => (i === k ? product : times(product, [z[0] - other[0], z[1] - other[1]])),
        [1, 0],
      );
      const [re, im] = over(value(z), apart);
      return [z[0] - re, z[1] - im];
    });
  }
  return roots;
}

/** What one Euler step multiplies a small departure from hover by: the largest modulus. */
export const growth = (timeStep) =>
  max(...MODES.map(([re, im]) => sqrt((1 + timeStep * re) ** 2 + (timeStep * im) ** 2)));

/** The step below which hover is stable: 2 over the fastest rate. */
export const LIMIT = 2 / max(...MODES.map(([re]) => -re));

/** Exponent of the cusp that the return has at the printed gain; Infinity where it has none. */
export const cusp = (timeStep) =>
  growth(timeStep) > 1 ? -log(DISCOUNT) / log(growth(timeStep)) : Infinity;
