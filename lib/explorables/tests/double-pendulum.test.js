// The pendulum agrees with `mollify.systems.neural_pendulum`, and a picture comes coarse first.

import assert from "node:assert/strict";
import test from "node:test";

import { fly, HORIZON, jointsOf, LENGTH } from "../numerics/double-pendulum.js";
import { createGrid, createMosaic } from "../numerics/mosaic.js";
import { DIRECTIONS, POLICY, policyAt } from "../numerics/random-policy.js";
import { distance, fixtures } from "./fixtures.js";

const expected = fixtures("double-pendulum");

test("the network and its plane are those of the experiments", () => {
  assert.ok(distance(POLICY, expected.theta) < 1e-15);
  DIRECTIONS.forEach((one, i) => assert.ok(distance(one, expected.directions[i]) < 1e-12));
  expected.places.forEach(([x, y], k) => {
    assert.ok(distance(policyAt(x, y), expected.thetas[k]) < 1e-12);
  });
});

for (const links of [2, 1]) {
  const { returns, states } = expected.flights[links];
  test(`flights with ${links === 2 ? "two links" : "one link"}`, () => {
    expected.thetas.forEach((theta, k) => {
      const ours = new Float64Array(4 * (HORIZON + 1));
      const total = fly(Float64Array.from(theta), { links, states: ours });
      const shown = states[k].flat();
      // Rounding of 1e-16 grows a thousand to a billion times in a flight of the double pendulum.
      assert.ok(distance(ours.subarray(0, shown.length), shown) < 1e-7, `states of ${k}`);
      assert.ok(Math.abs(total / returns[k] - 1) < 1e-5, `return of ${k}`);
    });
  });
}

test("the integrator is no cause of roughness: four steps in the place of one show the same", () => {
  const line = (substeps, half) =>
    Array.from({ length: 41 }, (_, k) => fly(policyAt(half * (k / 20 - 1), 0), { substeps }));
  const walk = (values) =>
    values.slice(1).reduce((sum, value, i) => sum + Math.abs(value - values[i]), 0);
  for (const half of [0.1, 1e-3]) {
    const [one, four] = [1, 4].map((substeps) => line(substeps, half));
    assert.ok(walk(one) > 100);
    assert.ok(Math.abs(walk(one) / walk(four) - 1) < 0.02, `${walk(one)}, ${walk(four)}`);
  }
});

test("the landscape is rough from afar and smooth from near", () => {
  // Share of the walk along a line that leads nowhere: 0 for a straight line.
  const detour = (half, links) => {
    const values = Array.from({ length: 65 }, (_, k) =>
      fly(policyAt(-0.046 + half * (k / 32 - 1), -0.022), { links }),
    );
    const steps = values.slice(1).map((value, i) => Math.abs(value - values[i]));
    const span = Math.max(...values) - Math.min(...values);
    return steps.reduce((sum, one) => sum + one, 0) / span;
  };
  assert.ok(detour(0.05, 2) > 3);
  assert.ok(detour(1e-8, 2) < 2);
  assert.ok(detour(0.05, 1) < 2);
});

test("a neighbour a millionth away parts; one beside a single pendulum does not", () => {
  const tips = (x, links) => {
    const states = new Float64Array(4 * (HORIZON + 1));
    fly(policyAt(x, -0.022), { links, states });
    return Array.from({ length: HORIZON + 1 }, (_, t) => jointsOf(states, t)[2]);
  };
  const farthest = (links) => {
    const [one, other] = [tips(-0.046, links), tips(-0.046 + 1e-6, links)];
    return Math.max(...one.map(([a, b], t) => Math.hypot(a - other[t][0], b - other[t][1])));
  };
  assert.ok(farthest(2) > 1);
  assert.ok(farthest(1) < 1e-3);
});

test("joints: straight up, and the elbow bent", () => {
  assert.deepEqual(jointsOf(new Float64Array(4), 0), [[0, 0], [0, LENGTH], [0, 2 * LENGTH]]);
  const [, elbow, tip] = jointsOf(Float64Array.of(0, Math.PI / 2, 0, 0), 0);
  assert.ok(distance([...elbow, ...tip], [0, LENGTH, LENGTH, LENGTH]) < 1e-15);
});

const SIDE = 32;
const slope = (x, y) => x + 10 * y;
const places = [...Array(SIDE).keys()].map((k) => (2 * k + 1) / SIDE - 1);
const grid = createGrid(SIDE, SIDE, 16);
const VIEWS = [[0, 0, 1], [0.2, -0.1, 0.3], [0, 0, 2], [5, 5, 1]];

function add(mosaic, { order, place }, view, count) {
  const until = Math.min(mosaic.next + count, order.length);
  while (mosaic.next < until) mosaic.put(slope(...place(view, mosaic.next)));
}

test("a picture is finished to the value of every pixel, whatever was seen before", () => {
  const mosaic = createMosaic(grid);
  for (const view of VIEWS) {
    const [x, y, half] = view;
    mosaic.look(view);
    add(mosaic, grid, view, Infinity);
    const whole = places.flatMap((v) => places.map((u) => slope(x + half * u, y - half * v)));
    assert.ok(distance(mosaic.values, whole) < 1e-14);
  }
});

test("so is a line, of any number of pixels", () => {
  const row = createGrid(45, 1, 16);
  const mosaic = createMosaic(row);
  for (const view of VIEWS) {
    mosaic.look(view);
    add(mosaic, row, view, Infinity);
    const whole = Array.from({ length: 45 }, (_, k) =>
      slope(view[0] + view[2] * ((2 * k + 1) / 45 - 1), view[1]),
    );
    assert.ok(distance(mosaic.values, whole) < 1e-14);
  }
});

test("a picture is covered by its coarse values first, and by the last view's after a zoom", () => {
  const mosaic = createMosaic(grid);
  mosaic.look([0, 0, 1]);
  add(mosaic, grid, [0, 0, 1], 4);
  assert.ok(mosaic.values.every((value) => !Number.isNaN(value)));
  assert.ok(new Set(mosaic.values).size === 4);
  add(mosaic, grid, [0, 0, 1], Infinity);
  assert.equal(mosaic.next, SIDE * SIDE);
  mosaic.look([0, 0, 0.5]);
  assert.equal(mosaic.next, 0);
  const near = places.flatMap((v) => places.map((u) => slope(0.5 * u, -0.5 * v)));
  assert.ok(near.every((value, i) => Math.abs(value - mosaic.values[i]) < 11 / SIDE));
  const before = mosaic.values.slice();
  mosaic.look([0, 0, 0.5]);
  assert.deepEqual(mosaic.values, before);
  mosaic.forget();
  assert.ok(mosaic.values.every((value) => Number.isNaN(value)));
});
