// What does noise of size sigma make of a landscape? Choose one and drag sigma: the mollified
// landscape, its slope, its waves and its highest point follow.

import { scaleLinear, scaleLog, scaleSymlog } from "d3-scale";
import { area, line } from "d3-shape";

import { amplitude, highest, LANDSCAPES, lowPass, peaks } from "./numerics/landscapes.js";
import { geomspace, linspace } from "./numerics/spacing.js";
import { paint, sigmaColor } from "./parts/colors.js";
import { explorable } from "./parts/explorable.js";
import { columns } from "./parts/figure.js";
import { text } from "./parts/state.js";

const [LEFT, RIGHT] = [-6, 5];
const [LEAST, MOST] = [0.01, 3];
const GRID = linspace(LEFT, RIGHT, 1401);
// Every point of the grid, every second one, ...: a smooth curve needs few.
const POINTS = [1, 2, 4, 8].map((every) => [...GRID.keys()].filter((i) => i % every === 0));
const COARSE = Float64Array.from(POINTS[1], (i) => GRID[i]);
const SIGMAS = geomspace(LEAST, MOST, 90);
const WAVES = geomspace(0.1, 300, 240);
const FAINTEST = 1e-3;
const BELL = linspace(-3.5, 3.5, 71);
const BELL_HEIGHT = 0.34;
const TANGENT = 24;
// The end of the bell's width that is in sight.
const edgeOf = (mu, sigma) => (mu + sigma <= RIGHT ? mu + sigma : mu - sigma);

const state = {
  landscape: {
    value: "hills",
    among: Object.fromEntries(Object.entries(LANDSCAPES).map(([key, { label }]) => [key, label])),
  },
  sigma: { value: 0.3, min: LEAST, max: MOST, log: true },
  mu: { value: 0.4, min: LEFT, max: RIGHT, step: 0.05 },
};

/** Everything about a landscape that does not change with sigma and mu. */
function study({ g }) {
  const values = new Float64Array(GRID.length);
  const [u, slope] = [new Float64Array(GRID.length), new Float64Array(GRID.length)];
  const flow = g.flow(GRID);
  flow(0, values, slope);
  const coarse = g.flow(COARSE);
  const [rough, tilt] = [new Float64Array(COARSE.length), new Float64Array(COARSE.length)];
  const tops = Array.from(SIGMAS, (sigma) => {
    coarse(sigma ** 2, rough, tilt);
    return highest(COARSE, rough, tilt);
  });
  flow(LEAST ** 2, u, slope);
  const steepest = slope.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const waves = Array.from(WAVES, (k) => amplitude(g, k));
  return { g, flow, values, tops, steepest, low, high, waves };
}

function build(view) {
  view.choice("landscape", "Landscape");
  view.slider("sigma", "Noise \u03c3");
  const across = () => scaleLinear([LEFT, RIGHT], [0, 1]);
  const returns = view.panel("return", {
    x: across(),
    y: scaleLinear(),
    title: "Return: landscape g (grey), average u (colour)",
    xTitle: "mean action \u03bc",
  });
  const top = view.panel("top", {
    x: across(),
    y: scaleLog([LEAST, MOST], [1, 0]),
    title: "Highest point of u, for every \u03c3",
    xTitle: "mean action \u03bc",
    yTicks: [0.01, 0.1, 1],
    yFormat: String,
  });
  const waves = view.panel("waves", {
    x: scaleLog([WAVES[0], WAVES.at(-1)], [0, 1]),
    y: scaleLog([FAINTEST, 2], [1, 0]).clamp(true),
    title: "Waves of g, and what is left of them",
    xTitle: "wave number k",
    xTicks: [0.1, 1, 10, 100],
    xFormat: String,
    yTicks: [0.001, 0.01, 0.1, 1],
    yFormat: String,
  });
  const slopes = view.panel("slope", {
    x: across(),
    y: scaleSymlog().constant(0.5),
    title: "Slope of u: the policy gradient",
    xTitle: "mean action \u03bc",
    yTicks: ([, most]) => (most > 10 ? [-10, 0, 10] : [-1, 0, 1]),
    yFormat: (value) => text({ digits: 0 }, value),
  });

  const path = (panel, look) => panel.marks.append("path").attr("class", look);
  const landscape = path(returns, "ex-thin");
  const bell = path(returns, "ex-soft");
  const mollified = path(returns, "ex-thick");
  const ruler = returns.marks.append("line").attr("class", "ex-tangent");
  const point = returns.above.append("circle").attr("r", 5);
  const edge = returns.above.append("circle").attr("class", "ex-open").attr("r", 5);
  const crown = returns.above.append("path").attr("d", "M0,-5l5,-8h-10z");
  const track = top.marks.append("g");
  const level = top.marks.append("line").attr("class", "ex-hair");
  const summit = top.above.append("circle").attr("r", 5);
  const spectrum = path(waves, "ex-thin");
  const kept = path(waves, "ex-soft");
  const lines = waves.marks.append("path").attr("class", "ex-thin");
  const left = path(waves, "ex-thick");
  const incline = path(slopes, "ex-thick");
  const flat = slopes.marks.append("line").attr("class", "ex-hair");
  const here = slopes.above.append("circle").attr("r", 5);

  view.area(returns, { axis: "x", drag: ([x]) => ({ mu: x }) });
  view.area(top, { axis: "y", drag: ([, y]) => ({ sigma: y }) });
  view.area(waves, { axis: "x", drag: ([x]) => ({ sigma: 1 / x }) });
  view.area(slopes, { axis: "x", drag: ([x]) => ({ mu: x }) });

  const [u, slope] = [new Float64Array(GRID.length), new Float64Array(GRID.length)];
  const nearest = (mu) => Math.round(((mu - LEFT) / (RIGHT - LEFT)) * (GRID.length - 1));
  const curve = (panel, values, points = POINTS[0]) =>
    line((i) => panel.x(GRID[i]), (i) => panel.y(values[i])).digits(1)(points);
  let chosen = "";
  let known = null;
  let size = 0;

  const bellAt = (z) => returns.height * (1 - BELL_HEIGHT * Math.exp((-z * z) / 2));
  view.handle(returns, {
    label: "Mean of the policy",
    keys: { x: "mu" },
    wide: true,
    at: ({ mu }) => [mu, u[nearest(mu)]],
    drag: ([x]) => ({ mu: x }),
  });
  view.handle(returns, {
    label: "Spread of the policy",
    keys: { x: "sigma" },
    wide: true,
    at: ({ mu, sigma }) => [edgeOf(mu, sigma), returns.y.invert(bellAt(1))],
    drag: ([x], { mu }) => ({ sigma: Math.abs(x - mu) }),
  });

  /** What changes with the landscape or the size of the figure only. */
  function drawLandscape(name) {
    if (name !== chosen) known = study(LANDSCAPES[name]);
    const { values, low, high, tops, steepest } = known;
    const room = (high - low) * 0.12;
    returns.y.domain([low - room, high + room]);
    slopes.y.domain([-1.1 * Math.max(steepest, 1), 1.1 * Math.max(steepest, 1)]);
    returns.axes();
    slopes.axes();
    landscape.attr("d", curve(returns, values));
    flat.attr("x2", slopes.width).attr("y1", slopes.y(0)).attr("y2", slopes.y(0));
    const pieces = tops.slice(1).map((x, i) => [tops[i], x, SIGMAS[i], SIGMAS[i + 1]]);
    paint(
      track
        .selectAll("line")
        .data(pieces)
        .join("line")
        .attr("class", ([from, to]) => (Math.abs(to - from) > 0.4 ? "ex-jump" : "ex-thick"))
        .attr("x1", ([from]) => top.x(from).toFixed(1))
        .attr("x2", ([, to]) => top.x(to).toFixed(1))
        .attr("y1", ([, , sigma]) => top.y(sigma).toFixed(1))
        .attr("y2", ([, , , sigma]) => top.y(sigma).toFixed(1)),
      "stroke",
      ([, , sigma]) => sigmaColor(sigma),
    );
    const shown = WAVES.map((k, i) => (known.waves[i] > FAINTEST ? known.waves[i] : NaN));
    const wave = line((_, i) => waves.x(WAVES[i]), (value) => waves.y(value));
    spectrum.attr("d", wave.defined((value) => value > 0).digits(1)(shown));
    lines.attr("d", stems(known.g.waves));
    [chosen, size] = [name, returns.width];
  }

  const stems = (pairs) =>
    pairs
      .filter(([, height]) => height > FAINTEST)
      .map(([k, height]) => `M${waves.x(k).toFixed(1)},${waves.height}V${waves.y(height).toFixed(1)}`)
      .join("");

  return function draw({ landscape: name, sigma, mu }) {
    if (name !== chosen || size !== returns.width) drawLandscape(name);
    known.flow(sigma ** 2, u, slope);
    const color = sigmaColor(sigma);
    const points = POINTS[sigma < 0.05 ? 0 : sigma < 0.1 ? 1 : sigma < 0.2 ? 2 : 3];
    const i = nearest(mu);
    const summitAt = highest(GRID, u, slope);
    const inside = summitAt > LEFT + 0.02 && summitAt < RIGHT - 0.02;

    paint(mollified.attr("d", curve(returns, u, points)), "stroke", color);
    const outline = area((z) => returns.x(mu + z * sigma), returns.height, bellAt).digits(1);
    paint(bell.attr("d", outline(BELL)), "fill", color);
    paint(point.attr("cx", returns.x(mu)).attr("cy", returns.y(u[i])), "fill", color);
    paint(edge.attr("cx", returns.x(edgeOf(mu, sigma))).attr("cy", bellAt(1)), "stroke", color);
    const [dx, dy] = [returns.x(1) - returns.x(0), slope[i] * (returns.y(1) - returns.y(0))];
    const reach = TANGENT / Math.hypot(dx, dy);
    ruler
      .attr("x1", returns.x(mu) - reach * dx)
      .attr("x2", returns.x(mu) + reach * dx)
      .attr("y1", returns.y(u[i]) - reach * dy)
      .attr("y2", returns.y(u[i]) + reach * dy);
    paint(crown, "fill", color)
      .attr("visibility", inside ? null : "hidden")
      .attr("transform", `translate(${returns.x(summitAt)},${returns.y(u[nearest(summitAt)])})`);
    level.attr("x2", top.width).attr("y1", top.y(sigma)).attr("y2", top.y(sigma));
    paint(summit.attr("cx", top.x(summitAt)).attr("cy", top.y(sigma)), "fill", color);
    const passed = area((_, n) => waves.x(WAVES[n]), waves.height, (value) => waves.y(value));
    const faded = WAVES.map((k, n) => Math.max(known.waves[n] * lowPass(k, sigma), FAINTEST));
    paint(kept.attr("d", passed.digits(1)(faded)), "fill", color);
    const remaining = known.g.waves.map(([k, size]) => [k, size * lowPass(k, sigma)]);
    paint(left.attr("d", stems(remaining)), "stroke", color);
    paint(incline.attr("d", curve(slopes, slope, points)), "stroke", color);
    paint(here.attr("cx", slopes.x(mu)).attr("cy", slopes.y(slope[i])), "fill", color);

    const number = (value) => text({ digits: 2 }, value);
    const count = peaks(slope);
    const summits = inside ? `the highest at ${number(summitAt)}` : "highest at the edge";
    view.say(
      `At \u03c3 = ${text(state.sigma, sigma)}, u has ${count} ${count === 1 ? "peak" : "peaks"} here, ` +
        `${summits}. A wave of length ${text({ log: true }, (2 * Math.PI * sigma) / 1.177)} keeps half its height. ` +
        `At \u03bc = ${number(mu)}, g is ${number(known.values[i])}, u is ${number(u[i])}, its slope ${number(slope[i])}.`,
    );
  };
}

export default explorable({
  name: "mollify-it",
  state,
  build,
  layout: (width) =>
    width < 560
      ? columns(width, [[1, { return: 240, top: 170, slope: 160, waves: 190 }]])
      : columns(width, [[0.58, { return: 260, top: 180 }], [0.42, { waves: 260, slope: 180 }]]),
  finding: ({ landscape, sigma }) =>
    `Four linked drawings of ${LANDSCAPES[landscape].label} under noise of size ${sigma}: the ` +
    "landscape with its mollified version, the highest point for every size of the noise, the " +
    "waves that the noise leaves, and the slope. Noise removes short waves and keeps long ones.",
});
