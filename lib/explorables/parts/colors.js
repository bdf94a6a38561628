// What do the colours of the book mean? The same as in `mollify.figures`, which the tests compare.

import { scaleLog, scaleLinear } from "d3-scale";

import { geomspace, linspace } from "../numerics/spacing.js";

const BY_SIGMA = [
  "#0d0887", "#260591", "#38049a", "#4903a0", "#5901a5", "#6900a8", "#7801a8", "#8707a6", "#9511a1",
  "#a31e9a", "#b02991", "#bb3488", "#c5407e", "#ce4b75", "#d7566c", "#df6263", "#e76e5b",
];
const CIVIDIS = [
  "#00224e", "#002656", "#002a5f", "#002d68", "#003070", "#083370", "#163770", "#203a6f", "#273e6e",
  "#2e416d", "#34456c", "#3a486c", "#3f4c6c", "#444f6c", "#49536c", "#4e566c", "#535a6d", "#575d6d",
  "#5c616e", "#60646f", "#656870", "#696b71", "#6d6f72", "#727274", "#767676", "#7a7a78", "#7e7d78",
  "#838179", "#888578", "#8d8878", "#928c78", "#969077", "#9b9476", "#a09875", "#a59c74", "#aaa073",
  "#afa471", "#b5a86f", "#baac6d", "#bfb06b", "#c4b468", "#c9b965", "#cfbd62", "#d4c15f", "#dac65b",
  "#dfca57", "#e5cf52", "#ead34c", "#f0d846", "#f6dd3f", "#fce236", "#fee838",
];

/** The colour of a standard deviation as `rgb(...)`: one logarithmic scale from 0.001 to 10. */
export const sigmaColor = scaleLog(geomspace(1e-3, 10, BY_SIGMA.length), BY_SIGMA).clamp(true);

const cividis = scaleLinear(linspace(0, 1, CIVIDIS.length), CIVIDIS).clamp(true);

/** 256 opaque colours, four bytes each, from the lowest value of a landscape to the highest. */
export const LANDSCAPE_COLORS = Uint8ClampedArray.from(
  [...linspace(0, 1, 256)].flatMap((part) => [...cividis(part).match(/\d+/g).map(Number), 255]),
);

/** Colour marks by sigma. The property lets the style sheet lighten the colour in the dark. */
export function paint(selection, attribute, color) {
  return selection
    .attr(attribute, color)
    .style("--ex-mark", color)
    .classed(`ex-${attribute}`, true);
}
