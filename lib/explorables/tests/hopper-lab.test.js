// The hopper agrees with `mollify.systems.hopper`, and MuJoCo's WebAssembly build with Python's.

import assert from "node:assert/strict";
import test from "node:test";

import {
  capsules,
  clipped,
  createHopper,
  DECISION,
  fallen,
  HORIZON,
  mean,
  observe,
  reward,
  WIDTHS,
} from "../numerics/hopper-lab.js";
import { distance, fixtures } from "./fixtures.js";

const { recorded, ...expected } = fixtures("hopper-lab");
// The tests are bundled into a folder beside the packages.
const installed = new URL("../node_modules/@mujoco/mujoco/mujoco.js", import.meta.url);
const { default: loadMujoco } = await import(installed);
const mujoco = await loadMujoco();
const model = mujoco.MjModel.from_xml_string(expected.xml);
const parts = (state) => [Float64Array.from(state.slice(0, 6)), Float64Array.from(state.slice(6))];

test("the versions are those that the page names", () => {
  assert.equal(mujoco.mj_versionString(), expected.page);
});

test("the clock is the experiment's", () => {
  assert.equal(DECISION, expected.decision);
  assert.equal(HORIZON, expected.horizon);
});

for (const [n, run] of recorded.entries()) {
  test(`recording ${n}: where the capsules are`, () => {
    run.states.forEach((state, i) => {
      assert.ok(distance(capsules(parts(state)[0]).flat(2), run.capsules[i].flat(2)) < 1e-9);
    });
    assert.ok(distance(WIDTHS, run.widths) < 1e-12);
  });

  test(`recording ${n}: what is seen, done and earned`, () => {
    run.states.forEach((state, i) => {
      const s = observe(...parts(state));
      assert.deepEqual([...s], run.observations[i]);
      assert.ok(distance(mean(run.theta, s), run.means[i]) < 1e-12);
      assert.ok(distance([reward(s, run.actions[i])], [run.rewards[i]]) < 1e-9);
      assert.equal(fallen(state), run.fallen[i]);
    });
    assert.ok(run.actions.flat().some((one) => Math.abs(one) > 1));
  });

  test(`recording ${n}: MuJoCo's own kinematics`, () => {
    const data = new mujoco.MjData(model);
    for (const state of run.states) {
      data.qpos.set(state.slice(0, 6));
      mujoco.mj_kinematics(model, data);
      const centres = capsules(data.qpos).map(([a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
      // The first geom is the floor.
      const theirs = centres.map((_, i) => [3 * i + 3, 3 * i + 5].map((k) => data.geom_xpos[k]));
      assert.ok(distance(centres.flat(), theirs.flat()) < 1e-9);
    }
    data.delete();
  });

  test(`recording ${n}: the same actions lead along the same path for 0.8 s`, () => {
    const hopper = createHopper(mujoco, model, Float64Array.from(run.start));
    const off = run.openActions.map((action, t) => {
      hopper.apply(Float64Array.from(action));
      return distance([...hopper.q, ...hopper.v], run.openStates[t]);
    });
    hopper.destroy();
    assert.ok(Math.max(...off) < 1e-9, `off by ${Math.max(...off)}`);
  });
}

test("an episode earns what its rewards sum to, and ends after its horizon", () => {
  const { theta, start } = recorded[0];
  const hopper = createHopper(mujoco, model, Float64Array.from(start));
  let sum = 0;
  for (let t = 0; t < HORIZON + 5; t += 1) {
    const s = observe(hopper.q, hopper.v);
    if (t < HORIZON) sum += reward(s, clipped(mean(theta, s)));
    hopper.decide(theta, 0, 0);
  }
  assert.ok(distance([hopper.earned], [sum]) < 1e-12);
  assert.equal(hopper.path.length, HORIZON + 1);
  assert.equal(hopper.decisions, HORIZON + 5);
  hopper.reset();
  assert.deepEqual([...hopper.q, ...hopper.v], start);
  assert.deepEqual([hopper.earned, hopper.decisions, hopper.fell], [0, 0, null]);
  hopper.destroy();
});

test("a push moves the torso its own way", () => {
  const speeds = [-50, 0, 50].map((force) => {
    const hopper = createHopper(mujoco, model, Float64Array.from(recorded[0].start));
    for (let t = 0; t < 5; t += 1) hopper.apply(new Float64Array(3), force);
    const [speed] = hopper.v;
    hopper.destroy();
    return speed;
  });
  assert.ok(speeds[0] < speeds[1] && speeds[1] < speeds[2]);
});
