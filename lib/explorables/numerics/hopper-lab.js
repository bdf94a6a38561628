// How does the hopper look, what does it see, what does its policy do, and what does it earn?
//
// The counterpart of `mollify.systems.hopper`. Positions q: x, height, angles of torso, thigh, leg
// and foot; velocities v in the same order. The physics itself is MuJoCo's.

const { abs, max, min, sin, cos, sqrt, tanh, log, random, PI } = Math;
const POSITIONS = 6;
const ACTUATORS = 3;
const WIDTH = 16;
const SEEN = 2 * POSITIONS - 1;
const FRAME_SKIP = 4;
const FASTEST = 10;
const TORSO = 1;

export const DECISION = 0.008;
export const HORIZON = 1000;

// Each capsule in its own frame, whose origin is the joint above it: two ends, the next joint.
const PARTS = [
  { ends: [[0, 0.2], [0, -0.2]], next: [0, -0.2], width: 0.1 },
  { ends: [[0, 0], [0, -0.45]], next: [0, -0.45], width: 0.1 },
  { ends: [[0, 0], [0, -0.5]], next: [0, -0.5], width: 0.08 },
  { ends: [[-0.13, 0], [0.26, 0]], next: [0, 0], width: 0.12 },
];

export const WIDTHS = PARTS.map(({ width }) => width);

/** The ends [[x, z], [x, z]] of torso, thigh, leg and foot in metres, seen from the side. */
export function capsules(q) {
  let [x, z] = q;
  let angle = 0;
  return PARTS.map(({ ends, next }, part) => {
    // The root turns about +y, the joints below it about -y.
    angle += part === 0 ? q[2] : -q[2 + part];
    const [c, s] = [cos(angle), sin(angle)];
    const place = ([along, up]) => [x + along * c + up * s, z - along * s + up * c];
    const placed = ends.map(place);
    [x, z] = place(next);
    return placed;
  });
}

/** What the policy sees: no x, velocities cut at +-10. */
export function observe(q, v) {
  return Float64Array.from({ length: SEEN }, (_, i) =>
    i < POSITIONS - 1 ? q[i + 1] : min(max(v[i - POSITIONS + 1], -FASTEST), FASTEST),
  );
}

/** mu(s) = W2 tanh(W1 s), theta = [W1, W2] row by row. */
export function mean(theta, s) {
  const action = new Float64Array(ACTUATORS);
  for (let h = 0; h < WIDTH; h += 1) {
    let sum = 0;
    for (let k = 0; k < SEEN; k += 1) sum += theta[h * SEEN + k] * s[k];
    const hidden = tanh(sum);
    for (let j = 0; j < ACTUATORS; j += 1) action[j] += theta[WIDTH * (SEEN + j) + h] * hidden;
  }
  return action;
}

export const clipped = (action) => action.map((one) => min(max(one, -1), 1));

/** R(s, a) of one decision; the cost of the action is that of the torque applied. */
export function reward(s, action) {
  const squares = (values) => values.reduce((sum, one) => sum + one * one, 0);
  const posture = squares(s.subarray(1, 5)) + 0.1 * squares(s.subarray(5));
  return -posture - 0.001 * sqrt(squares(clipped(action)));
}

/** Outside the limits in which Hopper-v5 calls a hopper healthy. */
export const fallen = (q) => !(q[1] > 0.7 && abs(q[2]) < 0.2);

export const normal = () => sqrt(-2 * log(1 - random())) * cos(2 * PI * random());

/** A hopper in MuJoCo: `model` made of Gymnasium's file, `start` the twelve numbers of a state. */
export function createHopper(mujoco, model, start) {
  const data = new mujoco.MjData(model);
  const hopper = {
    get q() {
      return data.qpos;
    },
    get v() {
      return data.qvel;
    },
    reset() {
      mujoco.mj_resetData(model, data);
      data.qpos.set(start.subarray(0, POSITIONS));
      data.qvel.set(start.subarray(POSITIONS));
      mujoco.mj_forward(model, data);
      Object.assign(hopper, { decisions: 0, earned: 0, fell: null, path: [0] });
    },
    /** One decision: the action held for 8 ms, the torso pushed by `force` newtons along x. */
    apply(action, force = 0) {
      data.ctrl.set(clipped(action));
      data.xfrc_applied[6 * TORSO] = force;
      for (let i = 0; i < FRAME_SKIP; i += 1) mujoco.mj_step(model, data);
    },
    /** One decision of the policy under noise of size sigma; keeps the account of the episode. */
    decide(theta, sigma, force) {
      const s = observe(data.qpos, data.qvel);
      const action = mean(theta, s).map((one) => (sigma > 0 ? one + sigma * normal() : one));
      if (hopper.decisions < HORIZON) {
        hopper.earned += reward(s, action);
        hopper.path.push(hopper.earned);
      }
      hopper.apply(action, force);
      hopper.decisions += 1;
      if (fallen(data.qpos)) hopper.fell ??= hopper.decisions * DECISION;
    },
    destroy: () => data.delete(),
  };
  hopper.reset();
  return hopper;
}
