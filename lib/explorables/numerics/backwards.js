// What comes out when slightly wrong data are run back through the heat equation?
//
// The counterpart of `mollify.backward` with its spectral cut-off, wave by wave: on a period of
// length 2 pi the landscape and the error are sums of waves of whole numbers.

import { weierstrass } from "./landscapes.js";

const { cos, exp, PI, sqrt } = Math;
const GOLDEN = (sqrt(5) - 1) / 2;

/** The data are taken at this size of the noise; the waves of the error go up to MOST. */
export const START = 0.3;
export const MOST = 48;

export const landscape = weierstrass({ decay: 0.7, ratio: 2, terms: 16 });

/** The root mean square of a sum of waves with these amplitudes. */
const size = (amplitudes) => sqrt(amplitudes.reduce((sum, one) => sum + (one * one) / 2, 0));

export const SIZE = size(landscape.waves.map(([, amplitude]) => amplitude));

/** The amplitude of every wave of an error whose root mean square is delta. */
export const each = (delta) => delta * sqrt(2 / MOST);

/** Squares times the golden ratio spread the phases of the error evenly, without a pattern. */
export const phase = (k) => 2 * PI * ((k * k * GOLDEN) % 1);

const AMPLITUDES = new Map(landscape.waves);
const amplitude = (k) => AMPLITUDES.get(k) ?? 0;

/** By how much a wave grows on the way back from START to sigma. */
export const growth = (k, sigma) => exp((k * k * (START ** 2 - sigma ** 2)) / 2);

/** The amplitude of a wave [k, amplitude] of the landscape under noise of size sigma. */
export const left = ([k, amplitude], sigma) => amplitude * exp(-((k * sigma) ** 2) / 2);

/**
 * A function (sigma, delta, band, values) that fills the past at sigma on the grid: the data at
 * START with an error of size delta, run back with the waves up to the band.
 */
export function past(grid) {
  const waves = Array.from({ length: MOST }, (_, i) => {
    const k = i + 1;
    return {
      k,
      height: amplitude(k),
      straight: grid.map((x) => cos(k * x)),
      shifted: grid.map((x) => cos(k * x + phase(k))),
    };
  });
  return (sigma, delta, band, values) => {
    values.fill(0);
    for (const { k, height, straight, shifted } of waves) {
      if (k > band) break;
      const wave = left([k, height], sigma);
      const error = each(delta) * growth(k, sigma);
      for (let i = 0; i < grid.length; i += 1) values[i] += wave * straight[i] + error * shifted[i];
    }
  };
}

/** The root mean square of the past's error: what the error has become, and what was dropped. */
export function pastError(sigma, delta, band) {
  const dropped = landscape.waves.filter(([k]) => k > band).map((wave) => left(wave, sigma));
  const kept = Math.min(Math.floor(band), MOST);
  const grown = Array.from({ length: kept }, (_, i) => each(delta) * growth(i + 1, sigma));
  return size([...dropped, ...grown]);
}

/** The band with the smallest error, and that error. */
export function bestBand(sigma, delta) {
  const kept = [0];
  for (let k = 1; k <= MOST; k += 1) kept.push(kept[k - 1] + (each(delta) * growth(k, sigma)) ** 2);
  // From the top down, so that no small sum is the difference of large ones.
  let dropped = 2 * pastError(sigma, 0, MOST) ** 2;
  let best = { band: MOST, sum: Infinity };
  for (let k = MOST; k >= 0; k -= 1) {
    if (kept[k] + dropped < best.sum) best = { band: k, sum: kept[k] + dropped };
    dropped += left([k, amplitude(k)], sigma) ** 2;
  }
  return { band: best.band, error: sqrt(best.sum / 2) };
}
