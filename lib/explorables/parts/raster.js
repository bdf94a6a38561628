// How is a landscape over a plane painted? As a canvas on the page, as a PNG in a still picture.

import { LANDSCAPE_COLORS } from "./colors.js";

/** The opaque colours of values between low and high, four bytes each. */
export function rgba(values, low, high, colors = LANDSCAPE_COLORS) {
  const palette = new Uint32Array(colors.buffer);
  const pixels = new Uint32Array(values.length);
  const last = palette.length - 1;
  const scale = high > low ? last / (high - low) : 0;
  for (let i = 0; i < values.length; i += 1) {
    pixels[i] = palette[Math.round(Math.min(Math.max((values[i] - low) * scale, 0), last))];
  }
  return new Uint8ClampedArray(pixels.buffer);
}

/**
 * A picture that fills a panel. paint(bytes, columns, rows) shows it, first row at the top.
 *
 * `encode(bytes, columns, rows)` gives the address of a PNG; only the drawing of stills has it.
 */
export function createRaster(under, panel, encode) {
  if (encode) {
    const image = panel.marks.insert("image", ":first-child").attr("preserveAspectRatio", "none");
    return {
      paint(bytes, columns, rows) {
        image
          .attr("width", panel.width)
          .attr("height", panel.height)
          .attr("href", encode(bytes, columns, rows));
      },
    };
  }
  const canvas = under.appendChild(under.ownerDocument.createElement("canvas"));
  canvas.setAttribute("aria-hidden", "true");
  const context = canvas.getContext("2d", { alpha: false });
  return {
    paint(bytes, columns, rows) {
      if (canvas.width !== columns || canvas.height !== rows) {
        canvas.width = columns;
        canvas.height = rows;
      }
      context.putImageData(new ImageData(bytes, columns, rows), 0, 0);
      Object.assign(canvas.style, {
        left: `${panel.left}px`,
        top: `${panel.top}px`,
        width: `${panel.width}px`,
        height: `${panel.height}px`,
      });
    },
  };
}
