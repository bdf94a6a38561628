// Gradient ascent on the heat solution agrees with scipy's, and its two descriptions with each other.

import assert from "node:assert/strict";
import test from "node:test";

import {
  climb,
  heat,
  LANDSCAPES,
  peaksReached,
  resample,
  thresholds,
  uphill,
  watershed,
} from "../numerics/flow.js";
import { distance, fixtures } from "./fixtures.js";

const expected = fixtures("flow");
const WINDOW = [-2.5, 4.5];
const TOP = 1.7;

test("the same landscapes on both sides", () => {
  assert.deepEqual(Object.keys(LANDSCAPES).sort(), Object.keys(expected.landscapes).sort());
});

for (const [name, { bumps, start, saddle }] of Object.entries(LANDSCAPES)) {
  const known = expected.landscapes[name];
  const { line, saddle: found } = watershed(bumps, saddle, WINDOW, TOP);

  test(`${name}: heat solution and its derivatives`, () => {
    expected.sigmas.forEach((sigma, i) => {
      const ours = expected.means.map((mu) => heat(bumps, mu, sigma ** 2));
      const [u, slope, rate] = [0, 1, 2].map((part) => ours.map((one) => one[part]));
      assert.ok(distance(u, known.heat[i][0]) < 1e-14);
      assert.ok(distance(slope, known.heat[i][1]) < 1e-13);
      assert.ok(distance(rate, known.rate[i]) < 1e-13);
    });
  });

  test(`${name}: saddle`, () => {
    assert.ok(distance([found[0], found[1] ** 2], known.saddle) < 1e-7);
  });

  test(`${name}: learned noise is gone when and where scipy says`, () => {
    expected.climbed.forEach((sigma, i) => {
      const path = climb(bumps, start, sigma, true);
      const [time, mu] = path.find(([, , t]) => t === 0);
      assert.ok(Math.abs(time / known.falls[i].time - 1) < 2e-3, `time from ${sigma}: ${time}`);
      assert.ok(Math.abs(mu - known.falls[i].mu) < 2e-4, `mean from ${sigma}: ${mu}`);
      const [, last] = path.at(-1);
      assert.ok(Math.abs(heat(bumps, last, 0)[1]) < 1e-3, "the end is a peak of g");
    });
  });

  test(`${name}: fixed noise is where scipy says at time 20`, () => {
    expected.climbed.forEach((sigma, i) => {
      const [time, mu, t] = climb(bumps, start, sigma, false, 20).at(-1);
      assert.equal(t, sigma * sigma);
      assert.ok(time <= 20);
      assert.ok(Math.abs(mu - known.fixed[i]) < 2e-3, `from ${sigma}: ${mu}`);
    });
  });

  test(`${name}: threshold of the learned noise`, () => {
    const [sigma, ...others] = thresholds(line, start);
    assert.deepEqual(others, []);
    assert.ok(sigma > known.threshold.low - 1e-4 && sigma < known.threshold.high + 1e-4);
  });

  test(`${name}: the watershed parts the starts as the climbs do`, () => {
    const centres = [...bumps].sort((one, other) => one.width - other.width).map((one) => one.centre);
    const nearest = (mu) => centres.reduce((a, b) => (Math.abs(a - mu) < Math.abs(b - mu) ? a : b));
    let compared = 0;
    for (let mu = -1.6; mu < 4.5; mu += 0.31) {
      for (let sigma = 0.1; sigma < TOP; sigma += 0.157) {
        const edges = thresholds(line, mu);
        if (edges.some((edge) => Math.abs(sigma / edge - 1) < 0.03)) continue;
        const reached = peaksReached(edges, centres, TOP).findLast((one) => one.sigma <= sigma).mu;
        const [, last, t] = climb(bumps, mu, sigma, true).at(-1);
        if (t > 0) continue;
        compared += 1;
        assert.equal(nearest(last), reached, `from ${mu}, ${sigma}`);
      }
    }
    assert.ok(compared > 150);
  });

  test(`${name}: what is uphill is a maximum, and where fixed noise ends`, () => {
    for (const [centre, sigma, mu] of known.summits) {
      assert.ok(Math.abs(uphill(bumps, centre, sigma, WINDOW) - mu) < 2e-3);
    }
    for (const sigma of expected.climbed) {
      const ours = uphill(bumps, start, sigma, WINDOW);
      assert.ok(Math.abs(ours - climb(bumps, start, sigma, false).at(-1)[1]) < 5e-3);
    }
  });
}

test("nothing is uphill outside the window", () => {
  const far = [{ height: 1, width: 3, centre: 9 }];
  assert.equal(uphill(far, 0, 1, WINDOW), null);
});

test("a path keeps its ends when it is sampled again", () => {
  const path = [[0, 1, 0.25], [1, 2, 0.25], [4, 2, 0]];
  const points = resample(path, 9, 41);
  assert.deepEqual(points[0], { time: 0, mu: 1, sigma: 0.5 });
  const last = points.at(-1);
  assert.ok(Math.abs(last.time - 9) < 1e-12);
  assert.deepEqual([last.mu, last.sigma], [2, 0]);
  const half = resample(path, 1, 3)[1];
  assert.ok(Math.abs(half.mu - (1 + half.time)) < 1e-12);
});
