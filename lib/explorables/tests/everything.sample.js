// An explorable that uses every shared part, for the tests: a point on a painted plane.

import { scaleLinear } from "d3-scale";

import { explorable } from "../parts/explorable.js";
import { columns } from "../parts/figure.js";
import { rgba } from "../parts/raster.js";

const SIDE = 24;

export default explorable({
  name: "everything",
  state: {
    x: { value: 0.5, min: 0, max: 1 },
    y: { value: 0.25, min: 0, max: 1 },
    tilt: { value: 1, min: 0.1, max: 10, log: true },
    upside: { value: false },
    kind: { value: "sum", among: { sum: "sum", product: "product", failure: "failure" } },
  },
  layout: (width) => columns(width, [[1, { plane: Math.min(300, width) }]]),
  finding: ({ x, y }) => `A painted square with a point at ${x} and ${y}.`,
  build(view) {
    const plane = view.panel("plane", { x: scaleLinear(), y: scaleLinear(), title: "A plane" });
    const raster = view.raster(plane);
    const point = plane.above.append("circle").attr("r", 5);
    view.choice("kind", "Kind");
    view.toggle("upside", "Upside down");
    view.slider("tilt", "Tilt");
    const clock = view.clock((seconds) => {
      const { x } = view.values();
      view.set({ x: x >= 1 ? 0 : Math.max(x + 0.01, x + 0.2 * seconds) });
    });
    const button = view.button("Play", () => (clock.playing ? clock.pause() : clock.play()));
    view.handle(plane, {
      label: "Point of the plane",
      keys: { x: "x", y: "y" },
      at: ({ x, y }) => [x, y],
      drag: ([x, y]) => ({ x, y }),
    });
    view.area(plane, { axis: "xy", drag: ([x, y]) => ({ x, y }) });
    return ({ x, y, tilt, upside, kind }) => {
      if (kind === "failure") throw new Error("this kind always fails");
      button.textContent = clock?.playing ? "Pause" : "Play";
      const values = Float64Array.from({ length: SIDE * SIDE }, (_, i) => {
        const [column, row] = [i % SIDE, Math.floor(i / SIDE)];
        const height = upside ? row : SIDE - 1 - row;
        return kind === "sum" ? column + tilt * height : column * height ** tilt;
      });
      raster.paint(rgba(values, 0, Math.max(...values)), SIDE, SIDE);
      point.attr("cx", plane.x(x)).attr("cy", plane.y(y));
      view.say(`The point is at ${x.toFixed(2)}, ${y.toFixed(2)}; ${view.data?.length ?? 0} data.`);
    };
  },
});
