// Can the blur of the noise be undone? Run data with an error too small to see back in time: the
// error's short waves grow until they drown the landscape, unless they are cut off.

import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";

import * as heat from "./numerics/backwards.js";
import { geomspace, linspace } from "./numerics/spacing.js";
import { paint, sigmaColor } from "./parts/colors.js";
import { explorable } from "./parts/explorable.js";
import { columns } from "./parts/figure.js";
import { text } from "./parts/state.js";

const { START, MOST, SIZE } = heat;
const LEAST = 0.01;
const GRID = linspace(-Math.PI, Math.PI, 1025);
const POINTS = [...GRID.keys()];
const SIGMAS = geomspace(LEAST, START, 70);
const SOON = linspace(0.25, START, 100);
const NUMBERS = linspace(0, MOST, 97);
const WAVES = heat.landscape.waves.filter(([k]) => k <= MOST);
const [FAINTEST, STRONGEST] = [1e-7, 100];
const POWERS = [1e-6, 1e-4, 0.01, 1, 100];
const [LOW, HIGH] = [-4.5, 4.5];

const state = {
  sigma: { value: 0.1, min: LEAST, max: START, log: true },
  band: { value: 15, min: 1, max: MOST, digits: 1, step: 1 },
  delta: { value: 1e-3, min: 1e-6, max: 0.3, log: true, digits: 2 },
};

const power = (value) => (value >= 0.01 ? String(value) : value.toExponential());
const whole = (value) => text({ digits: 0 }, value);
const number = (value) =>
  value < 1e4 ? text({ log: true, digits: 2 }, value) : value.toExponential(0).replace("e+", " \u00b7 10^");

function build(view) {
  view.slider("sigma", "Run back to σ");
  view.slider("band", "Cut-off k");
  const across = (title, name, more = {}) =>
    view.panel(name, {
      x: scaleLinear([-Math.PI, Math.PI], [0, 1]),
      y: scaleLinear([LOW, HIGH], [1, 0]),
      title,
      xTitle: "x",
      xTicks: [-3, -2, -1, 0, 1, 2, 3],
      xFormat: whole,
      yTicks: [-4, -2, 0, 2, 4],
      yFormat: whole,
      ...more,
    });
  const data = across("Data at σ = 0.3: exact (grey), noisy (colour)", "data", {
    yTicks: [-2, 0, 2],
    xLabels: false,
  });
  data.y.domain([-2, 2.4]);
  data.axes();
  const before = across("Run back: truth (grey), result (colour)", "before");
  const decades = () => scaleLog([FAINTEST, STRONGEST], [1, 0]).clamp(true);
  const waves = view.panel("waves", {
    x: scaleLinear([0, MOST], [0, 1]),
    y: decades(),
    title: "Run back: waves of truth (stems), of error (curve)",
    xTitle: "wave number k",
    xTicks: [0, 8, 16, 24, 32, 40, 48],
    yTicks: POWERS,
    yFormat: power,
  });
  const errors = view.panel("errors", {
    x: scaleLog([LEAST, START], [0, 1]),
    y: decades(),
    title: "Error, run back from 0.3 to every σ",
    xTitle: "← back in time: σ",
    xTicks: [0.01, 0.03, 0.1, 0.3],
    xFormat: String,
    yTicks: POWERS,
    yFormat: power,
  });

  const path = (panel, look) => panel.marks.append("path").attr("class", look).attr("fill", "none");
  const label = (panel, words = "") =>
    panel.above.append("text").attr("class", "ex-quiet").attr("text-anchor", "end").text(words);
  const wrong = path(data, "ex-thick");
  const exact = path(data, "ex-thin");
  const off = label(data);
  const came = path(before, "ex-thick");
  const truth = path(before, "ex-thin");
  const plate = before.above.append("rect").attr("class", "ex-open").attr("fill-opacity", 0.85);
  const offBefore = label(before);
  const dropped = waves.marks.append("rect").attr("class", "ex-quiet ex-soft");
  const floor = path(waves, "ex-hair ex-jump");
  const lost = path(waves, "ex-thin");
  const stems = path(waves, "ex-thick");
  const grown = path(waves, "ex-thin");
  const amplified = path(waves, "ex-tangent");
  const edge = waves.marks.append("line").attr("class", "ex-tangent");
  const grip = waves.above.append("circle").attr("class", "ex-open").attr("r", 5);
  const best = waves.above.append("path").attr("class", "ex-quiet").attr("d", "M0,0l5,8h-10z");
  const bestName = label(waves, "best").attr("text-anchor", null);
  const uncut = path(errors, "ex-thin");
  const least = path(errors, "ex-hair ex-jump");
  const track = errors.marks.append("g");
  const level = path(errors, "ex-hair");
  const here = errors.above.append("circle").attr("r", 5);
  const names = [label(errors, "all waves"), label(errors, "size of g"), label(errors, "best")];

  view.area(waves, { axis: "x", drag: ([x]) => ({ band: x }) });
  view.area(errors, { axis: "x", drag: ([x]) => ({ sigma: x }) });
  view.handle(waves, {
    label: "Cut-off, and error of the data",
    keys: { x: "band", y: "delta" },
    at: ({ band, delta }) => [band, heat.each(delta)],
    drag: ([x, y]) => ({ band: x, delta: y / heat.each(1) }),
  });
  view.handle(errors, {
    label: "Run back to sigma",
    keys: { x: "sigma" },
    wide: true,
    at: ({ sigma, delta, band }) => [sigma, heat.pastError(sigma, delta, band)],
    drag: ([x]) => ({ sigma: x }),
  });

  const [u, exactly, slope] = [0, 0, 0].map(() => new Float64Array(GRID.length));
  const flow = heat.landscape.flow(GRID);
  const run = heat.past(GRID);
  const inside = (value) => Math.min(Math.max(value, 3 * LOW), 3 * HIGH);
  const curve = (panel, values) =>
    line((i) => panel.x(GRID[i]), (i) => panel.y(inside(values[i]))).digits(1)(POINTS);
  const along = (panel, xs, f) => line((x) => panel.x(x), (x) => panel.y(f(x))).digits(1)(xs);
  const drawStems = (kept, sigma) =>
    kept
      .filter((wave) => heat.left(wave, sigma) > FAINTEST)
      .map((wave) => `M${waves.x(wave[0])},${waves.height}V${waves.y(heat.left(wave, sigma)).toFixed(1)}`)
      .join("");

  /** What the error of the data decides alone. */
  function drawData(delta) {
    run(START, delta, MOST, u);
    flow(START ** 2, exactly, slope);
    paint(wrong.attr("d", curve(data, u)), "stroke", sigmaColor(START));
    exact.attr("d", curve(data, exactly));
    off
      .attr("x", data.width - 4)
      .attr("y", data.height - 6)
      .text(`off by ${number(delta)}${delta < 0.02 ? ": too small to see" : ""}`);

    const shown = ([, error]) => error < STRONGEST;
    const curveOf = line(([sigma]) => errors.x(sigma), ([, error]) => errors.y(error)).defined(shown);
    const pairs = (sigmas, f) => Array.from(sigmas, (sigma) => [sigma, f(sigma)]);
    uncut.attr("d", curveOf.digits(1)(pairs(SOON, (sigma) => heat.pastError(sigma, delta, MOST))));
    least.attr("d", curveOf(pairs(SIGMAS, (sigma) => heat.bestBand(sigma, delta).error)));
    level.attr("d", `M0,${errors.y(SIZE)}H${errors.width}`);
    names[0].attr("x", errors.x(0.25)).attr("y", 12);
    names[1].attr("x", errors.x(0.25)).attr("y", errors.y(SIZE) - 5);
    names[2].attr("x", errors.x(0.03)).attr("y", errors.y(heat.bestBand(0.03, delta).error) + 16);
  }

  /** The error at every sigma with the cut-off, as far as it lies in the picture. */
  function drawTrack(delta, band) {
    const found = Array.from(SIGMAS, (sigma) => heat.pastError(sigma, delta, band));
    const pieces = found.slice(1).map((error, i) => [found[i], error, SIGMAS[i], SIGMAS[i + 1]]);
    paint(
      track
        .selectAll("line")
        .data(pieces.filter(([, error]) => error < STRONGEST))
        .join("line")
        .attr("class", "ex-thick")
        .attr("x1", ([, , from]) => errors.x(from).toFixed(1))
        .attr("x2", ([, , , to]) => errors.x(to).toFixed(1))
        .attr("y1", ([error]) => errors.y(error).toFixed(1))
        .attr("y2", ([, error]) => errors.y(error).toFixed(1)),
      "stroke",
      ([, , , sigma]) => sigmaColor(sigma),
    );
  }
  let [known, tracked] = ["", ""];

  return function draw({ sigma, band, delta }) {
    const given = `${delta},${errors.width}`;
    if (given !== known) drawData(delta);
    if (`${given},${band}` !== tracked) drawTrack(delta, band);
    [known, tracked] = [given, `${given},${band}`];
    const color = sigmaColor(sigma);
    run(sigma, delta, band, u);
    flow(sigma ** 2, exactly, slope);
    paint(came.attr("d", curve(before, u)), "stroke", color);
    truth.attr("d", curve(before, exactly));
    const reached = heat.pastError(sigma, delta, band);
    const told = `at σ = ${text(state.sigma, sigma)} off by ${number(reached)}`;
    const [right, bottom] = [before.width - 4, before.height - 6];
    offBefore.attr("x", right).attr("y", bottom).text(told);
    plate.attr("x", right - 6.7 * told.length).attr("y", bottom - 13);
    plate.attr("width", 6.7 * told.length + 4).attr("height", 17);

    const each = heat.each(delta);
    const error = (k) => each * heat.growth(k, sigma);
    const seen = NUMBERS.filter((k) => error(k) < STRONGEST);
    dropped.attr("x", waves.x(band)).attr("width", waves.x(MOST) - waves.x(band));
    dropped.attr("height", waves.height);
    floor.attr("d", `M0,${waves.y(each)}H${waves.width}`);
    paint(stems.attr("d", drawStems(WAVES.filter(([k]) => k <= band), sigma)), "stroke", color);
    lost.attr("d", drawStems(WAVES.filter(([k]) => k > band), sigma));
    grown.attr("d", along(waves, seen, error));
    amplified.attr("d", along(waves, seen.filter((k) => k <= band), error));
    edge.attr("x1", waves.x(band)).attr("x2", waves.x(band)).attr("y2", waves.height);
    grip.attr("cx", waves.x(band)).attr("cy", waves.y(each)).attr("stroke", "currentColor");
    const choice = heat.bestBand(sigma, delta);
    best.attr("transform", `translate(${waves.x(choice.band)},${waves.height})`);
    bestName.attr("x", waves.x(choice.band) + 6).attr("y", waves.height - 5);

    paint(here.attr("cx", errors.x(sigma)).attr("cy", errors.y(reached)), "fill", color);

    view.say(
      `The data at σ = 0.3 are off by ${number(delta)}. Run back to σ = ${text(state.sigma, sigma)} ` +
        `with the waves up to ${Math.floor(band)}, they are off by ${number(reached)}; the landscape ` +
        `itself has the size ${number(SIZE)}. The best cut-off, ${choice.band}, leaves an error of ` +
        `${number(choice.error)}.`,
    );
  };
}

export default explorable({
  name: "backwards",
  state,
  build,
  layout: (width) =>
    width < 560
      ? columns(width, [[1, { data: 130, before: 230, waves: 210, errors: 190 }]])
      : columns(width, [[0.56, { data: 150, before: 290 }], [0.44, { waves: 240, errors: 200 }]]),
  finding: ({ sigma, band, delta }) =>
    `Four linked drawings. Data at sigma 0.3 that are off by ${delta} lie on the exact ones. Run ` +
    `back to sigma ${sigma} with the waves up to ${band}, their error is ` +
    `${heat.pastError(sigma, delta, band).toPrecision(2)}: short waves of the error grow, and a ` +
    "cut-off below them saves what can be saved.",
});
