// Slow numbers: all of the latest request, in order, and no turn longer than it may be.

import assert from "node:assert/strict";
import test from "node:test";

import { background, createQueue } from "../parts/background.js";

/** A queue on a clock by which every number takes a millisecond; turns run when `step` is called. */
function setUp({ turn = 3, kept = 0 } = {}) {
  let time = 0;
  const turns = [];
  const told = [];
  const value = (request, i) => {
    time += 1;
    return request.scale * i;
  };
  const start = createQueue(value, {
    ...{ turn, kept, now: () => time },
    later: (run) => turns.push(run),
    tell: (request, first, numbers) => told.push([request.scale, first, [...numbers]]),
  });
  return { start, told, turns, step: () => turns.shift()() };
}

test("numbers come in order and in turns, and then there is no further turn", () => {
  const { start, told, turns, step } = setUp();
  start({ scale: 10, first: 2, count: 9 });
  assert.equal(told.length, 0);
  while (turns.length) step();
  assert.deepEqual(told, [[10, 2, [20, 30, 40]], [10, 5, [50, 60, 70]], [10, 8, [80]]]);
});

test("a new request takes the place of the last one, and takes no second turn", () => {
  const { start, told, turns, step } = setUp();
  start({ scale: 1, first: 0, count: 100 });
  step();
  start({ scale: 2, first: 0, count: 4 });
  assert.equal(turns.length, 1);
  while (turns.length) step();
  assert.deepEqual(told, [[1, 0, [0, 1, 2]], [2, 0, [0, 2, 4]], [2, 3, [6]]]);
});

test("nothing and an empty request stop the work", () => {
  for (const last of [null, { scale: 2, first: 7, count: 7 }]) {
    const { start, told, turns, step } = setUp();
    start({ scale: 1, first: 0, count: 100 });
    start(last);
    while (turns.length) step();
    assert.deepEqual(told, []);
    start({ scale: 3, first: 0, count: 1 });
    step();
    assert.deepEqual(told, [[3, 0, [0]]]);
  }
});

test("reports come at once, then less and less often, and leave nothing out", () => {
  const { start, told, turns, step } = setUp({ turn: 2, kept: 12 });
  start({ scale: 1, first: 0, count: 60 });
  while (turns.length) step();
  const sizes = told.map(([, , numbers]) => numbers.length);
  assert.deepEqual(sizes.slice(0, 4), [2, 2, 6, 12]);
  assert.ok(Math.max(...sizes) <= 12);
  assert.deepEqual(told.flatMap(([, , numbers]) => numbers), [...Array(60).keys()]);
});

test("a still picture has all numbers at once", () => {
  const found = [];
  const slowly = background("nowhere", ({ scale }, i) => scale * i);
  const ask = slowly({ still: true }, () => {}, (number, i) => found.push([i, number]));
  ask({ scale: 3, first: 1, count: 4 });
  assert.deepEqual(found, [[1, 3], [2, 6], [3, 9]]);
});

test("where there is no worker the page does the work between frames", () => {
  const frames = new Map();
  let number = 0;
  globalThis.requestAnimationFrame = (run) => {
    frames.set((number += 1), run);
    return number;
  };
  globalThis.cancelAnimationFrame = (frame) => frames.delete(frame);
  const stop = new AbortController();
  const found = [];
  const slowly = background("nowhere", ({ scale }, i) => scale * i);
  const ask = slowly({ signal: stop.signal }, () => {}, (one) => found.push(one));
  ask({ scale: 2, first: 0, count: 50 });
  for (let turn = 0; turn < 100 && frames.size; turn += 1) {
    const [frame, run] = frames.entries().next().value;
    frames.delete(frame);
    run();
  }
  assert.deepEqual(found, Array.from({ length: 50 }, (_, i) => 2 * i));
  ask({ scale: 5, first: 0, count: 50 });
  stop.abort();
  for (const run of frames.values()) run();
  assert.equal(found.length, 50);
  delete globalThis.requestAnimationFrame;
  delete globalThis.cancelAnimationFrame;
});
