// Running heat back agrees with `mollify.backward`.

import assert from "node:assert/strict";
import test from "node:test";

import { bestBand, each, growth, MOST, past, pastError, SIZE } from "../numerics/backwards.js";
import { linspace } from "../numerics/spacing.js";
import { fixtures } from "./fixtures.js";

const expected = fixtures("backwards");
const grid = Float64Array.from(expected.grid);
const largest = (values) => values.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
const near = (ours, theirs, share) => Math.abs(ours - theirs) <= share * Math.abs(theirs);

expected.cases.forEach(([sigma, delta, band], i) => {
  test(`from 0.3 to ${sigma}, error ${delta}, waves up to ${band}`, () => {
    const { values, error } = expected.pasts[i];
    const ours = new Float64Array(grid.length);
    past(grid)(sigma, delta, band, ours);
    // Rounding of the data, 1e-16, grows as the error does.
    const off = ours.map((value, n) => value - values[n]);
    assert.ok(largest(off) < 1e-9 * largest(values), `${largest(off)} of ${largest(values)}`);
    assert.ok(near(pastError(sigma, delta, band), error, 1e-6));
  });
});

test("sizes of the landscape and of the error", () => {
  // The highest waves of the landscape lie beyond the grid in Python.
  assert.ok(near(SIZE, expected.size, 1e-2));
  assert.ok(near(each(1) * Math.sqrt(MOST / 2), expected.error, 1e-12));
});

test("the band that can be resolved", () => {
  assert.ok(near(1e-3 * growth(expected.highest, 0.1), 1, 1e-12));
});

test("no band is better than the best", () => {
  for (const sigma of [0.02, 0.1, 0.25]) {
    for (const delta of [1e-1, 1e-4, 1e-7]) {
      const { band, error } = bestBand(sigma, delta);
      assert.ok(near(error, pastError(sigma, delta, band), 1e-12));
      for (const other of linspace(0, 60, 61)) {
        assert.ok(pastError(sigma, delta, other) >= error * (1 - 1e-12));
      }
    }
  }
});
