// node still.js < request: draws one explorable without a browser.
//
// The request is JSON: { module, state, data, style, font, uid, width }; `module` and `style` are
// paths of a bundle and its style sheet, `font` that of the typeface for the PNG. The answer is
// JSON: { html, png }, the markup for pages and, in base64, a picture for print.

import { Resvg } from "@resvg/resvg-js";
import { encode } from "fast-png";
import { parseHTML } from "linkedom";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const PIXELS_PER_UNIT = 2;

const { module, state, data, style, font, uid, family } = JSON.parse(await text(process.stdin));
const { default: explorable } = await import(pathToFileURL(module));
const { document } = parseHTML("<!doctype html><html><body><div></div></body></html>");
const el = document.querySelector("div");
const values = { ...state, data, uid, encode: asPng };
explorable.render({ el, model: { get: (key) => values[key], set() {}, on() {}, off() {} } });
for (const input of el.querySelectorAll("input, select, button, [tabindex]")) {
  input.toggleAttribute("inert", true);
}
const drawing = el.querySelector("svg");
const png = new Resvg(forPrint(drawing.toString(), await readFile(style, "utf8")), {
  background: "white",
  font: { loadSystemFonts: false, fontFiles: [font], defaultFontFamily: family },
  fitTo: { mode: "zoom", value: PIXELS_PER_UNIT },
})
  .render()
  .asPng();
process.stdout.write(JSON.stringify({ html: el.innerHTML, png: png.toString("base64") }));

function asPng(bytes, width, height) {
  const picture = encode({ data: bytes, width, height, channels: 4, depth: 8 });
  return `data:image/png;base64,${Buffer.from(picture).toString("base64")}`;
}

/** The drawing with its style inside it, in the colours for paper. */
function forPrint(svg, css) {
  const [, colors, rules] = css.match(/paper \*\/([^]*?)\/\* dark[^]*?\/\* drawing \*\/([^]*)\/\* page/);
  const paper = Object.fromEntries(
    [...colors.matchAll(/(--ex-[a-z-]+):\s*([^;]+);/g)].map(([, name, value]) => [name, value]),
  );
  const plain = rules.replace(/var\((--ex-[a-z-]+)\)/g, (_, name) => paper[name] ?? "none");
  const start = svg.indexOf(">") + 1;
  const xml = svg.slice(0, start).includes("xmlns=")
    ? svg.slice(0, start)
    : svg.slice(0, start).replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"');
  return `${xml}<style>${plain} text { font-family: "${family}" }</style>${svg.slice(start)}`;
}
