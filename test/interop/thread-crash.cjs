// Loaded into every thread of a daemon (node --require): ends reactor 2, the way CRASH_WAY says, once CRASH_FILE is there.
const { existsSync } = require('node:fs');
const { isMainThread, workerData } = require('node:worker_threads');

if (!isMainThread && workerData.plan.reactor === 2) {
  const timer = setInterval(() => {
    if (existsSync(process.env.CRASH_FILE)) crash();
  }, 20);
  timer.unref();
}

function crash() {
  switch (process.env.CRASH_WAY) {
    case 'exception':
      throw new Error('what a bug would throw');
    case 'exit':
      process.exit(0);
      break;
    case 'memory': {
      const kept = [];
      for (;;) kept.push(new Array(100_000).fill(kept.length));
    }
  }
}
