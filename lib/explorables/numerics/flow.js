// Where does gradient ascent on the heat solution u(mu, sigma^2) of a mixture of bumps end?
//
// A landscape is a list of bumps { height, width, centre }, as `mollify.objectives.Bumps`.

const { abs, exp, max, min, sqrt } = Math;
const TOLERANCE = 1e-6;
const LEVEL = 3e-4;

/** Landscapes for a reader to choose: where ascent starts, and near which saddle it parts. */
export const LANDSCAPES = {
  bumps: {
    label: "a narrow low peak, a wide high one",
    bumps: [
      { height: 1, width: 1, centre: 2 },
      { height: 0.5, width: 0.3, centre: -1 },
    ],
    start: -1,
    saddle: [-0.6, 0.4],
  },
  needle: {
    label: "a high needle, a lower hill",
    bumps: [
      { height: 1, width: 0.1, centre: 0 },
      { height: 0.7, width: 1, centre: 3 },
    ],
    start: 0,
    saddle: [0.4, 0.6],
  },
};

/** u, u_mu and u_t at (mu, t), t = sigma^2 >= 0. */
export function heat(bumps, mu, t) {
  let [u, slope, rate] = [0, 0, 0];
  for (const { height, width, centre } of bumps) {
    const [y, spread] = [mu - centre, width * width + t];
    const part = height * (width / sqrt(spread)) * exp((-y * y) / (2 * spread));
    u += part;
    slope -= (part * y) / spread;
    rate += (part * ((y * y) / spread - 1)) / spread / 2;
  }
  return [u, slope, rate];
}

/** One step of the third-order method of Bogacki and Shampine: the new point and its error. */
function step(field, [x, y], h) {
  const [a, b] = field(x, y);
  const [c, d] = field(x + (h * a) / 2, y + (h * b) / 2);
  const [e, f] = field(x + 0.75 * h * c, y + 0.75 * h * d);
  const next = [x + (h * (2 * a + 3 * c + 4 * e)) / 9, y + (h * (2 * b + 3 * d + 4 * f)) / 9];
  const [p, q] = field(...next);
  const part = (k, l, m, n) => (h * (-5 * k + 6 * l + 8 * m - 9 * n)) / 72;
  return [next, Math.hypot(part(a, c, e, p), part(b, d, f, q))];
}

/** The path of a field from (x, y) as [[time, x, y], ...]; `bend` may move or end a step. */
function integrate(field, start, duration, bend) {
  const path = [[0, ...start]];
  let [time, h] = [0, 1e-3];
  for (let tries = 0; tries < 20_000 && time < duration; tries += 1) {
    const now = path.at(-1).slice(1);
    const [next, error] = step(field, now, h);
    if (error <= TOLERANCE) {
      const { point, share = 1, over = false } = bend(next, now);
      time += share * h;
      path.push([time, ...point]);
      if (over) break;
    }
    h *= min(3, max(0.3, 0.9 * (TOLERANCE / (error + 1e-30)) ** (1 / 3)));
    h = min(h, duration - time);
  }
  return path;
}

/**
 * Gradient ascent in (mu, sigma^2), or in mu alone, as [[time, mu, t], ...].
 *
 * The variance stays at 0 where it would become negative. Ends on a peak, or when time is over.
 */
export function climb(bumps, mu, sigma, learned, duration = 300) {
  const field = (x, t) => {
    const [, slope, rate] = heat(bumps, x, max(t, 0));
    return [slope, learned && (t > 0 || rate > 0) ? rate : 0];
  };
  return integrate(field, [mu, sigma * sigma], duration, ([x, t], [x0, t0]) => {
    if (t < 0) {
      const share = t0 / (t0 - t);
      return { point: [x0 + share * (x - x0), 0], share };
    }
    const [, slope, rate] = heat(bumps, x, t);
    return { point: [x, t], over: abs(slope) < LEVEL && rate < 0 && (t === 0 || !learned) };
  });
}

/** Where the maximum of u(., sigma^2) lies that ascent in mu reaches, or null outside the window. */
export function uphill(bumps, mu, sigma, [low, high], stride = 0.02) {
  const slope = (x) => heat(bumps, x, sigma * sigma)[1];
  const way = stride * (Math.sign(slope(mu)) || 1);
  let [x, before] = [mu, slope(mu)];
  for (; x >= low && x <= high; x += way) {
    const after = slope(x + way);
    if (after * way <= 0) return x + (way * before) / (before - after || 1);
    before = after;
  }
  return null;
}

/** The stationary point of u with noise near a guess, by Newton's method: u_mu = u_t = 0. */
export function saddle(bumps, guess) {
  let [mu, t] = guess;
  for (let i = 0; i < 50; i += 1) {
    const [a, b, d] = hessian(bumps, mu, t);
    const [, slope, rate] = heat(bumps, mu, t);
    const determinant = a * d - b * b;
    mu -= (d * slope - b * rate) / determinant;
    t -= (a * rate - b * slope) / determinant;
  }
  return [mu, t];
}

/** u_mumu, u_mut and u_tt, by central differences. */
function hessian(bumps, mu, t, h = 1e-5) {
  const [, right, up] = heat(bumps, mu + h, t);
  const [, left, down] = heat(bumps, mu - h, t);
  const tt = (heat(bumps, mu, t + h)[2] - heat(bumps, mu, t - h)[2]) / (2 * h);
  return [(right - left) / (2 * h), (up - down) / (2 * h), tt];
}

/**
 * The two paths that ascend into the saddle, followed backwards: they part the starts that end on
 * one peak from those that end on the other. One list of [mu, sigma], from side to side.
 */
export function watershed(bumps, guess, [low, high], most) {
  const corner = saddle(bumps, guess);
  const [a, b, d] = hessian(bumps, ...corner);
  const falling = (a + d) / 2 - Math.hypot((a - d) / 2, b);
  const size = Math.hypot(b, falling - a);
  const into = [b / size, (falling - a) / size];
  const back = (x, t) => {
    const [, slope, rate] = heat(bumps, x, max(t, 0));
    return [-slope, -rate];
  };
  const branch = (sign) =>
    integrate(
      back,
      corner.map((value, i) => value + sign * 1e-4 * into[i]),
      300,
      ([x, t]) => ({ point: [x, t], over: x < low || x > high || t < 0 || t > most ** 2 }),
    ).map(([, x, t]) => [x, sqrt(max(t, 0))]);
  const sides = [branch(-1), branch(1)];
  if (sides[0].at(-1)[0] > sides[1].at(-1)[0]) sides.reverse();
  return { saddle: [corner[0], sqrt(corner[1])], line: [...sides[0].reverse(), ...sides[1]] };
}

/** The standard deviations, upwards, at which starts from mu change from one peak to the other. */
export const thresholds = (line, mu) =>
  line
    .slice(1)
    .map(([x, sigma], i) => [...line[i], x, sigma])
    .filter(([from, , to]) => from <= mu !== to <= mu)
    .map(([from, a, to, b]) => a + ((b - a) * (mu - from)) / (to - from))
    .sort((one, other) => one - other);

/**
 * The peak that learned noise reaches, as { sigma, mu } for starting values from 0 to `top`.
 *
 * Above the last of `edges` lies the side of the wide hill; every threshold changes sides.
 */
export function peaksReached(edges, [narrow, hill], top, count = 40) {
  const bounds = [0, ...edges, top];
  return bounds.slice(1).flatMap((high, i) =>
    Array.from({ length: count }, (_, n) => ({
      sigma: bounds[i] + ((high - bounds[i]) * n) / (count - 1),
      mu: (edges.length - i) % 2 ? narrow : hill,
    })),
  );
}

/** A path as `count` points evenly spaced in log(1 + time), up to time `last`. */
export function resample(path, last, count) {
  let i = 1;
  return Array.from({ length: count }, (_, n) => {
    const time = Math.expm1((Math.log1p(last) * n) / (count - 1));
    while (i < path.length - 1 && path[i][0] < time) i += 1;
    const [from, to] = [path[Math.max(i - 1, 0)], path[Math.min(i, path.length - 1)]];
    const share = to[0] > from[0] ? min(max((time - from[0]) / (to[0] - from[0]), 0), 1) : 1;
    const [mu, t] = [1, 2].map((part) => from[part] + share * (to[part] - from[part]));
    return { time, mu, sigma: sqrt(t) };
  });
}
