// The kernels and what they make of the landscape agree with quadrature and `mollify.objectives`.

import assert from "node:assert/strict";
import test from "node:test";

import { bandwidth, interpolate, KERNELS, landscape, tradeOff } from "../numerics/uncertainty.js";
import { linspace } from "../numerics/spacing.js";
import { distance, fixtures } from "./fixtures.js";

const expected = fixtures("uncertainty");
const grid = Float64Array.from(expected.grid);
const arrays = (count) => [new Float64Array(count), new Float64Array(count)];

test("the same kernels on both sides", () => {
  assert.deepEqual(Object.keys(KERNELS).sort(), Object.keys(expected.kernels).sort());
});

for (const [name, kernel] of Object.entries(KERNELS)) {
  const { density, transform, fisher, averages } = expected.kernels[name];

  test(`${name}: density, transform and Fisher information`, () => {
    const heights = expected.heights.slice(0, density.length);
    assert.ok(distance(heights.map(kernel.density), density) < 1e-9);
    assert.ok(density.length >= 2);
    for (const beyond of expected.heights.slice(density.length)) {
      assert.equal(kernel.density(beyond), 0);
    }
    assert.ok(distance(expected.waves.map(kernel.transform), transform) < 1e-8);
    if (fisher === null) assert.equal(kernel.fisher, Infinity);
    else assert.ok(distance([kernel.fisher], [fisher]) < 1e-7);
  });

  test(`${name}: the mollified landscape`, () => {
    const { mollify } = landscape(grid);
    const [u, slope] = arrays(grid.length);
    expected.sigmas.forEach((sigma, i) => {
      mollify(kernel, sigma, u, slope);
      assert.ok(distance(u, averages[i]) < 5e-5, `${distance(u, averages[i])} at sigma ${sigma}`);
    });
  });
}

test("with the Gaussian kernel it is the heat flow", () => {
  const { mollify } = landscape(grid);
  const [u, slope] = arrays(grid.length);
  expected.sigmas.forEach((sigma, i) => {
    mollify(KERNELS.gaussian, sigma, u, slope);
    assert.ok(distance(u, expected.mollified[i]) < 1e-9);
    assert.ok(distance(slope, expected.slope[i]) < 1e-8);
  });
});

test("distance and roughness", () => {
  const coarse = linspace(-6.5, 4.5, 351);
  const { values, mollify } = landscape(coarse);
  const [u, slope] = arrays(coarse.length);
  expected.sigmas.forEach((sigma, i) => {
    mollify(KERNELS.gaussian, sigma, u, slope);
    const [far, steep] = tradeOff(values, u, slope);
    // The ripples below the spacing of the grid are seen by chance only.
    assert.ok(Math.abs(far / expected.tradeOff[i][0] - 1) < 0.02);
    assert.ok(Math.abs(steep / expected.tradeOff[i][1] - 1) < 0.01);
  });
});

test("the Gaussian has the least bandwidth", () => {
  for (const kernel of Object.values(KERNELS)) assert.ok(bandwidth(kernel, 0.5) >= 2);
  assert.equal(bandwidth(KERNELS.gaussian, 0.5), 2);
});

test("a power law is a line on logarithmic scales", () => {
  const points = [1, 2, 5, 10].map((x) => [x, 3 * x ** -1.5]);
  for (const x of [0.5, 1, 3, 10, 20]) {
    assert.ok(Math.abs(interpolate(points, x) / (3 * x ** -1.5) - 1) < 1e-12);
  }
});
