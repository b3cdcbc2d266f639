/**
 * How long tests wait for what must come. Only what hangs takes as long: a machine that has much else to do makes no test fail,
 * and what is measured is measured by the benchmarks.
 */
export const PATIENCE_MS = 60_000;

/** Looks every 20 ms until `holds`; throws after `ms`. */
export async function waitUntil(what: string, holds: () => boolean, ms = PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + ms;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
