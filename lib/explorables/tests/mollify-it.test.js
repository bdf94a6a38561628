// The landscapes agree with `mollify.objectives`.

import assert from "node:assert/strict";
import test from "node:test";

import { highest, LANDSCAPES, lowPass, peaks } from "../numerics/landscapes.js";
import { linspace } from "../numerics/spacing.js";
import { distance, fixtures } from "./fixtures.js";

const expected = fixtures("mollify-it");
const grid = Float64Array.from(expected.grid);
const arrays = (count) => [new Float64Array(count), new Float64Array(count)];

test("the same landscapes on both sides", () => {
  assert.deepEqual(Object.keys(LANDSCAPES).sort(), Object.keys(expected.landscapes).sort());
});

for (const [name, { g }] of Object.entries(LANDSCAPES)) {
  test(`${name}: landscape, heat flow and slope`, () => {
    const { value, mollified, slope } = expected.landscapes[name];
    const flow = g.flow(grid);
    const [u, du] = arrays(grid.length);
    flow(0, u, du);
    // Rounding in 3^n x limits the value of a Weierstrass function, in both languages.
    assert.ok(distance(u, value) < (g.waves.length > 1 ? 1e-4 : 1e-12));
    expected.sigmas.forEach((sigma, i) => {
      flow(sigma ** 2, u, du);
      assert.ok(distance(u, mollified[i]) < 1e-11, `u at sigma ${sigma}`);
      assert.ok(distance(du, slope[i]) < 1e-10, `slope at sigma ${sigma}`);
    });
  });

  test(`${name}: number of peaks`, () => {
    const fine = linspace(-6, 5, 1401);
    const flow = g.flow(fine);
    const [u, du] = arrays(fine.length);
    expected.sigmas.slice(1).forEach((sigma, i) => {
      flow(sigma ** 2, u, du);
      assert.equal(peaks(du), expected.landscapes[name].peaks[i], `at sigma ${sigma}`);
    });
  });
}

for (const [name, values] of Object.entries(expected.transforms)) {
  test(`${name}: Fourier transform`, () => {
    expected.waves.forEach((k, i) => {
      const { g } = LANDSCAPES[name];
      assert.ok(distance(g.transform(k), values[i]) < 1e-7, `at wave number ${k}`);
    });
  });
}

test("what only rises is highest at its right end", () => {
  const x = linspace(-6, 5, 1401);
  const flow = LANDSCAPES.step.g.flow(x);
  const [u, du] = arrays(x.length);
  for (const sigma of [0.01, 0.1, 1, 3]) {
    flow(sigma ** 2, u, du);
    assert.equal(highest(x, u, du), 5);
  }
});

test("what noise leaves of a wave", () => {
  expected.sigmas.forEach((sigma, i) => {
    const ours = expected.waves.map((k) => lowPass(k, sigma));
    assert.ok(distance(ours, expected.lowPass[i]) < 1e-14);
  });
});

test("the highest point of a parabola lies between grid points", () => {
  const x = linspace(-1, 1, 20);
  const u = x.map((one) => -((one - 0.123) ** 2));
  const slope = x.map((one) => -2 * (one - 0.123));
  assert.ok(Math.abs(highest(x, u, slope) - 0.123) < 1e-12);
  assert.equal(highest(x, x, new Float64Array(20).fill(1)), 1);
});
