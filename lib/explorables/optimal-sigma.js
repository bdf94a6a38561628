// Where is sigma*? Signal and noise of the policy gradient on a rough landscape, their ratio over
// sigma, and how its top moves with roughness, basin, batch and dimension.

import { scaleLinear, scaleLog } from "d3-scale";
import { area, line } from "d3-shape";

import {
  BASINS,
  batchFor,
  enough,
  goodRange,
  noise,
  ratio,
  roughMoments,
  roughWaves,
} from "./numerics/optimal-sigma.js";
import { geomspace, linspace } from "./numerics/spacing.js";
import { paint, sigmaColor } from "./parts/colors.js";
import { explorable } from "./parts/explorable.js";
import { columns } from "./parts/figure.js";
import { text } from "./parts/state.js";

const RANGE = [0.004, 6];
const SIGMAS = geomspace(...RANGE, 91);
const DIMENSIONS = geomspace(1, 128, 30);
const GRID = linspace(-4, 4, 401);
const COARSE = GRID.filter((_, i) => i % 5 === 0);
const BELL = linspace(-3.5, 3.5, 57);
const BELL_HEIGHT = 0.3;
// Roughness wider than the basin would move its top; the law is not about that.
const WAVES = roughWaves(geomspace(4, 150, 30));
const TABLE = WAVES.table(GRID);
const ROUGHNESS = 0.7;
const HELD = 0.012;

const state = {
  basin: {
    value: "hill",
    among: Object.fromEntries(Object.entries(BASINS).map(([key, { label }]) => [key, label])),
  },
  alpha: { value: 0.5, min: 0.1, max: 0.9, digits: 3 },
  width: { value: 1, min: 0.3, max: 3, log: true },
  batch: { value: 16, min: 2, max: 512, step: 4, digits: 0 },
  dimension: { value: 8, min: 1, max: 128, step: 1, digits: 0 },
};

const number = (value) => text({ digits: 2, log: true }, value);
// Below every axis, but no logarithm of 0.
const seen = (value) => Math.max(value, 1e-9);

function build(view) {
  const sign = (arrow) => (view.still ? "" : `${arrow} `);
  view.choice("basin", "Basin");
  view.slider("alpha", "Roughness exponent \u03b1");
  const noises = () => scaleLog(RANGE, [0, 1]);
  const xTicks = [0.01, 0.1, 1];
  const plain = { xFormat: String, yFormat: String };
  const shown = view.panel("ratio", {
    x: noises(),
    y: scaleLog([0.003, 5], [1, 0]),
    title: "Signal to noise of the gradient",
    xTitle: "noise of the policy \u03c3",
    yTicks: [0.01, 0.1, 1, 10],
    xTicks,
    ...plain,
  });
  const parts = view.panel("parts", {
    x: noises(),
    y: scaleLog([0.03, 300], [1, 0]),
    title: "Its signal, its noise, and what no batch removes",
    xTitle: "noise of the policy \u03c3",
    yTicks: [0.1, 1, 10, 100],
    xTicks,
    ...plain,
  });
  const cut = view.panel("cut", {
    x: scaleLinear([-4, 4], [0, 1]),
    y: scaleLinear([-1.9, 2.3], [1, 0]),
    title: "A cut through the landscape",
    xTitle: "action",
    yTicks: [-1, 0, 1, 2],
  });
  const dims = view.panel("dims", {
    x: scaleLog([0.9, 140], [0, 1]),
    y: scaleLog(RANGE, [1, 0]),
    title: "\u03c3* for every dimension",
    xTitle: "dimension m",
    xTicks: [1, 2, 4, 8, 16, 32, 64, 128],
    yTicks: xTicks,
    ...plain,
  });

  const path = (panel, look) => panel.marks.append("path").attr("class", look);
  const tag = (panel, anchor, look = "") =>
    panel.above.append("text").attr("text-anchor", anchor).attr("class", look);
  const good = path(shown, "ex-soft");
  const hairs = [shown, parts].map((panel) => panel.marks.append("line").attr("class", "ex-hair"));
  const curve = shown.marks.append("g");
  tag(shown, "start", "ex-quiet").attr("x", 6).attr("y", 14).text("\u2190 roughness drowns it");
  const dies = tag(shown, "end", "ex-quiet").attr("y", 14).text("signal dies \u2192");
  const top = shown.above.append("circle").attr("r", 6);
  const best = tag(shown, "middle");
  const floor = path(parts, "ex-thin").attr("stroke-dasharray", "2 3");
  const gap = parts.marks.append("line").attr("style", "stroke-width:5");
  const signal = path(parts, "ex-tangent").attr("fill", "none");
  const error = path(parts, "ex-tangent").attr("fill", "none").attr("stroke-dasharray", "6 4");
  const knob = parts.above.append("circle").attr("class", "ex-tangent ex-open").attr("r", 5);
  const name = tag(parts, "start").text("signal");
  const held = tag(parts, "start");
  const rough = path(cut, "ex-thin");
  const smooth = path(cut, "ex-tangent").attr("fill", "none");
  const bell = path(cut, "ex-soft");
  const policy = cut.above.append("circle").attr("r", 5);
  const law = dims.marks.append("g");
  const here = dims.above.append("circle").attr("r", 6);
  const many = tag(dims, "middle");

  const modelOf = (values) => ({ ...values, roughness: ROUGHNESS });
  const bestOf = (model) => BASINS[model.basin].best(model);
  const reached = (sigma, values) => ({ width: (sigma * values.width) / bestOf(values) });
  view.area(shown, { axis: "x", drag: ([sigma]) => reached(sigma, view.values()) });
  view.area(dims, { axis: "x", drag: ([m]) => ({ dimension: m }) });
  view.handle(shown, {
    label: "Best noise: width of the basin",
    keys: { x: "width" },
    wide: true,
    at: (values) => [bestOf(values), ratio(modelOf(values), bestOf(values))],
    drag: ([sigma], values) => reached(sigma, values),
  });
  view.handle(parts, {
    label: "Noise of the gradient: batch",
    keys: { y: "batch" },
    at: (values) => [HELD, noise(modelOf(values), HELD)],
    drag: ([, size], values) => ({ batch: Math.min(batchFor(modelOf(values), HELD, size), 512) }),
  });
  view.handle(dims, {
    label: "Dimension",
    keys: { x: "dimension" },
    wide: true,
    at: (values) => [values.dimension, bestOf(values)],
    drag: ([m]) => ({ dimension: m }),
  });

  /** A curve in pieces, each in the colour of its sigma. */
  function pieces(group, panel, points) {
    const runs = [];
    points.slice(1).forEach((to, i) => {
      const shade = Math.round(4 * Math.log(to.sigma));
      if (runs.at(-1)?.shade === shade) runs.at(-1).points.push(to);
      else runs.push({ shade, sigma: to.sigma, points: [points[i], to] });
    });
    const made = group.selectAll("path").data(runs).join("path").attr("class", "ex-thick");
    const trace = line((one) => panel.x(one.x), (one) => panel.y(one.y)).digits(1);
    paint(made.attr("d", (run) => trace(run.points)), "stroke", ({ sigma }) => sigmaColor(sigma));
  }
  const over = (panel, value) =>
    line((sigma) => panel.x(sigma), (sigma) => panel.y(seen(value(sigma)))).digits(1)(SIGMAS);

  let landscape = "";
  function drawCut({ basin, alpha, width }, color, sigma) {
    const { cut: shape } = BASINS[basin];
    const key = [basin, alpha, width, cut.width].join();
    if (key !== landscape) {
      const height = (x) => shape({ width }, x);
      smooth.attr("d", line((x) => cut.x(x), (x) => cut.y(height(x))).digits(1)(COARSE));
      const values = GRID.map(height);
      WAVES.amplitudes(alpha).forEach((amplitude, j) => {
        for (let i = 0; i < GRID.length; i += 1) values[i] += ROUGHNESS * amplitude * TABLE[j][i];
      });
      rough.attr("d", line((_, i) => cut.x(GRID[i]), (value) => cut.y(value)).digits(1)(values));
      landscape = key;
    }
    const rim = (z) => cut.height * (1 - BELL_HEIGHT * Math.exp((-z * z) / 2));
    const outline = area((z) => cut.x(z * sigma), cut.height, rim);
    paint(bell.attr("d", outline.digits(1)(BELL)), "fill", color);
    paint(policy.attr("cx", cut.x(0)).attr("cy", cut.y(shape({ width }, 0))), "fill", color);
  }

  return function draw(values) {
    const model = modelOf(values);
    const { signal: slope, best: bestIn } = BASINS[model.basin];
    const sigma = bestOf(model);
    const color = sigmaColor(sigma);
    const height = ratio(model, sigma);
    const [low, high] = goodRange(model);
    const [x, y] = [shown.x(sigma), shown.y(height)];

    const points = Array.from(SIGMAS, (one) => ({ x: one, y: seen(ratio(model, one)), sigma: one }));
    pieces(curve, shown, points);
    const wide = geomspace(Math.max(low, RANGE[0]), Math.min(high, RANGE[1]), 41);
    const under = area((one) => shown.x(one), shown.height, (one) => shown.y(ratio(model, one)));
    paint(good.attr("d", under.digits(1)(wide)), "fill", color);
    paint(top.attr("cx", x).attr("cy", y), "fill", color);
    const inside = Math.min(Math.max(x, 42), shown.width - 42);
    best.attr("x", inside).attr("y", y - 13).text(`${sign("\u2194")}\u03c3* = ${number(sigma)}`);
    dies.attr("x", shown.width - 6);
    for (const hair of hairs) hair.attr("x1", x).attr("x2", x).attr("y2", shown.height);
    hairs[0].attr("y1", y);

    const bottom = (one) => Math.sqrt(roughMoments(model, one).field);
    signal.attr("d", over(parts, (one) => slope(model, one)));
    error.attr("d", over(parts, (one) => noise(model, one)));
    floor.attr("d", over(parts, bottom));
    gap.attr("x1", x).attr("x2", x).attr("y1", parts.y(slope(model, sigma)));
    paint(gap.attr("y2", parts.y(noise(model, sigma))), "stroke", color);
    const from = parts.y(noise(model, HELD));
    knob.attr("cx", parts.x(HELD)).attr("cy", from);
    name.attr("x", 6).attr("y", parts.y(slope(model, RANGE[0])) + 15);
    held.attr("x", parts.x(HELD) + 11).attr("y", from - 5);
    held.text(`${sign("\u2195")}noise of ${model.batch} samples`);

    drawCut(model, color, sigma);
    const bests = Array.from(DIMENSIONS, (dimension) => {
      const one = bestIn({ ...model, dimension });
      return { x: dimension, y: one, sigma: one };
    });
    pieces(law, dims, bests);
    many.attr("x", Math.min(Math.max(dims.x(model.dimension), 24), dims.width - 24));
    many.attr("y", dims.y(sigma) - 12).text(`${sign("\u2194")}m = ${model.dimension}`);
    paint(here.attr("cx", dims.x(model.dimension)).attr("cy", dims.y(sigma)), "fill", color);

    const between = low < RANGE[0] ? "below" : `from ${number(low)} to`;
    view.say(
      `\u03c3* = ${number(sigma)}, where signal to noise is ${number(height)}; it is more than half of ` +
        `that for \u03c3 ${between} ${number(high)}. Basin ${number(model.width)} wide, dimension ` +
        `${model.dimension}. ` +
        `Batch ${model.batch}: a larger one lifts the curve and never moves its top; beyond ` +
        `${Math.round(enough(model))} samples by a factor 1.4 at most.`,
    );
  };
}

export default explorable({
  name: "optimal-sigma",
  state,
  build,
  layout: (width) =>
    width < 560
      ? columns(width, [[1, { ratio: 230, cut: 180, parts: 200, dims: 180 }]])
      : columns(width, [[0.56, { ratio: 250, parts: 220 }], [0.44, { cut: 250, dims: 220 }]]),
  finding: ({ basin, alpha, dimension, width }) =>
    `Signal-to-noise ratio of the policy gradient over sigma, for ${BASINS[basin].label}, with ` +
    `roughness exponent ${alpha}, width ${width} and dimension ${dimension}: it rises while the ` +
    "roughness fades and falls when the signal dies, with a broad top between.",
});
