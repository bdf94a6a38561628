// How far may one look into the return of a double pendulum before it becomes smooth? A plane of
// neural policies to zoom into; one of them is played beside its neighbour a millionth away.

import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";

import { createPair, NEIGHBOUR, OTHER, OWN } from "./double-pendulum/pair.js";
import { fly } from "./numerics/double-pendulum.js";
import { createGrid, createMosaic } from "./numerics/mosaic.js";
import { policyAt } from "./numerics/random-policy.js";
import { rounded, short } from "./numerics/short.js";
import { background } from "./parts/background.js";
import { paint } from "./parts/colors.js";
import { explorable } from "./parts/explorable.js";
import { columns } from "./parts/figure.js";
import { rgba } from "./parts/raster.js";

const REACH = 0.1;
const SIDE = 64;
// Some of the values are enough to see between which nearly all of them lie.
const EVERY = 13;
const some = new Float64Array(SIDE * SIDE);
const GRIDS = { cut: createGrid(2 * SIDE, 1, 16), plane: createGrid(SIDE, SIDE, 16) };

const place = { min: -REACH, max: REACH, digits: 12 };
const ROUNDING = 1e-12;
const state = {
  zoom: { value: 0, min: 0, max: 7 },
  pendulum: {
    value: "double",
    among: { double: "double", single: "single: second joint locked" },
  },
  x: { value: -0.046, ...place },
  y: { value: -0.022, ...place },
};

/** Which grid comes next, and its pixel's number: both in turn, then the rest of one. */
function turn({ cut, plane }, i) {
  const [line, square] = [GRIDS.cut.order.length - cut.from, GRIDS.plane.order.length - plane.from];
  const both = Math.min(line, square);
  if (i < 2 * both) return [i % 2 ? "plane" : "cut", Math.floor(i / 2)];
  return [line > square ? "cut" : "plane", i - both];
}
const weights = policyAt(0, 0);
const slowly = background(import.meta.url, (request, i) => {
  const [name, k] = turn(request, i);
  const { view, from } = request[name];
  return fly(policyAt(...GRIDS[name].place(view, from + k), weights), { links: request.links });
});

/** Least and greatest of the known values, and the two between which nearly all of them lie. */
function rangeOf(values) {
  let [low, high, count] = [Infinity, -Infinity, 0];
  values.forEach((value, i) => {
    if (value < low) low = value;
    if (value > high) high = value;
    if (i % EVERY === 0 && value === value) some[count++] = value;
  });
  const sorted = some.subarray(0, count).sort();
  return [low, high, ...[0.02, 0.98].map((part) => sorted[Math.round(part * (count - 1))])];
}
const inside = (value, room) => Math.min(Math.max(value, -room), room);

function build(view) {
  view.slider("zoom", "Zoom 10\u207f, n =");
  view.choice("pendulum", "Pendulum");
  let half = REACH;
  const square = () => scaleLinear([-1, 1], [0, 1]);
  const [ticks, offset] = [[-0.5, 0, 0.5], (part) => short(part * half)];
  const plane = view.panel("plane", {
    ...{ x: square(), y: square(), title: "Return over a plane of policies (bright is high)" },
    ...{ xLabels: false, xTicks: ticks, yTicks: ticks, xFormat: offset, yFormat: offset },
  });
  const cut = view.panel("cut", {
    ...{ x: square(), y: scaleLinear(), yTicks: 4, yFormat: short },
    ...{ title: "Return on the line through the ring, less its own" },
    ...{ xTitle: "from the middle, first direction", xTicks: ticks, xFormat: offset },
  });
  const pair = createPair(view);
  const [neighbour, own] = pair.flights;

  let [x, y, cx, cy] = [0, 0, 0, 0];
  let [low, high, dark, bright] = [0, 0, 0, 0];
  const raster = view.raster(plane);
  const mosaics = { cut: createMosaic(GRIDS.cut), plane: createMosaic(GRIDS.plane) };
  const zero = cut.marks.append("line").attr("class", "ex-hair");
  const profile = cut.marks.append("path").attr("class", "ex-thick");
  const ring = (panel, color) =>
    paint(panel.above.append("circle").attr("class", "ex-open").attr("r", 6), "stroke", color);
  const rings = [OTHER, OWN].map((color) => [ring(plane, color), ring(cut, color)]);

  function showRings() {
    [neighbour, own].forEach(({ aside, total }, i) => {
      const u = (x + aside - cx) / half;
      const hidden = u > 1 ? "hidden" : null;
      const [above, below] = rings[i];
      above.attr("cx", plane.x(u)).attr("cy", plane.y((y - cy) / half)).attr("visibility", hidden);
      below.attr("cx", cut.x(u)).attr("cy", cut.y(total - own.total)).attr("visibility", hidden);
    });
  }
  function showPlane() {
    [low, high, dark, bright] = rangeOf(mosaics.plane.values);
    raster.paint(rgba(mosaics.plane.values, dark, bright), SIDE, SIDE);
  }
  function showCut() {
    const { values } = mosaics.cut;
    let [least, most] = [0, 0];
    for (const value of values) {
      if (value - own.total < least) least = value - own.total;
      if (value - own.total > most) most = value - own.total;
    }
    const room = 0.08 * (most - least) || 1e-9;
    const [bottom, top] = cut.y.domain();
    // New numbers at the axis only where the old ones no longer fit.
    if (bottom > least || top < most || top - bottom > 2 * (most - least + 2 * room)) {
      cut.y.domain([least - room, most + room]);
      cut.axes();
    }
    const at = (_, i) => cut.x((2 * i + 1) / values.length - 1);
    const curve = line(at, (value) => cut.y(value - own.total)).defined((value) => value === value);
    paint(profile.attr("d", curve.digits(1)(values)), "stroke", OWN);
    zero.attr("x2", cut.width).attr("y1", cut.y(0)).attr("y2", cut.y(0));
  }
  function spread() {
    if (!(high > low)) return "is being computed";
    const digits = Math.max(3, 2 - Math.floor(Math.log10((high - low) / Math.abs(low))));
    return `goes from ${[low, high].map((one) => rounded(one, Math.min(digits, 12))).join(" to ")}`;
  }
  function tell() {
    view.say(
      `Over \u00b1${short(half)} the return ${spread()}. Orange: the policy at the ring, return ` +
        `${rounded(own.total, 5)}. Blue: the one ${short(NEIGHBOUR)} beside it, return ` +
        `${rounded(neighbour.total, 5)}; ${pair.fate()}.`,
    );
  }
  function show() {
    showPlane();
    showCut();
    showRings();
    tell();
  }
  const ask = slowly(view, show, (number, i, request) => mosaics[turn(request, i)[0]].put(number));

  // ---- what the reader does ----

  const choose = ([u, v]) => ({ x: cx + half * u, y: cy + half * v });
  const pick = view.area(plane, { axis: "xy", drag: choose });
  pick.style.touchAction = "manipulation";
  pick.addEventListener("dblclick", ({ shiftKey }) =>
    view.set({ zoom: view.values().zoom + (shiftKey ? -1 : 1) }),
  );
  view.area(cut, { axis: "x", drag: ([u]) => ({ x: cx + half * u }) });
  const handle = view.handle(plane, {
    label: "Policy that is played",
    keys: { x: "x", y: "y" },
    at: () => [(x - cx) / half, (y - cy) / half],
    drag: choose,
  });
  // Keys move by a pixel of the view, whatever its size.
  const byKey = (event) => {
    const pixel = (2 * half) / SIDE;
    const [name, by] =
      {
        ...{ ArrowRight: ["x", pixel], ArrowLeft: ["x", -pixel] },
        ...{ ArrowUp: ["y", pixel], ArrowDown: ["y", -pixel] },
        ...{ PageUp: ["y", 8 * pixel], PageDown: ["y", -8 * pixel] },
        ...{ Home: ["x", cx - half - x], End: ["x", cx + half - x] },
      }[event.key] ?? [];
    if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    view.set({ [name]: view.values()[name] + by });
  };
  handle.addEventListener("keydown", byKey, { capture: true });

  let [drawn, asked, size] = ["", "", 0];
  return function draw(values) {
    const links = values.pendulum === "double" ? 2 : 1;
    const before = half;
    half = REACH * 10 ** -values.zoom;
    [x, y] = [values.x, values.y];
    // Zoom about the point; a point out of view comes to the middle.
    const out = Math.max(Math.abs(x - cx), Math.abs(y - cy)) > before + ROUNDING;
    [cx, cy] = [[x, cx], [y, cy]].map(([to, from]) =>
      inside(out ? to : to + ((from - to) * half) / before, REACH - half),
    );
    const moved = drawn !== `${x} ${y} ${links}`;
    if (moved) pair.fly(x, y, links);
    if (moved || size !== plane.width) pair.draw();
    if (half !== before) for (const panel of [plane, cut]) panel.labels();
    [drawn, size] = [`${x} ${y} ${links}`, plane.width];

    const views = { cut: [cx, y, half], plane: [cx, cy, half] };
    if (asked !== `${links} ${views.cut} ${views.plane}`) {
      const request = { links, first: 0, count: 0 };
      for (const [name, mosaic] of Object.entries(mosaics)) {
        if (!asked.startsWith(links)) mosaic.forget();
        mosaic.look(views[name]);
        request[name] = { view: views[name], from: mosaic.next };
        request.count += GRIDS[name].order.length - mosaic.next;
      }
      asked = `${links} ${views.cut} ${views.plane}`;
      ask(request);
    }
    show();
    const digits = 3 + Math.ceil(values.zoom);
    queueMicrotask(() =>
      handle.setAttribute("aria-valuetext", `${x.toFixed(digits)}, ${y.toFixed(digits)}`),
    );
  };
}

export default explorable({
  name: "double-pendulum",
  state,
  build,
  layout: (width) =>
    width < 560
      ? columns(width, [[1, { plane: width - 20, arms: 260, parting: 190, cut: 170 }]])
      : columns(width, [
          [0.5, { plane: width / 2 - 20, cut: 170 }],
          [0.5, { arms: width / 2 - 20, parting: 170 }],
        ]),
  finding: ({ zoom, pendulum }) =>
    `The return of neural policies for a ${pendulum} pendulum over a plane of weights, seen at ` +
    `${(REACH * 10 ** -zoom).toPrecision(2)} to either side, and the flights of one policy and ` +
    "of its neighbour a millionth away. The double pendulum's landscape is rough over several " +
    "powers of ten and smooth below; the single one's is smooth.",
});
