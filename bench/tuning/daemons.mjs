/**
 * The daemons of one experiment. Settings that differ in their targets or storages only are targets of one daemon, so that
 * nothing but the setting differs; those of the whole daemon have one each.
 */
import { startDaemon, stopServer } from '../macro/servers.mjs';
import { DEFAULT_ID } from './experiments.mjs';

const TARGET = 'iqn.2026-11.org.example:tuning';

/** The default and the settings of an experiment, each with what `base` says and what it says itself. */
export function variantsOf({ base = {}, settings }) {
  return [{ id: DEFAULT_ID }, ...settings].map((setting) => merge(base, setting));
}

function merge(base, setting) {
  const both = { disk: 'small', scheme: 'iouring', ...base, ...setting };
  for (const part of ['storage', 'negotiation', 'performance', 'limits', 'load', 'how']) {
    both[part] = { ...base[part], ...setting[part] };
  }
  return both;
}

/**
 * Starts what an experiment needs.
 * @returns { servers, pids }: `servers` by the variants' ids, a list for each with one server per target; each has the
 *   `path` of its disk
 */
export async function startVariants(experiment, variants, { dir, disks }) {
  const taken = new Map();
  const plans = [...grouped(variants).values()].map((group) => ({
    how: group[0].how,
    ...planDaemon(group, experiment.targets ?? 1, (variant) => takeDisk(variant, disks, taken)),
  }));
  const started = await Promise.all(
    plans.map(({ config, how }, nth) => startDaemon(dir, `${experiment.id}-${nth}`, config, how)),
  );
  const servers = new Map();
  for (const [nth, { targets }] of plans.entries()) {
    const { pid, port } = started[nth];
    for (const { id, target, path } of targets) {
      const server = { name: `${experiment.id} ${id}`, pid, port, target, luns: { disk: 0 }, path };
      servers.set(id, [...(servers.get(id) ?? []), server]);
    }
  }
  return { servers, pids: started.map(({ pid }) => pid) };
}

export async function stopVariants({ pids }) {
  await Promise.all(pids.map(stopServer));
}

function daemonKey({ scheme, performance, limits, how }) {
  return JSON.stringify({ scheme, performance, limits, how });
}

function grouped(variants) {
  const groups = new Map();
  for (const variant of variants) {
    const key = daemonKey(variant);
    groups.set(key, [...(groups.get(key) ?? []), variant]);
  }
  return groups;
}

/** No disk is served twice in an experiment: a daemon locks what it serves. */
function takeDisk({ disk, readAheadKiB }, disks, taken) {
  const number = taken.get(disk) ?? 0;
  taken.set(disk, number + 1);
  return disks.take(disk, number, readAheadKiB);
}

function planDaemon(group, targetCount, take) {
  const storages = new Map();
  const targets = [];
  for (const variant of group) {
    for (let nth = 0; nth < targetCount; nth++) {
      const key = storageKey(variant, nth);
      if (!storages.has(key)) storages.set(key, storageOf(variant, storages.size, take(variant)));
      const { deviceID, path } = storages.get(key);
      const target = `${TARGET}-${variant.id}-${nth}`;
      targets.push({ id: variant.id, target, deviceID, path: path.slice(path.indexOf(':') + 1), variant });
    }
  }
  const config = {
    storages: [...storages.values()],
    iscsiportals: [{ id: 0, portal: '127.0.0.1:0' }],
    iscsitargets: Object.fromEntries(
      targets.map(({ target, deviceID, variant: { negotiation } }) => [target, { luns: { 0: deviceID }, negotiation }]),
    ),
    performance: group[0].performance,
    limits: group[0].limits,
  };
  return { config, targets };
}

function storageKey({ id, disk, storage, isAlone }, nth) {
  return JSON.stringify({ disk, storage, nth, owner: isAlone === true ? id : null });
}

function storageOf({ scheme, storage }, deviceID, path) {
  return { deviceID, path: `${scheme}:${path}`, ...storage };
}
