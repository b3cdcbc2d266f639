/** `performance`: the engine, the reactors, and the memory they work in. */
import { PAGE_BYTES, SEGMENT_BYTES_MAX, type SlotClass } from '../../../util/slot-pool.ts';
import type { ConfigDocument } from '../config-document.ts';
import type { PerformanceConfig } from '../configuration.ts';
import { BUFFERS_MAX, BUSY_POLL_US_DEFAULT, type PerformanceEntry } from '../schema/schema.ts';

/** Throws ConfigError. */
export function readPerformance(document: ConfigDocument): PerformanceConfig {
  const entry = document.content.performance ?? {};
  return {
    isIoUringEnabled: entry.enableIoUring ?? true,
    sqPollIdleMs: entry.sqPollIdleMs ?? 0,
    isIoPollEnabled: entry.ioPoll ?? false,
    reactors: entry.reactors ?? null,
    isNumaEnabled: entry.enableNUMA ?? false,
    buffers: readBuffers(document, entry),
    busyPollUs: entry.busyPollUs ?? BUSY_POLL_US_DEFAULT,
    hasHugePages: entry.hugePages ?? false,
  };
}

/** A buffer of a reactor is whole pages and at most a segment; a larger one becomes several. */
function readBuffers(document: ConfigDocument, entry: PerformanceEntry): SlotClass | null {
  const { numaBufferPoolSize: count = 0, numaBufferSize: bytes = 0 } = entry;
  if (count === 0 || bytes === 0) return null;
  const pieces = Math.ceil(bytes / SEGMENT_BYTES_MAX);
  if (count * pieces > BUFFERS_MAX) {
    const most = Math.floor(BUFFERS_MAX / pieces);
    throw document.fault('performance.numaBufferPoolSize', count, `expected at most ${most} buffers of ${bytes} bytes`);
  }
  const capacityBytes = Math.ceil(bytes / pieces / PAGE_BYTES) * PAGE_BYTES;
  return { capacityBytes, count: count * pieces };
}
