/** What the registries of several reactors share out: TSIHs, target ports, refused logins, and who serves which target. */
import { describe, expect, it } from 'vitest';
import { LOGIN_OUT_OF_RESOURCES, LOGIN_TARGET_NOT_FOUND } from '../../../../../src/iscsi/codec/constants.ts';
import type { ProtocolServices } from '../../../../../src/iscsi/protocol/connection/services.ts';
import type { RefusedLogin } from '../../../../../src/iscsi/protocol/login/login-refusals.ts';
import {
  CONNECTION_PARAMETERS_DEFAULT,
  OFFERS_DEFAULT,
  SESSION_PARAMETERS_DEFAULT,
} from '../../../../../src/iscsi/protocol/login/parameters.ts';
import { TargetNode } from '../../../../../src/iscsi/protocol/session/target-node.ts';
import {
  type RegistryShare,
  TargetRegistry,
  WHOLE_SHARE,
} from '../../../../../src/iscsi/protocol/session/target-registry.ts';
import type { ScsiTargetDevice } from '../../../../../src/scsi/target-device.ts';

const INITIATOR = 'iqn.2001-04.com.example:host';
const ADDRESS = '192.0.2.1:1234';
const PORTAL = { host: '192.0.2.2', port: 3260, isWildcard: false };
const TSIH_MAX = 0xffff;

function registryOf(share: RegistryShare): TargetRegistry {
  const services = {
    limits: { commandWindow: 8, sessions: { perTargetMax: 1, perInitiatorMax: 1, isOneHost: false } },
    clock: { nowMs: () => 0 },
    observer: { note: () => undefined },
  } as unknown as ProtocolServices;
  return new TargetRegistry(services, OFFERS_DEFAULT, share);
}

/** A discovery session; its TSIH, or the status that refuses it. */
function logIn(registry: TargetRegistry): { tsih: number } | { status: number } {
  const directory = registry.directory(PORTAL);
  const target = directory.findTarget(null, INITIATOR, ADDRESS);
  if ('isAdmitted' in target || 'reactor' in target) throw new Error('discovery is here');
  const outcome = directory.admit({
    initiatorName: INITIATOR,
    initiatorAlias: null,
    remoteAddress: ADDRESS,
    userName: null,
    target,
    isidHigh: 0,
    isidLow: 1,
    tsih: 0,
    cid: 0,
    cmdSN: 1,
    expStatSN: 0,
    session: { ...SESSION_PARAMETERS_DEFAULT, sessionType: 'Discovery' },
    connection: CONNECTION_PARAMETERS_DEFAULT,
    waiter: { onAdmission: () => undefined },
  });
  if (outcome === null) throw new Error('discovery does not wait');
  return outcome.isAdmitted ? { tsih: outcome.tsih } : { status: outcome.status };
}

/** A target that keeps the numbers of its ports. */
function targetNamed(name: string): { node: TargetNode; ports: number[] } {
  const ports: number[] = [];
  const device = {
    addTargetPort: ({ relativeTargetPort }: { relativeTargetPort: number }) => ports.push(relativeTargetPort),
  } as unknown as ScsiTargetDevice;
  return { node: new TargetNode(name, null, OFFERS_DEFAULT, [{ tag: 1, portals: [PORTAL] }], device), ports };
}

describe('registries of several reactors', () => {
  it('never give the same TSIH, none of them 0, and refuse when their share is used up', () => {
    const count = 3;
    const given = new Set<number>();
    const each = Math.floor(TSIH_MAX / count / 2);
    for (let first = 1; first <= count; first++) {
      const registry = registryOf({ ...WHOLE_SHARE, tsihFirst: first, tsihStep: count });
      for (let i = 0; i < each; i++) given.add((logIn(registry) as { tsih: number }).tsih);
      expect(logIn(registry)).toEqual({ status: LOGIN_OUT_OF_RESOURCES });
    }
    expect(given.size).toBe(count * each);
    expect(Math.min(...given)).toBe(1);
    expect(Math.max(...given)).toBeLessThanOrEqual(TSIH_MAX);
  });

  it('number target ports alike, whichever of them serves the target', () => {
    const names = ['iqn.2026-11.x:a', 'iqn.2026-11.x:b', 'iqn.2026-11.x:c'];
    const numbersSeen = [1, 2].map((self) => {
      const registry = registryOf(WHOLE_SHARE);
      return names.map((name, index) => {
        const { node, ports } = targetNamed(name);
        const reactor = 1 + (index % 2);
        registry.addTarget(node, reactor === self ? null : reactor);
        return ports;
      });
    });
    expect(numbersSeen).toEqual([
      [[1], [2], [3]],
      [[1], [2], [3]],
    ]);
  });

  it('send a login to the reactor of its target, which all of them can tell of', () => {
    const registry = registryOf(WHOLE_SHARE);
    const [here, there] = [targetNamed('iqn.2026-11.x:here'), targetNamed('iqn.2026-11.x:there')];
    registry.addTarget(here.node);
    registry.addTarget(there.node, 2);
    const directory = registry.directory(PORTAL);
    expect(directory.findTarget('iqn.2026-11.x:there', INITIATOR, ADDRESS)).toEqual({ reactor: 2 });
    expect(directory.findTarget('iqn.2026-11.x:here', INITIATOR, ADDRESS)).toMatchObject({ node: here.node });
    expect(directory.findTarget('iqn.2026-11.x:none', INITIATOR, ADDRESS)).toMatchObject({
      status: LOGIN_TARGET_NOT_FOUND,
    });
    expect(registry.targetNames).toEqual(['iqn.2026-11.x:here', 'iqn.2026-11.x:there']);
    expect(registry.target('iqn.2026-11.x:there')?.addresses('')).toEqual(['192.0.2.2:3260,1']);
  });

  it('tell refused logins where they are counted', () => {
    const told: RefusedLogin[] = [];
    const registry = registryOf({ ...WHOLE_SHARE, onRefused: (refused) => told.push(refused) });
    const refused = {
      status: LOGIN_TARGET_NOT_FOUND,
      remoteAddress: ADDRESS,
      initiatorName: INITIATOR,
      targetName: null,
      reason: null,
    };
    registry.directory(PORTAL).onRefused(refused);
    expect(told).toEqual([refused]);
    expect(registry.refusals.counts.size).toBe(0);
  });
});
