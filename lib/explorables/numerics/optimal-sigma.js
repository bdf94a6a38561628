// How large are signal and noise of a policy gradient on a basin with roughness, and where is their
// ratio largest?
//
// The counterpart of `mollify.signal_noise`: leave-one-out baseline, roughness with
// E|R(x) - R(y)|^2 = K^2 |x - y|^(2 alpha). What the basin itself adds to the noise is left out.

const { cos, exp, hypot, log, max, min, PI, sin, sqrt } = Math;

/** log Gamma(x) for x > 0: Stirling's series, after steps up to where it is exact to rounding. */
function logGamma(x) {
  let product = 1;
  for (; x < 12; x += 1) product *= x;
  const z = 1 / (x * x);
  const series = 1 / 12 - z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z / 1188)));
  return (x - 0.5) * log(x) - x + log(2 * PI) / 2 + series / x - log(product);
}

/** C = 2^(2 alpha - 1) Gamma(m/2 + alpha) / Gamma(m/2). */
export const constant = (alpha, m) =>
  2 ** (2 * alpha - 1) * exp(logGamma(m / 2 + alpha) - logGamma(m / 2));

/** B^2 and the sampling trace at sigma: what roughness adds to the mean square error. */
export function roughMoments({ alpha, dimension: m, batch, roughness }, sigma) {
  const c = constant(alpha, m) * roughness ** 2 * sigma ** (2 * alpha - 2);
  return { field: alpha * c, sampling: ((m + alpha) / (batch - 1)) * c };
}

/** The root-mean-square error of the gradient of `batch` samples. */
export function noise(model, sigma) {
  const { field, sampling } = roughMoments(model, sigma);
  return sqrt(field + sampling);
}

/** The batch whose error at sigma is `size`; Infinity if no batch is large enough. */
export function batchFor(model, sigma, size) {
  const { field, sampling } = roughMoments({ ...model, batch: 2 }, sigma);
  return size ** 2 > field ? 1 + sampling / (size ** 2 - field) : Infinity;
}

/** Basins of height 1 by name: their slope |grad S_sigma| at mu, their best sigma, and a cut. */
export const BASINS = {
  hill: {
    label: "a hill, seen from one width away",
    // exp(-|x|^2 / 2 w^2) at distance w from its top.
    signal({ width: w, dimension: m }, sigma) {
      const q = w * w + sigma * sigma;
      return w ** -1 * exp((m / 2 + 1) * log((w * w) / q) - (w * w) / (2 * q));
    },
    best({ width: w, dimension: m, alpha }) {
      const p = 2 - 2 * alpha;
      const a = 2 * (m + 2) - p;
      const half = (m + 1 - p) * w * w;
      return sqrt((p * w ** 4) / (half + hypot(half, sqrt(a * p) * w * w)));
    },
    cut: ({ width: w }, x) => exp(-((x - w) ** 2) / (2 * w * w)),
  },
  waves: {
    label: "waves, at their steepest point",
    // The sum of sin(x_i / w) / sqrt(m) at 0.
    signal: ({ width: w }, sigma) => exp(-((sigma / w) ** 2) / 2) / w,
    best: ({ width: w, alpha }) => w * sqrt(1 - alpha),
    cut: ({ width: w }, x) => sin(x / w),
  },
};

/** The signal-to-noise ratio at sigma. */
export const ratio = (model, sigma) =>
  BASINS[model.basin].signal(model, sigma) / noise(model, sigma);

/** The interval of sigma in which the ratio is more than half its largest value. */
export function goodRange(model) {
  const best = BASINS[model.basin].best(model);
  const half = ratio(model, best) / 2;
  return [1e-4, 1e4].map((factor) => {
    let [inside, outside] = [0, log(factor)];
    for (let i = 0; i < 50; i += 1) {
      const middle = (inside + outside) / 2;
      if (ratio(model, best * exp(middle)) > half) inside = middle;
      else outside = middle;
    }
    return best * exp(inside);
  });
}

/** The batch beyond which the part of the noise that no batch removes is the larger one. */
export const enough = ({ alpha, dimension }) => 1 + (dimension + alpha) / alpha;

/** Random waves that follow the power law between their shortest and their longest one. */
export function roughWaves(wavenumbers) {
  const spacing = log(wavenumbers.at(-1) / wavenumbers[0]) / (wavenumbers.length - 1);
  return {
    /** Amplitudes for K = 1: sum of A^2 (1 - cos kx) is nearly |x|^(2 alpha). */
    amplitudes(alpha) {
      const integral = PI / (2 * exp(logGamma(1 + 2 * alpha)) * sin(PI * alpha));
      return wavenumbers.map((k) => sqrt(spacing / integral) * k ** -alpha);
    },
    /** The waves on a grid, with phases that never repeat. */
    table: (grid) =>
      Array.from(wavenumbers, (k, j) => grid.map((x) => cos(k * x + 2 * PI * ((j * 0.618034) % 1)))),
  };
}
