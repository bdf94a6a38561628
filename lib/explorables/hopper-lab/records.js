// What did Python send? Policies, and what each of them did without noise, by hopper and epoch.

import { text } from "../parts/state.js";

const [PARAMETERS, POSITIONS, ACCOUNTS] = [224, 6, 101];
const REST = { poses: () => [[0, 1.25, 0, 0, 0, 0]], returns: () => [], fell: () => null };

/** What `mollify.hopper_lab.lab` gives, to be read by hopper k and epoch. */
export function createRecords(lab) {
  if (!lab) return { sigmas: [0.005, 0.05, 0.5, 5], epochs: [], bytes: 0, ...REST };
  const nth = (values, size, k, epoch) => {
    const from = (k * lab.epochs.length + lab.epochs.indexOf(epoch)) * size;
    return values.subarray(from, from + size);
  };
  return {
    ...lab,
    theta: (...at) => nth(lab.thetas, PARAMETERS, ...at),
    returns: (...at) => nth(lab.returns, ACCOUNTS, ...at),
    poses(...at) {
      const all = nth(lab.poses, POSITIONS * lab.poseAt.length, ...at);
      return lab.poseAt.map((_, i) => all.slice(POSITIONS * i, POSITIONS * (i + 1)));
    },
    fell(...at) {
      const [second] = nth(lab.fell, 1, ...at);
      return second < 0 ? null : second;
    },
  };
}

export const number = (value) => text({ digits: value > -99.95 ? 1 : 0 }, value);
export const fate = (second) => (second === null ? "stands" : `fell at ${text({}, second)} s`);
