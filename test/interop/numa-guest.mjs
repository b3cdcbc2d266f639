/**
 * What numa.test.ts runs in its guest: the daemon with a storage on each of two nodes, a client that uses both, and then where
 * the kernel says that memory and threads are. One line of JSON for the test, after "== ".
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { startDaemon } from '/dist/daemon.js';
import { configurationOf } from '/dist/mgmt/config/config.js';
import { createLogger } from '/dist/mgmt/logging.js';
import { loadNative } from '/dist/native/binding.js';

const NAMES = ['iqn.2026-11.org.example:node0', 'iqn.2026-11.org.example:node1'];
const { native, reason } = loadNative();
if (native === null) throw new Error(reason);

const text = JSON.stringify({
  storages: NAMES.map((_, node) => ({
    deviceID: node,
    path: `iouring:/tmp/${node}.img`,
    size: '4MiB',
    numaNode: node,
  })),
  iscsiportals: [{ id: 0, portal: '127.0.0.1:3260' }],
  iscsitargets: Object.fromEntries(NAMES.map((name, node) => [name, { luns: { 0: node } }])),
  performance: { enableNUMA: true },
});
const file = { path: '/tmp/config.json', text };
const source = { stateDirectory: '/tmp/state', file, host: null, port: null, blocksMultipleHosts: false };
const logger = await createLogger('debug', false);
const daemon = await startDaemon(source, configurationOf(source), logger);
for (const name of NAMES) await inquire(name);
const threads = readdirSync('/proc/self/task').map((task) => {
  const status = readFileSync(`/proc/self/task/${task}/status`, 'utf8');
  return { name: /^Name:\s+(.*)$/m.exec(status)?.[1], cpus: /^Cpus_allowed_list:\s+(.*)$/m.exec(status)?.[1] };
});
const result = {
  topology: native.numaTopology(),
  status: await daemon.status(),
  threads,
  arenas: [0, 1].map((node) => arenaNodes(node, false)),
  hugeArenas: [0, 1].map((node) => arenaNodes(node, true)),
  isDrained: await daemon.stop(),
};
console.log(`== ${JSON.stringify(result)}`);
process.exit(0);

/** The nodes that the pages of an arena are on which is bound to `node`, however the thread is placed. */
function arenaNodes(node, hugePages) {
  const arena = native.createArena(16 * 1024 * 1024, { numaNode: node, hugePages });
  const { memory, numaNode, hasHugePages, reason: fault } = arena;
  memory.fill(1);
  const nodes = new Set();
  for (let offset = 0; offset < memory.length; offset += 4096) nodes.add(native.pageNode(memory, offset));
  return { numaNode, hasHugePages, fault, nodes: [...nodes] };
}

function inquire(name) {
  return new Promise((resolve, reject) => {
    execFile('/bin/iscsi-inq', [`iscsi://127.0.0.1/${name}/0`], (error, stdout) => {
      if (error === null && stdout.includes('DIRECT_ACCESS')) resolve();
      else reject(error ?? new Error(stdout));
    });
  });
}
