// What was earned? By epoch of training, and second by second, on the same scale.

import { scaleLinear, scaleSymlog } from "d3-scale";
import { line } from "d3-shape";

import { DECISION, HORIZON } from "../numerics/hopper-lab.js";
import { paint } from "../parts/colors.js";
import { text } from "../parts/state.js";

const SECONDS = HORIZON * DECISION;
const SHOWN_EVERY = 5;
export const WORST = -1e5;

/** Two panels side by side: draw shows Python's returns, live(hoppers) those of the page. */
export function createReturns(view, records, colors) {
  const axes = () => ({
    y: scaleSymlog([WORST, 0], [1, 0]).constant(10),
    yTicks: [-1e5, -1e4, -1e3, -100, -10, 0],
    yFormat: (value) =>
      value > -1000 ? text({ digits: 0 }, value) : `${text({ digits: 0 }, value / 1000)}k`,
  });
  const trained = view.panel("trained", {
    ...axes(),
    x: scaleLinear([0, 100], [0, 1]),
    title: "Return after 8 s, by training (Python)",
    xTitle: "epochs of training",
  });
  const earned = view.panel("earned", {
    ...axes(),
    x: scaleLinear([0, SECONDS], [0, 1]),
    title: "Return so far: here solid, Python dotted",
    xTitle: "seconds",
  });
  const level = trained.marks.append("line").attr("class", "ex-hair");
  const knob = trained.above.append("circle").attr("class", "ex-open ex-tangent").attr("r", 5);
  const hand = earned.marks.append("line").attr("class", "ex-hair");
  const groups = colors.map((color) => {
    const curve = (panel, look) => {
      const path = panel.marks.append("path").attr("class", look).attr("fill", "none");
      return paint(path, "stroke", color);
    };
    return {
      history: curve(trained, "ex-jump"),
      dots: trained.above.append("g"),
      recorded: curve(earned, "ex-jump"),
      here: curve(earned, "ex-thick"),
    };
  });
  const inTime = (count) =>
    line((_, i) => earned.x((i * SECONDS) / count), (value) => earned.y(value)).digits(1);

  /** The policies of `epoch`, the nearest that there is to the one `asked` for. */
  function draw(asked, epoch) {
    const x = trained.x(asked);
    level.attr("x1", x).attr("x2", x).attr("y2", trained.height);
    knob.attr("cx", x).attr("cy", trained.height);
    const across = (_, i) => trained.x(records.epochs[i]);
    const up = (value) => trained.y(value);
    groups.forEach(({ history, dots, recorded }, k) => {
      const ends = records.epochs.map((one) => records.returns(k, one).at(-1));
      history.attr("d", line(across, up).digits(1)(ends));
      const points = dots.selectAll("circle").data(ends).join("circle");
      paint(points.attr("cx", across).attr("cy", up), "fill", colors[k]).attr("r", (_, i) =>
        records.epochs[i] === epoch ? 5 : 2.5,
      );
      const past = records.returns(k, epoch);
      recorded.attr("d", inTime(past.length - 1)(past));
    });
  }

  /** Before there are hoppers the curves are empty. */
  function live(hoppers) {
    const x = earned.x(Math.min(hoppers[0]?.decisions ?? 0, HORIZON) * DECISION);
    hand.attr("x1", x).attr("x2", x).attr("y2", hoppers.length ? earned.height : 0);
    groups.forEach(({ here }, k) => {
      const few = hoppers[k]?.path.filter((_, i) => i % SHOWN_EVERY === 0) ?? [];
      here.attr("d", inTime(HORIZON / SHOWN_EVERY)(few) ?? "");
    });
  }
  return { trained, draw, live };
}
