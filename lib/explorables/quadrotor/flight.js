// What does the craft do with this push? Its flight from hover, and how far it has departed.

import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";

import { ARM, fly, growth, HORIZON } from "../numerics/quadrotor.js";
import { short } from "../numerics/short.js";
import { paint } from "../parts/colors.js";

const SECONDS = 12;
const FAINTEST = 1e-14;
const MOST_POINTS = 100;
const WAIT = 0.3;
// Newton for a thrust drawn as long as the unit of the picture; where the ground lies in it.
const [NEWTON, GROUND] = [14, 0.62];

/** The panels "craft" and "flight" of a view; fly(push, step) sets the craft off. */
export function createFlight(view) {
  const craft = view.panel("craft", {
    ...{ x: scaleLinear(), y: scaleLinear(), title: "The craft with this push" },
    ...{ xLabels: false, xTicks: [], yTicks: [] },
  });
  const flight = view.panel("flight", {
    ...{ x: scaleLinear([0, SECONDS], [0, 1]), y: scaleLog([FAINTEST, 30], [1, 0]).clamp(true) },
    ...{ title: "Departure from hover", xTitle: "seconds", xTicks: 6, yFormat: short },
    ...{ yTicks: [1e-12, 1e-8, 1e-4, 1] },
  });
  const path = (panel, look) => panel.marks.append("path").attr("class", look);
  const ground = path(craft, "ex-thin").attr("stroke-dasharray", "2 3");
  const arrows = path(craft, "ex-thick");
  const bar = path(craft, "ex-tangent").style("stroke-width", 5).style("stroke-linecap", "round");
  const clockface = craft.above.append("text").attr("class", "ex-quiet").attr("text-anchor", "end");
  const ideal = path(flight, "ex-thin").attr("stroke-dasharray", "5 4");
  const departure = path(flight, "ex-thick");
  const moment = flight.marks.append("line").attr("class", "ex-hair");

  const states = new Float64Array(6 * (HORIZON + 1));
  const thrusts = new Float64Array(2 * HORIZON);
  let [time, last, step, rest] = [0, 0, 0, 0];

  function showCraft() {
    const t = Math.min(Math.floor(time / step + 1e-9), last);
    const [x, , y, , angle] = states.subarray(6 * t, 6 * t + 6);
    const unit = Math.min(craft.width / 3, craft.height / 1.6);
    const [cx, cy] = [craft.width / 2 + unit * x, craft.height * GROUND - unit * y];
    const [ax, ay] = [ARM * unit * Math.cos(angle), -ARM * unit * Math.sin(angle)];
    const point = (place) => place.map((one) => one.toFixed(1)).join(",");
    bar.attr("d", `M${point([cx - ax, cy - ay])}L${point([cx + ax, cy + ay])}`);
    const [ux, uy] = [-Math.sin(angle), -Math.cos(angle)];
    const arrow = (side, thrust) => {
      const long = (thrust * unit) / NEWTON;
      if (long < 4) return "";
      const at = (along, across) =>
        point([
          cx + side * ax + long * along * ux - across * uy,
          cy + side * ay + long * along * uy + across * ux,
        ]);
      return `M${at(0, 0)}L${at(1, 0)}M${at(0.8, -4)}L${at(1, 0)}L${at(0.8, 4)}`;
    };
    arrows.attr("d", arrow(1, thrusts[2 * t]) + arrow(-1, thrusts[2 * t + 1]));
    clockface.text(`${time.toFixed(1)} s`);
    moment.attr("x1", flight.x(time)).attr("x2", flight.x(time));
  }
  const clock = view.clock(
    (passed) => {
      // While it is being changed the craft waits.
      rest = Math.max(rest - passed, 0);
      if (rest) return;
      time = Math.min(time + passed, last * step);
      if (time >= last * step - 1e-9) clock.pause();
      showCraft();
    },
    (playing) => (button.textContent = playing ? "Pause" : "Play"),
  );
  const button = view.button("Play", () => {
    if (clock.playing) return clock.pause();
    if (time >= last * step - 1e-9) time = 0;
    return clock.play();
  });

  return {
    /** Set off, and return the discounted return. */
    fly(push, every) {
      step = every;
      last = Math.min(Math.floor(SECONDS / step + 1e-9), HORIZON - 1);
      time = last * step;
      clock?.start();
      if (clock?.playing) [time, rest] = [0, WAIT];
      return fly(push, step, { states, thrusts });
    },
    draw(color) {
      const every = Math.ceil(last / MOST_POINTS);
      const shown = Array.from({ length: Math.floor(last / every) }, (_, i) => i * every + 1);
      const size = (t) => Math.hypot(...states.subarray(6 * t, 6 * t + 6));
      const curve = (height) =>
        line((t) => flight.x(t * step), (t) => flight.y(Math.max(height(t), FAINTEST))).digits(1);
      paint(departure.attr("d", curve(size)(shown)), "stroke", color);
      paint(arrows, "stroke", color);
      const [first, rate] = [size(1), growth(step)];
      const free = (t) => first * rate ** (t - 1);
      ideal.attr("d", rate > 1 ? curve(free)(shown.filter((t) => free(t) < 100)) : null);
      ground.attr("d", `M0,${craft.height * GROUND}H${craft.width}`);
      clockface.attr("x", craft.width).attr("y", craft.height - 4);
      moment.attr("y2", flight.height);
      showCraft();
    },
  };
}
