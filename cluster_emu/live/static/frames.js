// Reads the binary frames of cluster_emu/live/frames.py.
const TYPES = { u1: Uint8Array, i4: Int32Array, f4: Float32Array, f8: Float64Array };
const decoder = new TextDecoder();

/** Return {header, arrays}; the arrays are views of the buffer and are not copied. */
export function unpack(buffer) {
  const view = new DataView(buffer);
  if (view.getUint32(0, false) !== 0x43454631) throw new Error("not a frame");
  const length = view.getUint32(4, true);
  const header = JSON.parse(decoder.decode(new Uint8Array(buffer, 8, length)));
  let offset = 8 + length;
  const arrays = {};
  for (const [name, type, count] of header.arrays) {
    const array = new TYPES[type](buffer, offset, count);
    arrays[name] = array;
    offset += Math.ceil(array.byteLength / 8) * 8;
  }
  return { header, arrays };
}
