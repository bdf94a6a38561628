// Which peak does gradient ascent in mean and noise reach? Drop a particle on the average return
// u(mu, sigma^2): fixed sigma is trapped or not, learned sigma falls on one peak of g or on the
// other, parted by a sharp threshold.

import { scaleLinear, scaleSymlog } from "d3-scale";
import { line } from "d3-shape";

import {
  climb,
  heat,
  LANDSCAPES,
  peaksReached,
  resample,
  thresholds,
  uphill,
  watershed,
} from "./numerics/flow.js";
import { linspace } from "./numerics/spacing.js";
import { paint, sigmaColor } from "./parts/colors.js";
import { explorable } from "./parts/explorable.js";
import { columns } from "./parts/figure.js";
import { rgba } from "./parts/raster.js";
import { text } from "./parts/state.js";

const WINDOW = [-2.5, 4.5];
const TOP = 1.7;
const LONGEST = 300;
const GRID = linspace(...WINDOW, 141);
const SIGMAS = linspace(0.02, TOP, 64);
const [COLUMNS, ROWS] = [210, 110];
const [SAMPLES, SECONDS] = [90, 4];
const DASHES = "7 4";
// The map has the same colours in the light and in the dark, and so have the marks on it.
const HALO = "fill:none;stroke:#fff;stroke-opacity:.8;stroke-width:5;stroke-linejoin:round";
const WHITE = "fill:none;stroke:#fff;stroke-width:1.6";
const GRIP = "fill:#fff;stroke:#1f2328;stroke-width:2";
const INSCRIBED = "fill:#1f2328;paint-order:stroke;stroke:#fff;stroke-width:3.5;stroke-linejoin:round";

const state = {
  landscape: {
    value: "bumps",
    among: Object.fromEntries(Object.entries(LANDSCAPES).map(([key, { label }]) => [key, label])),
  },
  sigma: { value: 0.75, min: 0.05, max: 1.6 },
  mu: { value: -1, min: WINDOW[0], max: WINDOW[1], step: 0.05 },
};

const number = (value) => text({ digits: 2 }, value);

/** What does not change with the start: the picture of u, the peaks, the line that parts starts. */
function study({ bumps, saddle }) {
  const values = Float64Array.from({ length: COLUMNS * ROWS }, (_, i) => {
    const across = ((i % COLUMNS) + 0.5) / COLUMNS;
    const sigma = TOP * (1 - (Math.floor(i / COLUMNS) + 0.5) / ROWS);
    return heat(bumps, WINDOW[0] + (WINDOW[1] - WINDOW[0]) * across, sigma ** 2)[0];
  });
  const byWidth = [...bumps].sort((one, other) => one.width - other.width);
  const peaks = byWidth.map(({ centre }) => uphill(bumps, centre - 0.01, 0, WINDOW, 1e-3));
  return { bumps, picture: rgba(values, 0, 1), peaks, ...watershed(bumps, saddle, WINDOW, TOP) };
}

function build(view) {
  const choice = view.choice("landscape", "Landscape");
  choice.addEventListener("change", () =>
    view.set({ mu: LANDSCAPES[choice.value].start, sigma: state.sigma.value }),
  );
  view.slider("sigma", "Starting \u03c3");
  const panel = (name, x, y, title, xTitle, ticks) =>
    view.panel(name, { x, y, title, xTitle, ...ticks, xFormat: String, yFormat: String });
  const mean = () => scaleLinear(WINDOW, [0, 1]);
  const noise = () => scaleLinear([0, TOP], [1, 0]);
  const returns = () => scaleLinear([-0.05, 1.12], [1, 0]);
  const means = { xTicks: [-2, -1, 0, 1, 2, 3, 4] };
  const upwards = { ...means, yTicks: [0, 0.5, 1, 1.5] };
  const heights = { ...means, yTicks: [0, 0.5, 1] };
  const action = "mean action \u03bc";
  const seen = "Average return u, bright is high; up: noise \u03c3";
  const map = panel("map", mean(), noise(), seen, action, upwards);
  const result = "Final mean, for every starting \u03c3";
  const ends = panel("ends", mean(), noise(), result, "final mean \u03bc", upwards);
  const climbed = "Landscape g (grey) and what is climbed";
  const ride = panel("ride", mean(), returns(), climbed, action, heights);
  const time = scaleSymlog([0, LONGEST], [0, 1]).constant(1);
  const course = panel("course", time, returns(), "u on the way", "time of the flow", {
    ...heights,
    xTicks: [0, 1, 10, 100],
  });
  const panels = [map, ends, ride, course];
  const raster = view.raster(map);
  const grid = map.marks.node().parentNode;

  const path = (panel, look = "ex-thick") => panel.marks.append("path").attr("class", look);
  const divide = path(map).attr("style", `${WHITE};stroke-dasharray:4 4`);
  const cross = path(map).attr("style", WHITE).attr("d", "M-5,-5L5,5M-5,5L5,-5");
  const halo = path(map).attr("style", HALO);
  const level = path(map).attr("stroke-dasharray", DASHES);
  const way = map.marks.append("g");
  const track = ends.marks.append("g");
  const trap = path(ends, "ex-thin").attr("stroke-dasharray", "4 3");
  const now = ends.marks.append("line").attr("class", "ex-hair");
  const ground = path(ride, "ex-thin");
  const smooth = path(ride).attr("stroke-dasharray", DASHES);
  const moving = path(ride);
  const gain = path(course).attr("stroke-dasharray", DASHES);
  const gains = course.marks.append("g");
  const marked = ends.above.append("text").attr("class", "ex-quiet").attr("text-anchor", "middle");
  const grip = map.above.append("circle").attr("r", 6).attr("style", GRIP);
  // The particle of learned sigma is a disc, that of fixed sigma a ring around it, in every panel.
  const rings = panels.map((one) => one.above.append("circle").attr("class", "ex-open").attr("r", 7));
  const discs = panels.map((one) => one.above.append("circle").attr("r", 4.5));
  const names = ["learned \u03c3", "fixed \u03c3", "start"].map((words) =>
    map.above.append("text").attr("style", INSCRIBED).text(words),
  );

  const studies = {};
  let [known, scene, from, dropped] = [null, "", 0, ""];
  let [ways, part, rest, edges] = [[], 1, 0, []];
  const average = ({ mu, sigma }) => heat(known.bumps, mu, sigma ** 2)[0];
  const profile = (sigma) =>
    line((mu) => ride.x(mu), (mu) => ride.y(average({ mu, sigma }))).digits(1)(GRID);
  const traced = (panel, points, x, y) =>
    line((one) => panel.x(x(one)), (one) => panel.y(y(one))).digits(1)(points);
  const [byMean, byNoise, byTime] = ["mu", "sigma", "time"].map((key) => (one) => one[key]);

  const clock = view.clock((seconds) => {
    // While the start is being moved the particles rest on it.
    rest = Math.max(rest - seconds, 0);
    if (rest) return;
    part = Math.min(part + seconds / SECONDS, 1);
    if (part === 1) clock.pause();
    place();
  });
  function drop() {
    [part, rest] = [0, 0.4];
    clock?.start();
    if (!clock?.playing) part = 1;
    place();
  }
  const onMap = view.area(map, { axis: "xy", drag: ([mu, sigma]) => ({ mu, sigma }) });
  view.area(ends, { axis: "y", drag: ([, sigma]) => ({ sigma }) });
  view.area(ride, { axis: "x", drag: ([mu]) => ({ mu }) });
  const start = view.handle(map, {
    label: "Start: mean and noise",
    keys: { x: "mu", y: "sigma" },
    at: ({ mu, sigma }) => [mu, sigma],
    drag: ([mu, sigma]) => ({ mu, sigma }),
  });
  for (const one of [onMap, start]) one.addEventListener("click", drop);
  start.addEventListener("keydown", ({ key }) => key === "Enter" && drop());

  /** Show both particles where they are at this part of the way. */
  function place() {
    ways.forEach((points, i) => {
      const one = points[Math.round(part * (SAMPLES - 1))];
      const [u, color, look] = [average(one), sigmaColor(one.sigma), i ? "stroke" : "fill"];
      const spots = [[one.mu, one.sigma], [one.mu, view.values().sigma], [one.mu, u], [one.time, u]];
      [discs, rings][i].forEach((ball, n) => {
        ball.attr("cx", panels[n].x(spots[n][0])).attr("cy", panels[n].y(spots[n][1]));
        if (n) paint(ball, look, color);
        else ball.attr("style", `${i ? "fill:#fff;stroke-width:2.5" : "stroke:#fff"};${look}:${color}`);
      });
      if (!i) paint(moving.attr("d", profile(one.sigma)), "stroke", color);
    });
  }

  /** A line in pieces, each in the colour of its sigma; `apart` parts it where it jumps. */
  function pieces(group, panel, points, x, y, apart = () => false) {
    const runs = [];
    points.slice(1).forEach((to, i) => {
      const jump = apart(points[i], to);
      const shade = jump ? "jump" : Math.round(5 * Math.log(Math.max(to.sigma, 1e-3)));
      if (runs.at(-1)?.shade === shade) runs.at(-1).points.push(to);
      else runs.push({ shade, jump, sigma: to.sigma, points: [points[i], to] });
    });
    return group
      .selectAll("path")
      .data(runs)
      .join("path")
      .attr("class", ({ jump }) => (jump ? "ex-jump" : "ex-thick"))
      .attr("stroke", ({ sigma }) => sigmaColor(sigma))
      .attr("d", (run) => traced(panel, run.points, x, y));
  }
  const bySigma = (made) => paint(made, "stroke", ({ sigma }) => sigmaColor(sigma));

  function drawLandscape(name) {
    known = studies[name] ??= study(LANDSCAPES[name]);
    raster.paint(known.picture, COLUMNS, ROWS);
    for (const one of grid.querySelectorAll(".ex-axis line")) one.setAttribute("stroke-opacity", 0.25);
    divide.attr("d", traced(map, known.line, ([mu]) => mu, ([, sigma]) => sigma));
    cross.attr("transform", `translate(${map.x(known.saddle[0])},${map.y(known.saddle[1])})`);
    ground.attr("d", profile(0));
  }

  /** Where learned and fixed sigma end from this mean, and the thresholds of the learned one. */
  function drawEnds(mu) {
    edges = thresholds(known.line, mu).filter((sigma) => sigma < TOP);
    const points = peaksReached(edges, known.peaks, TOP);
    bySigma(pieces(track, ends, points, byMean, byNoise, (from, to) => from.mu !== to.mu));
    const caught = Array.from(SIGMAS, (sigma) => ({ sigma, mu: uphill(known.bumps, mu, sigma, WINDOW) }));
    trap.attr("d", traced(ends, caught.filter((one) => one.mu !== null), byMean, byNoise));
    const [edge] = edges;
    marked
      .text(edge === undefined ? "" : `\u03c3 = ${number(edge)}`)
      .attr("x", ends.x((known.peaks[0] + known.peaks[1]) / 2))
      .attr("y", ends.y(edge ?? 0) - 7);
  }

  return function draw({ landscape: name, mu, sigma }) {
    if (scene !== `${name},${map.width}`) drawLandscape(name);
    if (scene !== `${name},${map.width}` || mu !== from) drawEnds(mu);
    [scene, from] = [`${name},${map.width}`, mu];
    const color = sigmaColor(sigma);
    const paths = [true, false].map((learned) => climb(known.bumps, mu, sigma, learned, LONGEST));
    const last = Math.max(...paths.map((one) => one.at(-1)[0]));
    ways = paths.map((one) => resample(one, last, SAMPLES));
    const [fallen, rested] = ways.map((points) => points.at(-1));
    const across = traced(map, [ways[1][0], rested], byMean, byNoise);
    halo.attr("d", across + traced(map, ways[0], byMean, byNoise));
    level.attr("d", across).attr("stroke", color);
    pieces(way, map, ways[0], byMean, byNoise);
    paint(smooth.attr("d", profile(sigma)), "stroke", color);
    paint(gain.attr("d", traced(course, ways[1], byTime, average)), "stroke", color);
    bySigma(pieces(gains, course, ways[0], byTime, average));
    now.attr("x2", ends.width).attr("y1", ends.y(sigma)).attr("y2", ends.y(sigma));

    const falling = ways[0].find((one) => one.sigma < sigma / 2) ?? fallen;
    grip.attr("cx", map.x(mu)).attr("cy", map.y(sigma));
    [[falling, 12, 4], [rested, 0, -13], [{ mu, sigma }, -11, 4]].forEach(([one, dx, dy], i) => {
      const [x, y] = [map.x(one.mu), map.y(one.sigma)];
      const side = dx * (Math.abs(x + 4 * dx - map.width / 2) > map.width / 2 ? -1 : 1);
      const anchor = ["end", "middle", "start"][Math.sign(side) + 1];
      names[i].attr("x", x + side).attr("y", y + dy).attr("text-anchor", anchor);
    });
    names[1].attr("visibility", Math.abs(rested.mu - mu) < 0.6 ? "hidden" : null);
    if (dropped !== `${name},${mu},${sigma}`) drop();
    else place();
    dropped = `${name},${mu},${sigma}`;

    const found = (one) => `${number(one.mu)}, where g is ${number(average({ ...one, sigma: 0 }))}`;
    const turns = edges.map(number).join(" and ");
    const fate = fallen.sigma > 0 ? "is still on its way at" : "falls to 0, and the mean ends at";
    view.say(
      `From \u03bc = ${number(mu)} and \u03c3 = ${number(sigma)}: fixed \u03c3 carries the mean to ` +
        `${found(rested)}; learned \u03c3 ${fate} ${found(fallen)}. ` +
        (turns ? `It changes peaks at a starting \u03c3 of ${turns}.` : "It does so from every \u03c3."),
    );
  };
}

export default explorable({
  name: "flow",
  state,
  build,
  layout: (width) =>
    width < 560
      ? columns(width, [[1, { map: 260, ends: 210, ride: 180, course: 160 }]])
      : columns(width, [[0.62, { map: 290, ride: 190 }], [0.38, { ends: 290, course: 190 }]]),
  finding: ({ landscape, sigma, mu }) =>
    `Map of the average return over mean and noise for ${LANDSCAPES[landscape].label}, with two climbs ` +
    `from mean ${mu} and noise ${sigma}: one keeps its noise, one learns it and loses it. Beside it, ` +
    "where they end for every starting noise: the learned one jumps from peak to peak at a threshold.",
});
