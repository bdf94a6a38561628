// The shared parts: colours, state, data from Python, layout.

import assert from "node:assert/strict";
import test from "node:test";

import { LANDSCAPE_COLORS, sigmaColor } from "../parts/colors.js";
import { decode } from "../parts/data.js";
import { columns } from "../parts/figure.js";
import { rgba } from "../parts/raster.js";
import { accept, at, clamp, fraction, parse, step, text, write } from "../parts/state.js";
import { fixtures } from "./fixtures.js";

const expected = fixtures("parts");
const schema = {
  sigma: { value: 0.3, min: 0.01, max: 3, log: true },
  mu: { value: 0.4, min: -2, max: 2, step: 0.05 },
  place: { value: "hills", among: { hills: "two hills", "far-away": "far away" } },
  noisy: { value: false },
};

test("sigma has the colour it has in the printed figures", () => {
  expected.sigmas.forEach((sigma, i) => {
    const ours = sigmaColor(sigma).match(/\d+/g).map(Number);
    const off = ours.map((value, j) => Math.abs(value - expected.sigmaColors[i][j]));
    assert.ok(Math.max(...off) <= 3, `${sigma}: ${ours} for ${expected.sigmaColors[i]}`);
  });
});

test("landscapes have the colours they have in the printed figures", () => {
  expected.landscapeColors.forEach((color, i) => {
    const off = color.map((value, j) => Math.abs(value - LANDSCAPE_COLORS[4 * i + j]));
    assert.ok(Math.max(...off) <= 4, `${i}: off by ${off}`);
  });
  const bytes = rgba([-5, 0, 1, 9], 0, 1);
  assert.deepEqual([...bytes.slice(0, 8)], [...LANDSCAPE_COLORS.slice(0, 4), ...bytes.slice(0, 4)]);
  assert.deepEqual([...bytes.slice(8, 12)], [...LANDSCAPE_COLORS.slice(-4)]);
  assert.deepEqual(bytes.slice(8, 12), bytes.slice(12, 16));
});

test("arrays from Python arrive with their type and shape", () => {
  const { arrays } = decode(expected.packed);
  const kinds = [Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Uint8Array];
  arrays.forEach((array, i) => {
    assert.ok(array instanceof kinds[i]);
    assert.deepEqual(array.shape, [2, 3]);
    assert.deepEqual([...array], expected.numbers.flat());
  });
  assert.deepEqual(decode({ a: [1, null, "b"], c: true }), { a: [1, null, "b"], c: true });
});

test("an address gives what the schema allows and names the rest", () => {
  const { values, ignored } = parse(
    schema,
    "sigma=0.5,mu=7,place=far-away,noisy=true,__proto__=1,sigma2=1,mu=,place=constructor",
  );
  assert.deepEqual(values, { sigma: 0.5, place: "far-away", noisy: true });
  assert.deepEqual(ignored, ["mu=7", "__proto__=1", "sigma2=1", "mu=", "place=constructor"]);
  assert.deepEqual(parse(schema, ""), { values: {}, ignored: [] });
});

test("what is written is read again", () => {
  const values = { sigma: 0.021, mu: -1.5, place: "far-away", noisy: true };
  assert.deepEqual(parse(schema, write(schema, values)).values, values);
  assert.equal(write(schema, { sigma: 0.3, mu: 0.4, place: "hills", noisy: false }), "");
});

test("numbers that are none are refused", () => {
  for (const value of [NaN, Infinity, "", " ", "0x", null, undefined, [1], true, 3.1]) {
    assert.equal(accept(schema.sigma, value), undefined, String(value));
  }
  assert.equal(accept(schema.sigma, "3e-1"), 0.3);
  assert.equal(accept(schema.noisy, "yes"), undefined);
});

test("a slider covers its range, and a key moves it everywhere", () => {
  for (const entry of [schema.sigma, schema.mu]) {
    assert.equal(at(entry, 0), entry.min);
    assert.equal(at(entry, 1), entry.max);
    for (const part of [0, 0.2, 0.5, 0.9]) {
      const value = at(entry, part);
      assert.ok(Math.abs(fraction(entry, value) - part) < 0.005);
      assert.ok(step(entry, value, 1) > value);
    }
    assert.equal(step(entry, entry.max, 1), entry.max);
    assert.equal(step(entry, entry.min, -1), entry.min);
    assert.equal(clamp(entry, Infinity), entry.max);
  }
});

test("numbers are printed to the digits of their scale", () => {
  assert.equal(text(schema.sigma, 0.3), "0.300");
  assert.equal(text(schema.sigma, 0.0123), "0.0123");
  assert.equal(text(schema.sigma, 2), "2.00");
  assert.equal(text(schema.mu, -1.5), "\u22121.50");
  const noise = { ...schema.sigma, least: "none" };
  assert.equal(text(noise, noise.min), "none");
  assert.equal(text(noise, 2), "2.00");
});

test("columns stand beside each other, their panels below each other", () => {
  const { height, boxes } = columns(100, [[0.6, { a: 20, b: 30 }], [0.4, { c: 40 }]]);
  assert.equal(height, 50);
  assert.deepEqual(boxes.b, { x: 0, y: 20, width: 60, height: 30 });
  assert.deepEqual(boxes.c, { x: 60, y: 0, width: 40, height: 40 });
});
