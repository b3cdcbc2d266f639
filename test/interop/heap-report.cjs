// Loaded into a daemon (node --require). At each SIGUSR2 it writes to HEAP_FILE, as one line of JSON, what the JavaScript
// heap did since the last: allocatedBytes, and how much more of it survives a full collection.
const { appendFileSync } = require('node:fs');
const { isMainThread } = require('node:worker_threads');
const v8 = require('node:v8');
const vm = require('node:vm');

if (isMainThread) {
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc');
  let profiler = null;
  let startBytes = 0;
  const usedBytes = () => v8.getHeapStatistics().used_heap_size;
  process.on('SIGUSR2', () => {
    let report = {};
    if (profiler !== null) {
      const endBytes = usedBytes();
      const { statistics } = profiler.stop();
      let freedBytes = 0;
      for (const { beforeGC, afterGC } of statistics) {
        freedBytes += beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize;
      }
      collect();
      report = { allocatedBytes: endBytes - startBytes + freedBytes, survivingBytes: usedBytes() - startBytes };
    } else {
      collect();
    }
    profiler = new v8.GCProfiler();
    startBytes = usedBytes();
    profiler.start();
    appendFileSync(process.env.HEAP_FILE, `${JSON.stringify(report)}\n`);
  });
}
