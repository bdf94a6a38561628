// The quadrotor agrees with `mollify.systems.planar_quadrotor`.

import assert from "node:assert/strict";
import test from "node:test";

import { cusp, DISCOUNT, fly, growth, HORIZON, LIMIT } from "../numerics/quadrotor.js";
import { short } from "../numerics/short.js";
import { distance, fixtures } from "./fixtures.js";

const expected = fixtures("quadrotor");

expected.steps.forEach((step, i) => {
  const { returns, states, thrusts } = expected.flights[i];
  const rate = Math.max(1, expected.growth[i]);

  test(`flights sampled every ${step} s`, () => {
    expected.pushes.forEach((push, k) => {
      const ours = new Float64Array(6 * (HORIZON + 1));
      const pushes = new Float64Array(2 * HORIZON);
      const total = fly(push, step, { states: ours, thrusts: pushes });
      // Where hover is lost, rounding of 1e-15 grows by `rate` a step and changes the chatter.
      const chaotic = rate > 1.3 && push !== 0;
      assert.ok(Math.abs(total / returns[k] - 1) < (chaotic ? 0.1 : 1e-6), `return at ${push}`);
      const count = chaotic ? 15 : states[k].length - 1;
      const shown = states[k].slice(0, count + 1).flat();
      assert.ok(distance(ours.subarray(0, shown.length), shown) < 1e-9, `states at ${push}`);
      const acting = thrusts[k].slice(0, count).flat();
      assert.ok(distance(pushes.subarray(0, acting.length), acting) < 1e-8, `thrusts at ${push}`);
    });
  });

  test(`a push on either side returns the same to the last bit, every ${step} s`, () => {
    for (const push of [1e-13, 1e-6, 0.3]) assert.equal(fly(push, step), fly(-push, step));
  });

  test(`growth of a small departure in ${step} s`, () => {
    assert.ok(Math.abs(growth(step) - expected.growth[i]) < 1e-9);
  });
});

test("hover is lost above the step that Python finds", () => {
  assert.ok(Math.abs(LIMIT - expected.limit) < 1e-9);
  assert.ok(growth(LIMIT * 1.0001) > 1 && growth(LIMIT * 0.9999) < 1);
});

test("the return falls with the exponent of the cusp, and not at all below the limit", () => {
  const tip = fly(0, 0.1);
  const pushes = Array.from({ length: 40 }, (_, k) => 10 ** (-10 + k / 10));
  const logs = pushes.map((push) => [Math.log(push), Math.log(tip - fly(push, 0.1))]);
  const mean = (column) => logs.reduce((sum, row) => sum + row[column], 0) / logs.length;
  const [mx, my] = [mean(0), mean(1)];
  const slope =
    logs.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) /
    logs.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  assert.ok(Math.abs(slope - cusp(0.1)) < 0.002, `${slope} for ${cusp(0.1)}`);
  assert.ok(Math.abs(cusp(0.1) + Math.log(DISCOUNT) / Math.log(1.23423)) < 1e-5);
  assert.ok(fly(0, 0.08) - fly(1e-4, 0.08) < 1e-6);
  assert.equal(cusp(0.08), Infinity);
});

test("numbers in few letters", () => {
  const words = [0, 0.25, -0.25, 1e-6, -1e-6, 3e-7, 12345, 2e7].map(short);
  const shown = "0 0.25 −0.25 10⁻⁶ −10⁻⁶ 3·10⁻⁷ 12,000 2·10⁷";
  assert.deepEqual(words, shown.split(" "));
});
