// How is a number written in few letters, however small it is?

const RAISED = Object.fromEntries([..."-0123456789"].map((one, i) => [one, [..."⁻⁰¹²³⁴⁵⁶⁷⁸⁹"][i]]));

// Making a format takes longer than using it.
const formats = new Map();

/** To so many digits, with a minus sign and commas: −20,400. */
export function rounded(value, digits = 2) {
  if (!formats.has(digits)) {
    formats.set(digits, new Intl.NumberFormat("en", { maximumSignificantDigits: digits }));
  }
  return formats.get(digits).format(value).replace("-", "\u2212");
}

/** To one or two digits, as a power of ten where it is small or large: 0.25, 3·10⁻⁷. */
export function short(value) {
  if (value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6)) return rounded(value);
  const [digits, power] = value.toExponential(0).split("e").map(Number);
  const raised = [...String(power)].map((one) => RAISED[one]).join("");
  return `${digits === 1 ? "" : digits === -1 ? "\u2212" : `${rounded(digits)}\u00b7`}10${raised}`;
}
