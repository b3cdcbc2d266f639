/** Which addresses and portal groups a configuration's portals become at the iSNS server. */
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { Portal } from '../../src/iscsi/protocol/session/target-node.ts';
import { PORTALS_MAX } from '../../src/isns/registration.ts';
import { entityOf, machineAddresses, registrationOf } from '../../src/name-service.ts';

function portal(host = ''): Portal {
  return { host, port: 3260, isWildcard: host === '' };
}

function place(address: string, port = 3260) {
  return { address, port };
}

function info(address: string, internal = false): NetworkInterfaceInfo {
  const family = address.includes(':') ? { family: 'IPv6' as const, scopeid: 0 } : { family: 'IPv4' as const };
  return { address, internal, netmask: '', mac: '', cidr: null, ...family } as NetworkInterfaceInfo;
}

const MACHINE = ['192.0.2.1', '198.51.100.1', '2001:db8::1'];

describe('registrationOf', () => {
  it('a portal on every IPv4 address is each of them, one on every IPv6 address each of those', () => {
    const [everywhere, four] = [portal(), portal('0.0.0.0')];
    const bound = new Map([
      [everywhere, [place('0.0.0.0'), place('::')]],
      [four, [place('0.0.0.0', 860)]],
    ]);
    const groups = [
      { tag: 1, portals: [everywhere] },
      { tag: 2, portals: [four] },
    ];
    const { registration, leftOut } = registrationOf(
      [{ name: 'iqn.a', alias: null, portalGroups: groups }],
      bound,
      MACHINE,
    );
    const first = [place('192.0.2.1'), place('198.51.100.1'), place('2001:db8::1')];
    const second = [place('192.0.2.1', 860), place('198.51.100.1', 860)];
    expect(registration.nodes).toEqual([
      {
        name: 'iqn.a',
        alias: null,
        portalGroups: [
          { tag: 1, portals: first },
          { tag: 2, portals: second },
        ],
      },
    ]);
    expect(registration.portals).toEqual([...first, ...second]);
    expect(leftOut).toEqual([]);
  });

  it('a portal of two targets is registered once; one that no target uses is not', () => {
    const [used, unused] = [portal('192.0.2.1'), portal('192.0.2.2')];
    const bound = new Map([
      [used, [place('192.0.2.1')]],
      [unused, [place('192.0.2.2')]],
    ]);
    const targets = ['iqn.a', 'iqn.b'].map((name) => ({
      name,
      alias: 'x',
      portalGroups: [{ tag: 1, portals: [used] }],
    }));
    const { registration } = registrationOf(targets, bound, MACHINE);
    expect(registration.portals).toEqual([place('192.0.2.1')]);
    expect(registration.nodes.map(({ portalGroups }) => portalGroups)).toEqual(
      targets.map(() => [{ tag: 1, portals: [place('192.0.2.1')] }]),
    );
  });

  it('addresses with a zone, and those beyond the limit, are left out and named', () => {
    const [zoned, many] = [portal('fe80::1%eth0'), portal('many')];
    const places = Array.from({ length: PORTALS_MAX + 2 }, (_, i) => place('192.0.2.1', 1 + i));
    const bound = new Map([
      [zoned, [place('fe80::1%eth0')]],
      [many, places],
    ]);
    const target = { name: 'iqn.a', alias: null, portalGroups: [{ tag: 1, portals: [zoned, many] }] };
    const { registration, leftOut } = registrationOf([target], bound, MACHINE);
    expect(registration.portals).toEqual(places.slice(0, PORTALS_MAX));
    expect(registration.nodes[0]?.portalGroups[0]?.portals).toEqual(places.slice(0, PORTALS_MAX));
    expect(leftOut).toEqual(['fe80::1%eth0', '192.0.2.1']);
  });
});

describe('machineAddresses', () => {
  const loopback = [info('127.0.0.1', true), info('::1', true)];

  it('are those that others can use, once each, in one order', () => {
    const interfaces = {
      lo: loopback,
      eth1: [info('192.0.2.9'), info('fe80::2'), info('2001:db8::9')],
      eth0: [info('192.0.2.10'), info('192.0.2.9'), info('169.254.1.1')],
      none: undefined,
    };
    expect(machineAddresses(interfaces)).toEqual(['192.0.2.10', '192.0.2.9', '2001:db8::9']);
  });

  it('are loopback where there is nothing else', () => {
    expect(machineAddresses({ lo: loopback, eth0: [info('fe80::1')] })).toEqual(['127.0.0.1', '::1']);
  });
});

describe('entityOf', () => {
  it('stays, and differs between state directories', () => {
    expect(entityOf('/var/lib/a')).toBe(entityOf('/var/lib/a'));
    expect(entityOf('/var/lib/a')).not.toBe(entityOf('/var/lib/b'));
    expect(entityOf('/var/lib/a')).toMatch(/^.+:gotgt-native:[0-9a-f]{8}$/);
  });
});
