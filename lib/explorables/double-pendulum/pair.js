// What does the policy at the ring do, and what the one beside it? Both are played together, with
// the distance of their tips below.

import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";

import { fly, HORIZON, jointsOf, TIME_STEP } from "../numerics/double-pendulum.js";
import { policyAt } from "../numerics/random-policy.js";
import { short } from "../numerics/short.js";
import { paint } from "../parts/colors.js";

export const NEIGHBOUR = 1e-6;
export const [OWN, OTHER] = ["#d55e00", "#0072b2"];
const APART = 0.1;
const [SPEED, WAIT] = [2, 0.3];
const END = HORIZON * TIME_STEP;
// Time steps: of the tips' trails, and between two points of the curve.
const [TRAIL, EVERY] = [80, 5];

/** The panels "arms" and "parting" of a view; fly(x, y, links) sets the two off. */
export function createPair(view) {
  const metres = () => scaleLinear([-1.1, 1.1], [0, 1]);
  const arms = view.panel("arms", {
    ...{ x: metres(), y: metres(), title: "The policy at the ring, and its neighbour" },
    ...{ xLabels: false, xTicks: [], yTicks: [] },
  });
  const parting = view.panel("parting", {
    ...{ x: scaleLinear([0, END], [0, 1]), y: scaleLog([1e-8, 4], [1, 0]).clamp(true) },
    ...{ title: "Distance of the two tips, metres", xTitle: "seconds", yFormat: short },
    ...{ xTicks: 5, yTicks: [1e-8, 1e-6, 1e-4, 1e-2, 1] },
  });
  // The neighbour is drawn below and a little wider, so that both are seen while they move as one.
  const drawn = [[OTHER, 8], [OWN, 5]].map(([color, wide]) => {
    const [trail, arm] = [0, 1].map(() => arms.marks.append("path").attr("class", "ex-thick"));
    paint(trail.attr("stroke-opacity", 0.4), "stroke", color);
    paint(arm.style("stroke-width", wide).style("stroke-linecap", "round"), "stroke", color);
    return { trail, arm };
  });
  const distance = parting.marks.append("path").attr("class", "ex-thick");
  const moment = parting.marks.append("line").attr("class", "ex-hair");
  const seconds = arms.above.append("text").attr("class", "ex-quiet").attr("text-anchor", "end");

  const flights = [NEIGHBOUR, 0].map((aside) => ({
    ...{ aside, total: 0, tips: [], states: new Float64Array(4 * (HORIZON + 1)) },
  }));
  const gaps = new Float64Array(HORIZON + 1);
  let [now, rest] = [END, 0];

  function showArms() {
    const t = Math.min(Math.round(now / TIME_STEP), HORIZON);
    const curve = line(([a]) => arms.x(a), ([, b]) => arms.y(b)).digits(1);
    flights.forEach(({ states, tips }, k) => {
      drawn[k].trail.attr("d", curve(tips.slice(Math.max(0, t - TRAIL), t + 1)));
      drawn[k].arm.attr("d", curve(jointsOf(states, t)));
    });
    const x = parting.x(now);
    moment.attr("x1", x).attr("x2", x).attr("y2", parting.height);
    seconds.attr("x", arms.width).attr("y", arms.height - 4).text(`${now.toFixed(1)} s`);
  }
  const clock = view.clock(
    (passed) => {
      // While the policy is being chosen the pendulums wait.
      rest = Math.max(rest - passed, 0);
      if (rest) return;
      now = Math.min(now + SPEED * passed, END);
      if (now === END) clock.pause();
      showArms();
    },
    (playing) => (button.textContent = playing ? "Pause" : "Play"),
  );
  const button = view.button("Play", () => {
    if (clock.playing) return clock.pause();
    if (now === END) now = 0;
    return clock.play();
  });

  return {
    flights,
    fly(x, y, links) {
      for (const flight of flights) {
        const { aside, states } = flight;
        flight.total = fly(policyAt(x + aside, y), { links, states });
        flight.tips = Array.from({ length: HORIZON + 1 }, (_, t) => jointsOf(states, t)[2]);
      }
      const [other, own] = flights.map(({ tips }) => tips);
      own.forEach(([a, b], t) => (gaps[t] = Math.hypot(a - other[t][0], b - other[t][1])));
      const parted = gaps.findIndex((gap) => gap > APART);
      now = view.still && parted > 0 ? Math.min(parted * TIME_STEP + 0.6, END) : END;
      clock?.start();
      if (clock?.playing) [now, rest] = [0, WAIT];
    },
    draw() {
      const height = (gap) => parting.y(Math.max(gap, 1e-9));
      const curve = line((_, i) => parting.x(EVERY * i * TIME_STEP), height).digits(1);
      paint(distance.attr("d", curve(gaps.filter((_, t) => t % EVERY === 0))), "stroke", OWN);
      showArms();
    },
    fate() {
      const parted = gaps.findIndex((gap) => gap > APART);
      return parted < 0
        ? `the tips stay within ${short(Math.max(...gaps))} m for all ${END} seconds`
        : `after ${(parted * TIME_STEP).toFixed(1)} s the tips are ${APART} m apart`;
    },
  };
}
