// Can a kernel be narrow and smooth at once? Choose its shape and drag its width: spread against
// bandwidth, with a limit that nothing passes, and what the kernel makes of a landscape.

import { scaleLinear, scaleLog } from "d3-scale";
import { area, line } from "d3-shape";

import { geomspace, linspace } from "./numerics/spacing.js";
import { bandwidth, interpolate, KERNELS, landscape, tradeOff } from "./numerics/uncertainty.js";
import { paint, sigmaColor } from "./parts/colors.js";
import { explorable } from "./parts/explorable.js";
import { columns } from "./parts/figure.js";
import { text } from "./parts/state.js";

const [LEFT, RIGHT] = [-6.5, 4.5];
const [LEAST, MOST] = [0.03, 3];
const GRID = linspace(LEFT, RIGHT, 1401);
const POINTS = [...GRID.keys()];
const COARSE = linspace(LEFT, RIGHT, 351);
const SIGMAS = geomspace(LEAST, MOST, 20);
const NUMBERS = geomspace(0.1, 100, 200);
const SHAPE = linspace(-4.5, 4.5, 361);
const CENTRE = -1;
const SHAPE_HEIGHT = 0.34;

const FINITE = Object.values(KERNELS).filter(({ fisher }) => Number.isFinite(fisher));

const state = {
  kernel: {
    value: "laplace",
    among: Object.fromEntries(Object.entries(KERNELS).map(([key, { label }]) => [key, label])),
  },
  sigma: { value: 0.3, min: LEAST, max: MOST, log: true },
};

/** Distance and roughness of every kernel at every sigma: { kernel: [[distance, roughness], ...] }. */
function tracks() {
  const { values, mollify } = landscape(COARSE);
  const [u, slope] = [new Float64Array(COARSE.length), new Float64Array(COARSE.length)];
  const measured = (kernel) =>
    Array.from(SIGMAS, (sigma) => {
      mollify(kernel, sigma, u, slope);
      return tradeOff(values, u, slope);
    });
  return Object.fromEntries(Object.entries(KERNELS).map(([key, kernel]) => [key, measured(kernel)]));
}

function build(view) {
  view.choice("kernel", "Kernel");
  view.slider("sigma", "Width σ");
  const { values, mollify } = landscape(GRID);
  const measured = tracks();
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const returns = view.panel("return", {
    x: scaleLinear([LEFT, RIGHT], [0, 1]),
    y: scaleLinear([low - 0.2, high + 0.1], [1, 0]),
    title: "Landscape g (grey), average u (colour), kernel",
    xTitle: "mean action μ",
  });
  const waves = view.panel("waves", {
    x: scaleLog([NUMBERS[0], NUMBERS.at(-1)], [0, 1]),
    y: scaleLinear([-0.3, 1.1], [1, 0]),
    title: "Share of a wave that the kernel leaves",
    xTitle: "wave number k",
    xTicks: [0.1, 1, 10, 100],
    xFormat: String,
    yTicks: [0, 0.5, 1],
  });
  const limit = view.panel("limit", {
    x: scaleLog([LEAST, MOST], [0, 1]),
    y: scaleLog([0.25, 60], [1, 0]),
    title: "Bandwidth against spread: none below the line",
    xTitle: "spread: standard deviation σ",
    xTicks: [0.03, 0.1, 0.3, 1, 3],
    xFormat: String,
    yTicks: [0.3, 1, 3, 10, 30],
    yFormat: String,
  });
  const trade = view.panel("trade", {
    x: scaleLog([0.012, 0.35], [0, 1]),
    y: scaleLog([0.03, 0.8], [1, 0]),
    title: "On this landscape: roughness against distance",
    xTitle: "distance of u to g",
    xTicks: [0.02, 0.05, 0.1, 0.2],
    xFormat: String,
    yTicks: [0.03, 0.1, 0.3],
    yFormat: String,
  });

  const path = (panel, look) => panel.marks.append("path").attr("class", look).attr("fill", "none");
  const note = (panel, words) => panel.above.append("text").attr("class", "ex-quiet").text(words);
  const ground = path(returns, "ex-thin");
  const bell = returns.marks.append("path").attr("class", "ex-soft");
  const mollified = path(returns, "ex-thick");
  const grip = returns.above.append("circle").attr("class", "ex-open").attr("r", 5);
  const gaussian = path(waves, "ex-thin");
  const zero = path(waves, "ex-hair");
  const shares = path(waves, "ex-thick");
  const forbidden = limit.marks.append("path").attr("class", "ex-quiet ex-soft");
  const border = path(limit, "ex-tangent");
  const impossible = ["impossible", "only the Gaussian lies on the line"].map((one) => note(limit, one));
  const others = limit.marks.append("g");
  const own = limit.marks.append("g");
  const point = limit.above.append("path");
  const product = note(limit, "").attr("text-anchor", "end");
  const all = trade.marks.append("g");
  const track = trade.marks.append("g");
  const rivals = trade.marks.append("g");
  const here = trade.above.append("circle").attr("r", 5);
  const [rough, far] = [note(trade, "faithful, rough"), note(trade, "smooth, far off")];

  view.area(returns, { axis: "x", drag: ([x]) => ({ sigma: Math.abs(x - CENTRE) }) });
  view.area(waves, { axis: "x", drag: ([x]) => ({ sigma: 1 / x }) });
  view.area(limit, { axis: "x", drag: ([x]) => ({ sigma: x }) });
  view.area(trade, {
    axis: "x",
    drag: ([x], { kernel }) => ({
      sigma: interpolate(measured[kernel].map(([distance], i) => [distance, SIGMAS[i]]), x),
    }),
  });
  const shapeAt = (kernel, y) => returns.height * (1 - SHAPE_HEIGHT * kernel.density(y));
  view.handle(returns, {
    label: "Width of the kernel",
    keys: { x: "sigma" },
    wide: true,
    at: ({ kernel, sigma }) => [CENTRE + sigma, returns.y.invert(shapeAt(KERNELS[kernel], 1))],
    drag: ([x]) => ({ sigma: Math.abs(x - CENTRE) }),
  });

  const [u, slope] = [new Float64Array(GRID.length), new Float64Array(GRID.length)];
  const curve = (f) => line((i) => returns.x(GRID[i]), (i) => returns.y(f[i])).digits(1)(POINTS);
  const passed = ({ transform }, sigma) =>
    line((k) => waves.x(k), (k) => waves.y(transform(k * sigma))).digits(1)(NUMBERS);
  /** Distance and roughness at any sigma, between those that were measured. */
  const between = (key, sigma) =>
    [0, 1].map((n) => interpolate(measured[key].map((pair, i) => [SIGMAS[i], pair[n]]), sigma));
  const hyperbola = (kernel) =>
    line((sigma) => limit.x(sigma), (sigma) => limit.y(bandwidth(kernel, sigma)))
      .defined(() => Number.isFinite(kernel.fisher))
      .digits(1);
  const curves = (group, data, shape) =>
    group.selectAll("path").data(data).join("path").attr("class", "ex-thin").attr("d", shape);
  /** A curve over all sigma in pieces, each in the colour of its sigma; shape(i) draws the ith. */
  const colored = (group, shape) => {
    const pieces = group.selectAll("path").data([...SIGMAS.keys()].slice(1));
    const drawn = pieces.join("path").attr("class", "ex-thick").attr("d", (i) => shape(i - 1));
    paint(drawn, "stroke", (i) => sigmaColor(SIGMAS[i]));
  };
  let known = "";

  /** What changes with the kernel or the size of the figure only. */
  function drawKernel(key) {
    ground.attr("d", curve(values));
    zero.attr("d", `M0,${waves.y(0)}H${waves.width}`);
    const bound = hyperbola(KERNELS.gaussian)(SIGMAS);
    border.attr("d", bound);
    forbidden.attr("d", `${bound}V${limit.height}H0Z`);
    curves(others, FINITE, (one) => hyperbola(one)(SIGMAS));
    colored(own, (i) => hyperbola(KERNELS[key])(SIGMAS.slice(i, i + 2)));
    impossible.forEach((one, i) => one.attr("x", 8).attr("y", limit.height - 26 + 17 * i));
    rough.attr("x", 4).attr("y", 14);
    far.attr("x", trade.width - 4).attr("y", trade.height - 8).attr("text-anchor", "end");
    const route = line(([x]) => trade.x(x), ([, y]) => trade.y(y)).digits(1);
    curves(all, Object.values(measured), route);
    colored(track, (i) => route(measured[key].slice(i, i + 2)));
    known = `${key} ${returns.width}`;
  }

  return function draw({ kernel: key, sigma }) {
    if (known !== `${key} ${returns.width}`) drawKernel(key);
    const kernel = KERNELS[key];
    const color = sigmaColor(sigma);
    mollify(kernel, sigma, u, slope);
    const [distance, roughness] = tradeOff(values, u, slope);

    paint(mollified.attr("d", curve(u)), "stroke", color);
    const outline = area((y) => returns.x(CENTRE + y * sigma), returns.height, (y) => shapeAt(kernel, y));
    paint(bell.attr("d", outline.digits(1)(SHAPE)), "fill", color);
    paint(grip.attr("cx", returns.x(CENTRE + sigma)).attr("cy", shapeAt(kernel, 1)), "stroke", color);
    gaussian.attr("d", passed(KERNELS.gaussian, sigma));
    paint(shares.attr("d", passed(kernel, sigma)), "stroke", color);

    const wide = bandwidth(kernel, sigma);
    const y = Number.isFinite(wide) ? limit.y(wide) : 12;
    const mark = Number.isFinite(wide) ? "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0" : "M0,-8l6,11h-12z";
    paint(point.attr("d", mark).attr("transform", `translate(${limit.x(sigma)},${y})`), "fill", color);
    const times = Number.isFinite(wide) ? text({}, kernel.fisher) : "∞";
    product.attr("x", limit.width - 4).attr("y", 36).text(`variance × Fisher = ${times}`);
    rivals
      .selectAll("circle")
      .data(Object.keys(KERNELS).map((one) => between(one, sigma)))
      .join("circle")
      .attr("class", "ex-thin")
      .attr("r", 3)
      .attr("cx", ([x]) => trade.x(x))
      .attr("cy", ([, y]) => trade.y(y));
    paint(here.attr("cx", trade.x(distance)).attr("cy", trade.y(roughness)), "fill", color);

    const number = (value) => text({ log: true }, value);
    const cost = Number.isFinite(wide)
      ? `the bandwidth ${number(wide)}, ${number(wide * sigma)} times the least for this spread`
      : "an infinite bandwidth, because of its edges";
    view.say(
      `The ${kernel.label} kernel with spread ${number(sigma)} has ${cost}. On this landscape its ` +
        `average is ${number(distance)} away from g, with a roughness of ${number(roughness)}.`,
    );
  };
}

export default explorable({
  name: "uncertainty",
  state,
  build,
  layout: (width) =>
    width < 560
      ? columns(width, [[1, { return: 240, limit: 210, trade: 210, waves: 170 }]])
      : columns(width, [[0.54, { return: 260, waves: 180 }], [0.46, { limit: 220, trade: 220 }]]),
  finding: ({ kernel, sigma }) =>
    `Four linked drawings of the ${KERNELS[kernel].label} kernel of width ${sigma}: the landscape ` +
    "and its average, the waves that the kernel leaves, its bandwidth against its spread, with a " +
    "line that only the Gaussian reaches, and the roughness of the average against its distance.",
});
