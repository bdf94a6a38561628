// Evenly spaced numbers, as numpy's linspace and geomspace give them.

export const linspace = (low, high, count) =>
  Float64Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));

export const geomspace = (low, high, count) =>
  Float64Array.from({ length: count }, (_, i) => low * (high / low) ** (i / (count - 1)));
