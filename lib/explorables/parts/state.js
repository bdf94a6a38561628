// What may a state hold, and how is it moved by a slider, by a key, by an address?
//
// A schema names each value of the state with its default:
//   { value: 0.3, min: 0.01, max: 3, log: true }       a number, on a linear or logarithmic scale;
//                                                      least: "none" is a word for its minimum
//   { value: "hills", among: { hills: "two hills" } }  one of several words, with their labels
//   { value: false }                                   yes or no

const isNumber = (entry) => typeof entry.value === "number";

/** `value` as the entry allows it, or undefined: the right type, inside the range, one of the words. */
export function accept(entry, value) {
  if (isNumber(entry)) {
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number !== "number" || !Number.isFinite(number)) return undefined;
    return number < entry.min || number > entry.max ? undefined : number;
  }
  if (entry.among) return Object.hasOwn(entry.among, value) ? value : undefined;
  if (typeof value === "boolean") return value;
  return { true: true, false: false }[value];
}

/** The nearest number the entry allows, rounded as it is shown. */
export function clamp(entry, number) {
  const inside = Math.min(Math.max(number, entry.min), entry.max);
  const rounded = entry.log
    ? Number(inside.toPrecision(entry.digits ?? 3))
    : Number(inside.toFixed(entry.digits ?? 2));
  return Math.min(Math.max(rounded, entry.min), entry.max);
}

/** Where the number lies in its range, from 0 to 1. */
export function fraction(entry, number) {
  const scale = entry.log ? Math.log : Number;
  return (scale(number) - scale(entry.min)) / (scale(entry.max) - scale(entry.min));
}

/** The number at a fraction of its range; the inverse of `fraction`. */
export function at(entry, part) {
  return clamp(
    entry,
    entry.log
      ? entry.min * (entry.max / entry.min) ** part
      : entry.min + part * (entry.max - entry.min),
  );
}

/** The number `count` key presses further: a hundredth of the range each, or `entry.step`. */
export function step(entry, number, count) {
  if (entry.step !== undefined) return clamp(entry, number + count * entry.step);
  return at(entry, Math.min(Math.max(fraction(entry, number) + count / 100, 0), 1));
}

/** The number as the page prints it. */
export function text(entry, number) {
  if (entry.least !== undefined && number === entry.min) return entry.least;
  const digits = entry.digits ?? (entry.log ? 3 : 2);
  const shown = entry.log
    ? number.toFixed(Math.max(0, digits - 1 - Math.floor(Math.log10(number))))
    : number.toFixed(digits);
  return shown.replace("-", "\u2212");
}

/** The values of `text` ("sigma=0.3,landscape=hills") that the schema allows, and what it does not. */
export function parse(schema, text) {
  const values = {};
  const ignored = [];
  for (const pair of text.split(",").filter(Boolean)) {
    const [key, ...rest] = pair.split("=");
    const value = Object.hasOwn(schema, key) ? accept(schema[key], rest.join("=")) : undefined;
    if (value === undefined) ignored.push(pair);
    else values[key] = value;
  }
  return { values, ignored };
}

/** The values that differ from the defaults, as `parse` reads them. */
export function write(schema, values) {
  return Object.entries(schema)
    .filter(([key, entry]) => values[key] !== entry.value)
    .map(([key]) => `${key}=${values[key]}`)
    .join(",");
}
