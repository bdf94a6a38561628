// How does a double pendulum move under a neural policy, and what does that return?
//
// The counterpart of `mollify.systems.neural_pendulum` and of the network in `mollify.policies`.
// The motors' torques are decided every TIME_STEP seconds and held; between two decisions the
// pendulum is followed by Runge-Kutta steps, `substeps` of them.

const { abs, cos, exp, max, min, sin } = Math;
const INERTIA = 0.1;
const MASS = 0.15;
const GRAVITY = 9.81;
export const LENGTH = 0.5;
const CENTRE = 0.25;
const TORQUE_LIMIT = 10;
export const TIME_STEP = 0.01;
export const HORIZON = 1000;
const DISCOUNT = 0.99;
const START = [-0.2, 0.2, 0, 0];
const WIDTH = 16;

const COUPLING = MASS * LENGTH * CENTRE;
const FIRST_INERTIA = 2 * INERTIA + MASS * LENGTH ** 2;
const FIRST_WEIGHT = MASS * GRAVITY * (CENTRE + LENGTH);
const SECOND_WEIGHT = MASS * GRAVITY * CENTRE;
const RIGID_INERTIA = FIRST_INERTIA + 2 * COUPLING;
const RIGID_WEIGHT = FIRST_WEIGHT + SECOND_WEIGHT;

// Both joints' accelerations: one place for all, so that nothing is allocated in the loop.
const ACCELERATION = new Float64Array(2);

/** tanh x, right to 2e-16; faster than the built-in one, which minds the relative error near 0. */
function tanh(x) {
  const e = exp(-2 * abs(x));
  const y = (1 - e) / (1 + e);
  return x < 0 ? -y : y;
}

function push(locked, angle1, angle2, rate1, rate2, torque1, torque2) {
  const s1 = sin(angle1);
  if (locked) {
    ACCELERATION[0] = (RIGID_WEIGHT * s1 + torque1) / RIGID_INERTIA;
    ACCELERATION[1] = 0;
    return;
  }
  const s2 = sin(angle2);
  const c2 = cos(angle2);
  const coupling = COUPLING * c2;
  const cross = INERTIA + coupling;
  const own = FIRST_INERTIA + 2 * coupling;
  const tip = SECOND_WEIGHT * (s1 * c2 + cos(angle1) * s2);
  const f1 =
    FIRST_WEIGHT * s1 + tip + torque1 + COUPLING * s2 * (2 * rate1 + rate2) * rate2;
  const f2 = tip + torque2 - COUPLING * s2 * rate1 * rate1;
  const scale = 1 / (own * INERTIA - cross * cross);
  ACCELERATION[0] = (INERTIA * f1 - cross * f2) * scale;
  ACCELERATION[1] = (own * f2 - cross * f1) * scale;
}

/**
 * Discounted return of the deterministic policy `theta` (96 weights, row by row).
 *
 * links: 2, or 1 for a locked second joint. states: if given, filled with the states (angles, then
 * rates) before every decision and after the last one, 4 numbers each.
 */
export function fly(theta, { links = 2, substeps = 1, horizon = HORIZON, states = null } = {}) {
  const locked = links === 1;
  const h = TIME_STEP / substeps;
  let p1 = START[0];
  let p2 = locked ? 0 : START[1];
  let v1 = START[2];
  let v2 = START[3];
  let total = 0;
  let weight = 1;
  for (let t = 0; t < horizon; t += 1) {
    if (states) {
      states[4 * t] = p1;
      states[4 * t + 1] = p2;
      states[4 * t + 2] = v1;
      states[4 * t + 3] = v2;
    }
    let u1 = 0;
    let u2 = 0;
    for (let unit = 0; unit < WIDTH; unit += 1) {
      const at = 4 * unit;
      const hidden = tanh(
        theta[at] * p1 + theta[at + 1] * p2 + (theta[at + 2] * v1 + theta[at + 3] * v2),
      );
      u1 += theta[4 * WIDTH + unit] * hidden;
      u2 += theta[5 * WIDTH + unit] * hidden;
    }
    u1 = min(max(u1, -TORQUE_LIMIT), TORQUE_LIMIT);
    u2 = min(max(u2, -TORQUE_LIMIT), TORQUE_LIMIT);
    total -=
      weight *
      (5 * (p1 * p1 + p2 * p2) + 0.5 * (v1 * v1 + v2 * v2) + 0.00005 * (u1 * u1 + u2 * u2));
    weight *= DISCOUNT;
    for (let part = 0; part < substeps; part += 1) {
      push(locked, p1, p2, v1, v2, u1, u2);
      const c1 = ACCELERATION[0];
      const c2 = ACCELERATION[1];
      const x1 = v1 + (h / 2) * c1;
      const x2 = v2 + (h / 2) * c2;
      push(locked, p1 + (h / 2) * v1, p2 + (h / 2) * v2, x1, x2, u1, u2);
      const e1 = ACCELERATION[0];
      const e2 = ACCELERATION[1];
      const y1 = v1 + (h / 2) * e1;
      const y2 = v2 + (h / 2) * e2;
      push(locked, p1 + (h / 2) * x1, p2 + (h / 2) * x2, y1, y2, u1, u2);
      const f1 = ACCELERATION[0];
      const f2 = ACCELERATION[1];
      const w1 = v1 + h * f1;
      const w2 = v2 + h * f2;
      push(locked, p1 + h * y1, p2 + h * y2, w1, w2, u1, u2);
      p1 += (h * (v1 + 2 * x1 + 2 * y1 + w1)) / 6;
      p2 += (h * (v2 + 2 * x2 + 2 * y2 + w2)) / 6;
      v1 += (h * (c1 + 2 * e1 + 2 * f1 + ACCELERATION[0])) / 6;
      v2 += (h * (c2 + 2 * e2 + 2 * f2 + ACCELERATION[1])) / 6;
    }
  }
  states?.set([p1, p2, v1, v2], 4 * horizon);
  return total;
}

/** Pivot, elbow and tip in metres at time step t of `states`. */
export function jointsOf(states, t) {
  const [first, both] = [states[4 * t], states[4 * t] + states[4 * t + 1]];
  const elbow = [LENGTH * sin(first), LENGTH * cos(first)];
  return [[0, 0], elbow, [elbow[0] + LENGTH * sin(both), elbow[1] + LENGTH * cos(both)]];
}
