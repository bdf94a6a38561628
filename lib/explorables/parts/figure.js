// How are linked panels laid out, scaled and given axes in one drawing?

import { axisBottom, axisLeft } from "d3-axis";
import { select } from "d3-selection";

const MARGIN = { top: 26, right: 10, bottom: 40, left: 46 };

/** Boxes of panels in columns: [[share of the width, { panel: height }], ...]. */
export function columns(width, parts) {
  const boxes = {};
  let x = 0;
  let height = 0;
  for (const [share, panels] of parts) {
    let y = 0;
    for (const [name, tall] of Object.entries(panels)) {
      boxes[name] = { x, y, width: share * width, height: tall };
      y += tall;
    }
    x += share * width;
    height = Math.max(height, y);
  }
  return { height, boxes };
}

/**
 * The drawing: one svg in `place`, with a layer of handles above and one of pictures below.
 *
 * layout(width) -> { height, boxes }, boxes by panel name, in pixels.
 */
export function createFigure(place, { uid, layout, width }) {
  const make = () => place.appendChild(place.ownerDocument.createElement("div"));
  place.classList.add("ex-figure");
  const under = make();
  under.className = "ex-under";
  const svg = select(place).append("svg:svg").attr("class", "ex-drawing").attr("role", "img");
  const over = make();
  over.className = "ex-over";
  const panels = [];
  let current = layout(width);

  function resize(to) {
    current = layout(to);
    const { height } = current;
    svg.attr("viewBox", `0 0 ${to} ${height}`).attr("width", to).attr("height", height);
    for (const panel of panels) panel.place(current.boxes[panel.name]);
  }

  /**
   * A panel of the layout. x and y are d3 scales whose ranges follow its size.
   *
   * Options: title (above, left), xTitle (below, right), xTicks and yTicks (a count, the values,
   * or a function that gives either from the domain),
   * xFormat and yFormat, xLabels: false to leave out the numbers and the title below.
   */
  function panel(name, { x, y, ...options }) {
    const group = svg.append("g");
    const clip = `${uid}-${name}`;
    const rect = group.append("clipPath").attr("id", clip).append("rect");
    const bottom = group.append("g").attr("class", "ex-axis");
    const left = group.append("g").attr("class", "ex-axis");
    const title = group.append("text").attr("class", "ex-title").text(options.title ?? "");
    const below = group.append("text").attr("class", "ex-quiet").attr("text-anchor", "end");
    const made = {
      name,
      x,
      y,
      marks: group.append("g").attr("clip-path", `url(#${clip})`),
      above: group.append("g"),
      /** Draw the axes again, after a domain has changed. */
      axes() {
        const labels = options.xLabels !== false;
        bottom
          .attr("transform", `translate(0,${made.height})`)
          .call(ticked(axisBottom(x), options.xTicks ?? Math.max(3, made.width / 60), options.xFormat))
          .call((axis) => labels || axis.selectAll("text").remove());
        left.call(
          ticked(axisLeft(y), options.yTicks ?? Math.max(3, made.height / 40), options.yFormat)
            .tickSizeInner(-made.width)
            .tickPadding(6),
        );
        below
          .attr("x", made.width)
          .attr("y", made.height + 34)
          .text(labels ? (options.xTitle ?? "") : "");
      },
      /** Write the numbers again, after the meaning of ticks that stay in their places. */
      labels() {
        bottom.selectAll(".tick text").text(options.xFormat);
        left.selectAll(".tick text").text(options.yFormat);
      },
      place(box) {
        made.width = box.width - MARGIN.left - MARGIN.right;
        made.height = box.height - MARGIN.top - (options.xLabels === false ? 10 : MARGIN.bottom);
        made.left = box.x + MARGIN.left;
        made.top = box.y + MARGIN.top;
        group.attr("transform", `translate(${made.left},${made.top})`);
        rect.attr("width", made.width).attr("height", made.height);
        title.attr("x", 6 - MARGIN.left).attr("y", -10);
        x.range([0, made.width]);
        y.range([made.height, 0]);
        made.axes();
      },
    };
    made.place(current.boxes[name]);
    panels.push(made);
    return made;
  }

  resize(width);
  return { svg, under, over, panel, resize };
}

function ticked(axis, wanted, format) {
  const ticks = typeof wanted === "function" ? wanted(axis.scale().domain()) : wanted;
  if (Array.isArray(ticks)) {
    const [low, high] = [...axis.scale().domain()].sort((a, b) => a - b);
    axis.tickValues(ticks.filter((tick) => tick >= low && tick <= high));
  } else axis.ticks(ticks);
  return axis.tickSizeOuter(0).tickFormat(format ?? null);
}
