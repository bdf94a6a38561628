// How do kernels of one standard deviation differ: in shape, in transform, in what they make of g?
//
// Every kernel has the standard deviation 1 here:
//   density    y -> its density over that at y = 0
//   transform  k -> the share of a wave cos(kx) that it leaves
//   fisher     its Fisher information: at any width, variance times Fisher information

import { LANDSCAPES } from "./landscapes.js";

const { abs, cos, exp, log, max, PI, sin, sinh, sqrt, tanh } = Math;

const sinc = (z) => (abs(z) < 1e-4 ? 1 - (z * z) / 6 : sin(z) / z);
// 3 (sin z - z cos z) / z^3, whose terms cancel near 0.
const parabolic = (z) =>
  abs(z) < 0.1 ? 1 - (z * z) / 10 + z ** 4 / 280 : (3 * (sinc(z) - cos(z))) / (z * z);

/** The bump exp(-1/(1 - y^2)) of Definition D.5, by sums that converge as its transform falls. */
function bumpKernel() {
  const nodes = Array.from({ length: 160 }, (_, i) => i / 160);
  const shape = (y) => (abs(y) < 1 ? exp(1 - 1 / (1 - y * y)) : 0);
  const weights = nodes.map((y) => (y === 0 ? 0.5 : shape(y)));
  const total = weights.reduce((sum, one) => sum + one);
  const mean = (f) => nodes.reduce((sum, y, i) => sum + weights[i] * f(y), 0) / total;
  const reach = 1 / sqrt(mean((y) => y * y));
  return {
    label: "bump",
    density: (y) => shape(y / reach),
    // Farther out the transform is below 1e-10, and the sum repeats itself.
    transform: (k) => (abs(k * reach) > 400 ? 0 : mean((y) => cos(k * reach * y))),
    fisher: mean((y) => ((2 * y) / (1 - y * y) ** 2) ** 2) / reach ** 2,
  };
}

export const KERNELS = {
  gaussian: {
    label: "Gaussian",
    density: (y) => exp((-y * y) / 2),
    transform: (k) => exp((-k * k) / 2),
    fisher: 1,
  },
  laplace: {
    label: "Laplace",
    density: (y) => exp(-sqrt(2) * abs(y)),
    transform: (k) => 1 / (1 + (k * k) / 2),
    fisher: 2,
  },
  logistic: {
    label: "logistic",
    density: (y) => 1 - tanh((PI * y) / sqrt(12)) ** 2,
    transform: (k) => (abs(k) < 1e-6 ? 1 : (sqrt(3) * k) / sinh(sqrt(3) * k)),
    fisher: PI ** 2 / 9,
  },
  student: {
    label: "Student t, 5 degrees",
    density: (y) => (1 + (y * y) / 3) ** -3,
    transform(k) {
      const z = sqrt(3) * abs(k);
      return exp(-z) * (1 + z + (z * z) / 3);
    },
    fisher: 1.25,
  },
  bump: bumpKernel(),
  epanechnikov: {
    label: "Epanechnikov",
    density: (y) => max(0, 1 - (y * y) / 5),
    transform: (k) => parabolic(sqrt(5) * k),
    fisher: Infinity,
  },
  triangle: {
    label: "triangle",
    density: (y) => max(0, 1 - abs(y) / sqrt(6)),
    transform: (k) => sinc(sqrt(1.5) * k) ** 2,
    fisher: Infinity,
  },
  box: {
    label: "box",
    density: (y) => (abs(y) <= sqrt(3) ? 1 : 0),
    transform: (k) => sinc(sqrt(3) * k),
    fisher: Infinity,
  },
};

/** The root of the Fisher information of a kernel with standard deviation sigma. */
export const bandwidth = ({ fisher }, sigma) => sqrt(fisher) / sigma;

// The hills repeat after this length, far outside every picture; their waves end at HIGHEST.
const PERIOD = 16 * PI;
const HIGHEST = 16;
const { g } = LANDSCAPES.hills;

/** The landscape as waves [k, a, b], a cos(kx) + b sin(kx): the hills' and the ripples'. */
const WAVES = [
  [0, g.transform(0)[0] / PERIOD, 0],
  ...Array.from({ length: (HIGHEST * PERIOD) / (2 * PI) }, (_, i) => {
    const k = ((i + 1) * 2 * PI) / PERIOD;
    const [re, im] = g.transform(k);
    return [k, (2 * re) / PERIOD, (-2 * im) / PERIOD];
  }),
  ...g.waves.map(([k, amplitude]) => [k, amplitude, 0]),
];

/** g on the grid, and a function (kernel, sigma, u, slope) that fills g * kernel and its slope. */
export function landscape(grid) {
  const values = new Float64Array(grid.length);
  g.flow(grid)(0, values, new Float64Array(grid.length));
  const cosines = WAVES.map(([k]) => grid.map((x) => cos(k * x)));
  const sines = WAVES.map(([k]) => grid.map((x) => sin(k * x)));
  function mollify({ transform }, sigma, u, slope) {
    u.fill(0);
    slope.fill(0);
    WAVES.forEach(([k, a, b], n) => {
      const share = transform(k * sigma);
      if (abs(share) * (abs(a) + abs(b)) * max(1, k) < 1e-10) return;
      const [even, odd, c, s] = [share * a, share * b, cosines[n], sines[n]];
      for (let i = 0; i < grid.length; i += 1) {
        u[i] += even * c[i] + odd * s[i];
        slope[i] += k * (odd * c[i] - even * s[i]);
      }
    });
  }
  return { values, mollify };
}

/** Root mean squares on the grid: of u - g, the distance, and of the slope, the roughness. */
export function tradeOff(values, u, slope) {
  let [far, steep] = [0, 0];
  for (let i = 0; i < u.length; i += 1) {
    far += (u[i] - values[i]) ** 2;
    steep += slope[i] ** 2;
  }
  return [sqrt(far / u.length), sqrt(steep / u.length)];
}

/** y at x on the line through points [x, y] with rising x, all on logarithmic scales. */
export function interpolate(points, x) {
  const next = points.findIndex(([one]) => one > x);
  const i = next < 0 ? points.length - 1 : max(next, 1);
  const [[x0, y0], [x1, y1]] = [points[i - 1], points[i]];
  return y0 * (y1 / y0) ** (log(x / x0) / log(x1 / x0));
}
