/** Data whose every byte tells its place. */
export function pattern(bytes: number, seed = 1): Buffer {
  const data = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) data[i] = (i * 7 + (i >>> 8) * 13 + seed * 29) & 0xff;
  return data;
}
