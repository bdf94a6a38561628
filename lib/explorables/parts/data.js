// How does an array come from Python? As its bytes in base64, with its type and shape.

const KINDS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  uint8: Uint8Array,
};

/** Replace every { dtype, shape, base64 } within `data` by a typed array with a `shape`. */
export function decode(data) {
  if (Array.isArray(data)) return data.map(decode);
  if (data === null || typeof data !== "object" || ArrayBuffer.isView(data)) return data;
  if (!("base64" in data)) {
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, decode(value)]));
  }
  const bytes = Uint8Array.from(atob(data.base64), (letter) => letter.charCodeAt(0));
  return Object.assign(new KINDS[data.dtype](bytes.buffer), { shape: data.shape });
}
