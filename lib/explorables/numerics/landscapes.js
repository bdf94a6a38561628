// Which landscapes on the line have a closed-form heat flow and spectrum?
//
// The counterpart of `mollify.objectives`. Every landscape has
//   flow(grid)  a function (t, u, slope) that fills u(x, t) and its derivative in x on the grid,
//               t = sigma^2 >= 0 (at t = 0 only u, the landscape itself; slope is not touched)
//   waves       [[wave number, amplitude], ...] of its lines
//   transform   k -> [re, im] of the integral of g(x) exp(-ikx), away from the lines and k = 0

import erf from "@stdlib/math-base-special-erf";
import erfc from "@stdlib/math-base-special-erfc";

const { abs, cos, exp, max, PI, sin, sqrt } = Math;
const NOTHING = () => [0, 0];
const normal = (y, t) => exp((-y * y) / (2 * t)) / sqrt(2 * PI * t);
// A transform times exp(-ikc): the same shape, moved to c.
const moved = (re, im, k, c) => [re * cos(k * c) + im * sin(k * c), im * cos(k * c) - re * sin(k * c)];

/** A landscape computed point by point from g(y), u(y, t) and u'(y, t), y = x - location. */
function pointwise(location, value, mollified, derivative, transform) {
  const flow = (grid) => (t, u, slope) => {
    for (let i = 0; i < grid.length; i += 1) {
      const y = grid[i] - location;
      u[i] = t > 0 ? mollified(y, t) : value(y);
      if (t > 0) slope[i] = derivative(y, t);
    }
  };
  return { flow, waves: [], transform: (k) => moved(...transform(k), k, location) };
}

/** 0 left of the location, height right of it. */
export const step = ({ height = 1, location = 0 } = {}) =>
  pointwise(
    location,
    (y) => (y > 0 ? height : y < 0 ? 0 : height / 2),
    (y, t) => (height / 2) * erfc(-y / sqrt(2 * t)),
    (y, t) => height * normal(y, t),
    (k) => [0, -height / k],
  );

/** slope |x - location|. */
export const absolute = ({ slope = 1, location = 0 } = {}) =>
  pointwise(
    location,
    (y) => slope * abs(y),
    (y, t) => slope * (y * erf(y / sqrt(2 * t)) + 2 * t * normal(y, t)),
    (y, t) => slope * erf(y / sqrt(2 * t)),
    (k) => [(-2 * slope) / (k * k), 0],
  );

// exp(s^2/2 - s z) erfc((s - z)/sqrt 2); the first factor overflows beyond s = 37.
const flank = (s, z) => exp(s * (s / 2 - z)) * erfc((s - z) / Math.SQRT2);

/** height exp(-|x - location| / width), for sigma up to 30 widths. */
export const spike = ({ height = 1, width = 1, location = 0 } = {}) => {
  const part = (y, t) => (height / 2) * flank(sqrt(t) / width, y / sqrt(t));
  return pointwise(
    location,
    (y) => height * exp(-abs(y) / width),
    (y, t) => part(y, t) + part(-y, t),
    (y, t) => (part(-y, t) - part(y, t)) / width,
    (k) => [(2 * height * width) / (1 + (width * k) ** 2), 0],
  );
};

/** height exp(-(x - centre)^2 / (2 width^2)). */
export const bump = ({ height, width, centre }) => {
  const at = (y, t) => {
    const spread = width * width + t;
    return height * (width / sqrt(spread)) * exp((-y * y) / (2 * spread));
  };
  return pointwise(
    centre,
    (y) => at(y, 0),
    at,
    (y, t) => (-y / (width * width + t)) * at(y, t),
    (k) => [height * width * sqrt(2 * PI) * exp(-((width * k) ** 2) / 2), 0],
  );
};

/** The sum of amplitude cos(k x) over waves [k, amplitude], by tables of sines and cosines. */
export const series = (waves) => ({
  waves,
  transform: NOTHING,
  flow(grid) {
    const cosines = waves.map(([k]) => grid.map((x) => cos(k * x)));
    const sines = waves.map(([k]) => grid.map((x) => sin(k * x)));
    return (t, u, slope) => {
      u.fill(0);
      slope.fill(0);
      waves.forEach(([k, amplitude], n) => {
        const faded = amplitude * exp((-k * k * t) / 2);
        // A wave below one part in 10^18 of the landscape changes no digit of the sum.
        if (abs(faded) * max(1, k) < 1e-18) return;
        for (let i = 0; i < grid.length; i += 1) {
          u[i] += faded * cosines[n][i];
          slope[i] -= k * faded * sines[n][i];
        }
      });
    };
  },
});

export const weierstrass = ({ decay = 0.5, ratio = 3, terms = 28 } = {}) =>
  series(Array.from({ length: terms }, (_, n) => [ratio ** n, decay ** n]));

/** A weighted sum: the heat flow is linear. */
export const sum = (parts, weights = parts.map(() => 1)) => ({
  waves: parts.flatMap((part, n) => part.waves.map(([k, amplitude]) => [k, weights[n] * amplitude])),
  transform: (k) =>
    parts.reduce(
      ([re, im], part, n) => {
        const [r, i] = part.transform(k);
        return [re + weights[n] * r, im + weights[n] * i];
      },
      [0, 0],
    ),
  flow(grid) {
    const flows = parts.map((part) => part.flow(grid));
    const [one, two] = [new Float64Array(grid.length), new Float64Array(grid.length)];
    return (t, u, slope) => {
      u.fill(0);
      slope.fill(0);
      flows.forEach((flow, n) => {
        flow(t, one, two);
        for (let i = 0; i < grid.length; i += 1) {
          u[i] += weights[n] * one[i];
          slope[i] += weights[n] * two[i];
        }
      });
    };
  },
});

/** The landscapes a reader can choose, by the word that stands in an address. */
export const LANDSCAPES = {
  hills: {
    label: "hills with ripples",
    g: sum(
      [
        bump({ height: 1, width: 0.45, centre: 1.5 }),
        bump({ height: 0.75, width: 2.2, centre: -3.5 }),
        weierstrass({ decay: 0.55, ratio: 3, terms: 20 }),
      ],
      [1, 1, 0.1],
    ),
  },
  cliff: {
    label: "a hill that ends in a cliff",
    g: sum([
      bump({ height: 1, width: 2.5, centre: 2 }),
      step({ height: -1.6, location: 1.2 }),
    ]),
  },
  spike: {
    label: "a spike beside a hill",
    g: sum([
      spike({ height: 1, width: 0.15, location: 2 }),
      bump({ height: 0.6, width: 1.6, centre: -2.5 }),
    ]),
  },
  bumps: {
    label: "two bumps",
    g: sum([
      bump({ height: 1, width: 1, centre: 2 }),
      bump({ height: 0.5, width: 0.3, centre: -1 }),
    ]),
  },
  fractal: { label: "a Weierstrass function", g: weierstrass({ decay: 0.5, ratio: 3, terms: 28 }) },
  step: { label: "a step", g: step() },
  tent: { label: "a tent, \u2212|x|", g: absolute({ slope: -1 }) },
  cosine: { label: "a cosine", g: series([[1, 1]]) },
};

/** The amplitude of the waves near k per unit of log k, for the part of g that is no line. */
export const amplitude = (g, k) => (k / PI) * Math.hypot(...g.transform(k));

/** The share of a wave that noise of this size leaves: exp(-k^2 sigma^2 / 2). */
export const lowPass = (k, sigma) => exp(-((k * sigma) ** 2) / 2);

/**
 * Where u is largest on the grid, refined by the zero of the slope beside it.
 *
 * Of points that differ by rounding alone it takes the last: a step that rises until the digits
 * end is highest at the right end.
 */
export function highest(grid, u, slope) {
  const most = u.reduce((a, b) => max(a, b), -Infinity);
  const best = u.findLastIndex((value) => value >= most - 1e-13 * (1 + abs(most)));
  const other = slope[best] > 0 ? best + 1 : best - 1;
  if (other < 0 || other >= u.length || slope[best] * slope[other] >= 0) return grid[best];
  return grid[best] + ((grid[other] - grid[best]) * slope[best]) / (slope[best] - slope[other]);
}

/** How often the slope turns from up to down on the grid: the number of peaks. */
export function peaks(slope) {
  let count = 0;
  let rising = false;
  for (const one of slope) {
    if (one < 0 && rising) count += 1;
    if (one !== 0) rising = one > 0;
  }
  return count;
}
