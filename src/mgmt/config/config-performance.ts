/** `performance`: the engine, the reactors, and the memory they work in. */
import { PAGE_BYTES, SEGMENT_BYTES_MAX, type SlotClass } from '../../util/slot-pool.ts';
import type { PerformanceConfig } from './configuration.ts';
import type { PerformanceEntry } from './schema.ts';

export function readPerformance(entry: PerformanceEntry): PerformanceConfig {
  return {
    isIoUringEnabled: entry.enableIoUring ?? true,
    reactors: entry.reactors ?? null,
    isNumaEnabled: entry.enableNUMA ?? false,
    buffers: readBuffers(entry.numaBufferPoolSize ?? 0, entry.numaBufferSize ?? 0),
    hasHugePages: entry.hugePages ?? false,
  };
}

/** A buffer of a reactor is whole pages and at most a segment; a larger one becomes several. */
function readBuffers(count: number, bytes: number): SlotClass | null {
  if (count === 0 || bytes === 0) return null;
  const pieces = Math.ceil(bytes / SEGMENT_BYTES_MAX);
  const capacityBytes = Math.ceil(bytes / pieces / PAGE_BYTES) * PAGE_BYTES;
  return { capacityBytes, count: count * pieces };
}
