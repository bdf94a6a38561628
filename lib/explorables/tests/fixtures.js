// The numbers that Python wrote for a test: the folder is in the environment.

import { readFileSync } from "node:fs";
import { join } from "node:path";

export const fixtures = (name) =>
  JSON.parse(readFileSync(join(process.env.EXPLORABLES_FIXTURES, `${name}.json`), "utf8"));

/** The largest distance between two lists of numbers, relative to the larger of 1 and the second. */
export const distance = (ours, theirs) => {
  if (ours.length !== theirs.length) return Infinity;
  return theirs.reduce(
    (most, value, i) => Math.max(most, Math.abs(ours[i] - value) / Math.max(1, Math.abs(value))),
    0,
  );
};
