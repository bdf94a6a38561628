// Why does the return have a spike at the printed gain? Its height against the push that breaks the
// symmetry, and the clock that makes the spike: drag the sampling step below 2/22.3 and it is gone.

import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";

import { createGrid } from "./numerics/mosaic.js";
import { cusp, fly, growth, LIMIT } from "./numerics/quadrotor.js";
import { rounded, short } from "./numerics/short.js";
import { geomspace, linspace } from "./numerics/spacing.js";
import { background } from "./parts/background.js";
import { paint } from "./parts/colors.js";
import { explorable } from "./parts/explorable.js";
import { columns } from "./parts/figure.js";
import { createFlight } from "./quadrotor/flight.js";

const [STABLE, UNSTABLE] = ["#0072b2", "#d55e00"];
const [SHORTEST, LONGEST] = [0.01, 0.12];
const [LEAST, MOST] = [1e-12, 1];
const DISTANCES = geomspace(1e-14, MOST, 14 * 16 + 1);
// Every 16th distance first, then those between.
const ORDER = createGrid(DISTANCES.length, 1, 16).order.map(([, column]) => column);
// Two distances in each power of ten are quick enough for the frame that answers the reader.
const AT_ONCE = 29;
// Distances that lie in the same pixel as none, in half widths of the view.
const SLIVER = 1e-3;
const STEPS = linspace(SHORTEST, LONGEST, 111);
const SMALLEST_LOSS = 1e-6;

const state = {
  step: { value: 0.1, min: SHORTEST, max: LONGEST, digits: 4 },
  zoom: { value: 2, min: 0, max: 8 },
  // The push is ten to this power, in newton: an address and a screen reader take no 1e-12.
  power: { value: -6, min: -12, max: 0 },
};

const slowly = background(import.meta.url, ({ step }, i) => fly(DISTANCES[ORDER[i]], step));
const returned = (value) => value.toFixed(2).replace("-", "\u2212");

function build(view) {
  view.slider("step", "Step \u0394t, s");
  view.slider("zoom", "Zoom 10\u207f, n =");
  let half = 1;
  const spike = view.panel("spike", {
    ...{ x: scaleLinear([-1, 1], [0, 1]), y: scaleLinear([-100, 4], [0, 1]) },
    ...{ title: "Return", xTitle: "push on one side, newton", xTicks: [-0.5, 0, 0.5] },
    ...{ xFormat: (part) => short(part * half), yFormat: (value) => rounded(value) },
  });
  const loss = view.panel("loss", {
    ...{ x: scaleLog([LEAST, MOST], [0, 1]), y: scaleLog([SMALLEST_LOSS, 300], [1, 0]) },
    ...{ title: "Lost return, every zoom at once", xTitle: "push, newton", xFormat: short },
    ...{ xTicks: [1e-12, 1e-9, 1e-6, 1e-3, 1], yFormat: short, yTicks: [1e-6, 1e-4, 1e-2, 1, 100] },
  });
  const clockwork = view.panel("growth", {
    ...{ x: scaleLinear([SHORTEST, LONGEST], [0, 1]), y: scaleLinear([0.85, 1.75], [1, 0]) },
    ...{ title: "Growth of a small tilt in one step", xTitle: "sampling step \u0394t, seconds" },
    ...{ xTicks: [0.02, 0.04, 0.06, 0.08, 0.1], yTicks: [1, 1.25, 1.5] },
    ...{ xFormat: String, yFormat: String },
  });
  const craft = createFlight(view);

  const path = (panel, look) => panel.marks.append("path").attr("class", look);
  const needle = path(spike, "ex-thick");
  const dot = spike.above.append("circle").attr("r", 5);
  const law = path(loss, "ex-thin").attr("stroke-dasharray", "5 4");
  const lost = path(loss, "ex-thick");
  const lostDot = loss.above.append("circle").attr("r", 5);
  const bound = clockwork.marks.append("line").attr("class", "ex-hair");
  const pieces = [STABLE, UNSTABLE].map((color) =>
    paint(path(clockwork, "ex-thick"), "stroke", color),
  );
  const now = clockwork.above.append("circle").attr("r", 5);
  const limit = clockwork.above.append("text").attr("class", "ex-quiet").attr("x", 8).attr("y", 14);
  limit.text(`hover is lost above ${rounded(LIMIT, 3)} s`);

  const returns = new Float64Array(DISTANCES.length).fill(NaN);
  let [step, power, distance] = [0, 0, 0];
  let [tip, own, color] = [0, 0, UNSTABLE];

  function showSpike() {
    const known = [...DISTANCES.keys()].filter((i) => returns[i] === returns[i]);
    const near = known.filter((i) => DISTANCES[i] <= half && DISTANCES[i] > half * SLIVER);
    const side = near.map((i) => [DISTANCES[i] / half, returns[i]]);
    // Mirror symmetry: a push on the other side returns the same, to the last bit.
    const both = [...side.map(([x, value]) => [-x, value]).reverse(), [0, tip], ...side];
    const curve = line(([x]) => spike.x(x), ([, value]) => spike.y(value)).digits(1);
    paint(needle.attr("d", curve(both)), "stroke", color);
    const fallen = known.filter((i) => DISTANCES[i] >= LEAST && tip - returns[i] > SMALLEST_LOSS);
    const fall = line((i) => loss.x(DISTANCES[i]), (i) => loss.y(tip - returns[i])).digits(1);
    paint(lost.attr("d", fall(fallen)), "stroke", color);
    const middle = fallen.find((i) => DISTANCES[i] > 1e-7);
    const through = (place) => (tip - returns[middle]) * (place / DISTANCES[middle]) ** cusp(step);
    const straight = line((place) => loss.x(place), (place) => loss.y(through(place))).digits(1);
    law.attr("d", cusp(step) < 0.5 && middle !== undefined ? straight([LEAST, MOST]) : null);
  }
  const ask = slowly(view, showSpike, (number, i) => (returns[ORDER[i]] = number));

  // ---- what the reader does ----

  const pushed = (value) => ({ power: Math.log10(Math.max(Math.abs(value), LEAST)) });
  view.area(spike, { axis: "x", drag: ([x]) => pushed(x * half) });
  view.area(loss, { axis: "x", drag: ([x]) => pushed(x) });
  view.area(clockwork, { axis: "x", drag: ([x]) => ({ step: x }) });
  view.handle(loss, {
    ...{ label: "Push on one side", keys: { x: "power" }, wide: true, drag: ([x]) => pushed(x) },
    at: () => [distance, Math.max(tip - own, SMALLEST_LOSS)],
  });
  view.handle(clockwork, {
    ...{ label: "Sampling step", keys: { x: "step" }, wide: true, drag: ([x]) => ({ step: x }) },
    at: () => [step, growth(step)],
  });

  let size = 0;
  function drawClockwork() {
    const curve = line((h) => clockwork.x(h), (h) => clockwork.y(growth(h))).digits(1);
    const [calm, wild] = pieces;
    calm.attr("d", curve([...STEPS.filter((h) => h < LIMIT), LIMIT]));
    wild.attr("d", curve([LIMIT, ...STEPS.filter((h) => h > LIMIT)]));
    bound.attr("x2", clockwork.width).attr("y1", clockwork.y(1)).attr("y2", clockwork.y(1));
  }

  return function draw(values) {
    const [ticked, resized] = [values.step !== step, size !== clockwork.width];
    const moved = ticked || values.power !== power;
    const zoomed = half !== 10 ** -values.zoom;
    [half, power, step] = [10 ** -values.zoom, values.power, values.step];
    distance = 10 ** power;
    size = clockwork.width;
    const rate = growth(step);
    color = rate > 1 ? UNSTABLE : STABLE;
    if (ticked) {
      tip = fly(0, step);
      returns.fill(NaN);
      for (const i of ORDER.slice(0, AT_ONCE)) returns[i] = fly(DISTANCES[i], step);
      ask({ step, first: AT_ONCE, count: ORDER.length });
    }
    if (moved) own = craft.fly(distance, step);
    if (moved || resized) craft.draw(color);
    if (resized) drawClockwork();
    if (zoomed) spike.labels();
    showSpike();
    paint(now.attr("cx", clockwork.x(step)).attr("cy", clockwork.y(rate)), "fill", color);
    paint(dot.attr("cx", spike.x(distance / half)).attr("cy", spike.y(own)), "fill", color);
    dot.attr("visibility", distance > half ? "hidden" : null);
    lostDot.attr("cx", loss.x(distance)).attr("cy", loss.y(Math.max(tip - own, SMALLEST_LOSS)));
    paint(lostDot, "fill", color);
    const fate =
      rate > 1
        ? "so hover is lost, and the return falls like the push to the power " +
          `${rounded(cusp(step), 3)}: a spike at every zoom`
        : "so hover is kept, and the return is smooth";
    view.say(
      `With \u0394t = ${step.toFixed(3)} s a small tilt is multiplied by ${rate.toFixed(3)} in ` +
        `every step: ${fate}. Return of the printed policy ${returned(tip)}; with ` +
        `${short(distance)} N more on one side and less on the other ${returned(own)}.`,
    );
  };
}

export default explorable({
  name: "quadrotor",
  state,
  build,
  layout: (width) =>
    width < 560
      ? columns(width, [[1, { spike: 240, growth: 180, craft: 150, flight: 180, loss: 200 }]])
      : columns(width, [
          [0.5, { spike: 280, loss: 210 }],
          [0.5, { growth: 180, craft: 140, flight: 170 }],
        ]),
  finding: ({ step, zoom, power }) =>
    "The quadrotor's return against a push that breaks its symmetry, seen to " +
    `${short(10 ** -zoom)} newton to either side, for a sampling step of ${step} seconds: ` +
    (step > LIMIT
      ? "a spike that stays a spike at every zoom, because a small tilt grows from step to step, "
      : "a smooth summit, because a small tilt dies out, ") +
    `and the flight of the policy that pushes ${short(10 ** power)} newton more on one side.`,
});
