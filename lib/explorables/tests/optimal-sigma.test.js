// Signal, noise and their ratio agree with `mollify.signal_noise`.

import assert from "node:assert/strict";
import test from "node:test";

import {
  BASINS,
  batchFor,
  constant,
  enough,
  goodRange,
  noise,
  ratio,
  roughMoments,
  roughWaves,
} from "../numerics/optimal-sigma.js";
import { geomspace } from "../numerics/spacing.js";
import { fixtures } from "./fixtures.js";

const expected = fixtures("optimal-sigma");
const near = (ours, theirs, error) => assert.ok(Math.abs(ours / theirs - 1) < error, `${ours}, ${theirs}`);

test("what roughness adds to the noise", () => {
  for (const { model, constant: factor, moments } of expected.roughness) {
    near(constant(model.alpha, model.dimension), factor, 1e-12);
    expected.sigmas.forEach((sigma, i) => {
      const { field, sampling } = roughMoments(model, sigma);
      near(field, moments[i][0], 1e-12);
      near(sampling, moments[i][1], 1e-12);
      near(noise(model, sigma), Math.hypot(...moments[i].map(Math.sqrt)), 1e-12);
    });
  }
});

test("slopes of the basins, the best sigma and the ratio there", () => {
  assert.equal(expected.basins.length, 2 * 27);
  for (const { basin, model, slopes, law, found, top } of expected.basins) {
    expected.sigmas.forEach((sigma, i) => {
      near(BASINS[basin].signal(model, sigma), slopes[i], 1e-9);
    });
    near(BASINS[basin].best(model), law, 1e-12);
    near(law, found, 1e-4);
    near(ratio({ ...model, basin }, law), top, 1e-10);
  }
});

test("where more than half of the best ratio is left", () => {
  let compared = 0;
  for (const { basin, model, law, range } of expected.basins) {
    const ours = goodRange({ ...model, basin });
    ours.forEach((sigma, i) => {
      if (sigma / law < 2e-4) return;
      near(sigma, range[i], 1e-7);
      compared += 1;
    });
  }
  assert.ok(compared > 80);
});

test("the batch for a noise is the one that has it, and none passes the field part", () => {
  for (const { model } of expected.roughness) {
    near(batchFor(model, 0.2, noise(model, 0.2)), model.batch, 1e-6);
    const { field } = roughMoments(model, 0.2);
    assert.equal(batchFor(model, 0.2, Math.sqrt(field) * 0.999), Infinity);
    const both = roughMoments({ ...model, batch: enough(model) }, 0.2);
    near(both.field, both.sampling, 1e-12);
  }
});

test("random waves follow the power law", () => {
  const wavenumbers = geomspace(1e-5, 1e7, 1200);
  const waves = roughWaves(wavenumbers);
  for (const alpha of [0.3, 0.5, 0.7]) {
    const amplitudes = waves.amplitudes(alpha);
    for (const x of [0.03, 0.4, 5]) {
      const sum = amplitudes.reduce((total, a, j) => total + a * a * (1 - Math.cos(wavenumbers[j] * x)), 0);
      near(sum, x ** (2 * alpha), 0.01);
    }
  }
  const [first] = waves.table(Float64Array.of(0, 1));
  assert.deepEqual([...first], [1, Math.cos(1e-5)]);
});
