// How is a hopper drawn? As four capsules on a floor, with what Python recorded as its shadow.

import { scaleLinear } from "d3-scale";

import { capsules, WIDTHS } from "../numerics/hopper-lab.js";
import { paint } from "../parts/colors.js";

const [CEILING, GAP] = [2.05, 8];
const [FLOOR_MARK, MARKS] = [0.5, 9];
// The margins that a panel of `figure.js` has; a hopper needs none beside it.
const MARGIN = { top: 26, right: 10, bottom: 10, left: 46 };

export const HOPPERS = ["hopper0", "hopper1", "hopper2", "hopper3"];

/** A row of hoppers, or two on a phone, above two panels with the returns. */
export function layout(width) {
  const narrow = width < 560;
  const columns = narrow ? 2 : 4;
  const wide = (width - GAP * (columns - 1)) / columns;
  const row = (narrow ? 185 : 205) + MARGIN.top + MARGIN.bottom;
  const boxes = {};
  HOPPERS.forEach((name, k) => {
    boxes[name] = {
      x: (k % columns) * (wide + GAP) - MARGIN.left,
      y: Math.floor(k / columns) * row,
      width: wide + MARGIN.left + MARGIN.right,
      height: row,
    };
  });
  const y = row * (HOPPERS.length / columns) + GAP;
  const [half, height] = narrow ? [width, 200] : [width / 2, 215];
  boxes.trained = { x: 0, y, width: half, height };
  boxes.earned = { x: narrow ? 0 : half, y: narrow ? y + height : y, width: half, height };
  return { height: y + height * (narrow ? 2 : 1), boxes };
}

/** Where the camera looks for the whole body to be seen. */
export function middle(q) {
  const across = capsules(q).flatMap((ends) => ends.map(([x]) => x));
  return (Math.min(...across) + Math.max(...across)) / 2;
}

/** The marks of one hopper: draw({ q, camera, shadows, reach, lines }). */
export function createHopperDrawing(view, name, title, color) {
  const panel = view.panel(name, {
    x: scaleLinear(),
    y: scaleLinear([0, CEILING], [1, 0]),
    xLabels: false,
    xTicks: [],
    yTicks: [],
  });
  const words = (y, look) =>
    panel.above.append("text").attr("x", 3).attr("y", y).attr("class", look);
  words(-8, "ex-title").text(title);
  const rows = [words(14, ""), words(30, "ex-quiet"), words(46, "")];
  const floor = panel.above.append("path").attr("class", "ex-hair");
  const [ghosts, body, pins] = [1, 2, 3].map(() => panel.marks.append("g"));
  const arrow = panel.marks.append("path").attr("class", "ex-tangent").attr("fill", "none");

  function sticks(group, shift, parts) {
    const lines = group.selectAll("line").data(parts).join("line");
    const pixels = panel.height / CEILING;
    const [x, y] = [(one) => panel.x(one - shift).toFixed(1), (one) => panel.y(one).toFixed(1)];
    return paint(lines, "stroke", color)
      .attr("stroke-linecap", "round")
      .attr("stroke-width", (_, i) => (WIDTHS[i % WIDTHS.length] * pixels).toFixed(1))
      .attr("x1", ([[one]]) => x(one))
      .attr("y1", ([[, one]]) => y(one))
      .attr("x2", ([, [one]]) => x(one))
      .attr("y2", ([, [, one]]) => y(one));
  }

  /** q: positions; shadows: earlier ones; reach: metres the push arrow is long; lines: of text. */
  function draw({ q, camera, shadows, reach, lines }) {
    const half = ((panel.width / panel.height) * CEILING) / 2;
    panel.x.domain([-half, half]);
    const ends = capsules(q);
    sticks(body, camera, ends);
    sticks(ghosts, 0, shadows.flatMap((one) => capsules([one[0] - middle(one), ...one.slice(1)])))
      .attr("stroke-opacity", 0.13);
    const joints = pins.selectAll("circle").data(ends.slice(0, -1)).join("circle");
    paint(joints.attr("class", "ex-open").attr("r", 2.5), "stroke", color)
      .attr("cx", ([, [x]]) => panel.x(x - camera).toFixed(1))
      .attr("cy", ([, [, z]]) => panel.y(z).toFixed(1));

    const first = Math.floor(camera / FLOOR_MARK) - (MARKS - 1) / 2;
    const marks = Array.from({ length: MARKS }, (_, i) => (first + i) * FLOOR_MARK - camera)
      .map(panel.x)
      .filter((x) => x >= 0 && x <= panel.width)
      .map((x) => `M${x.toFixed(1)},${panel.height}v5`);
    floor.attr("d", `M0,${panel.height}h${panel.width}${marks.join("")}`);
    const [x, y] = [panel.x(q[0] - camera), panel.y(q[1])];
    const [length, barb] = [panel.x(reach) - panel.x(0), 6 * Math.sign(reach)];
    const tip = `m${-barb},-5l${barb},5l${-barb},5`;
    arrow.attr("d", reach ? `M${x.toFixed(1)},${y.toFixed(1)}h${length.toFixed(1)}${tip}` : "");
    rows.forEach((row, i) => row.text(lines[i] ?? ""));
  }
  return { panel, color, draw };
}
