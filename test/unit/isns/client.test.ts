/**
 * The client against a server in memory that keeps entities by the RFC's rules, in virtual time. What counts is what the
 * server ends up with, and that the client finds its way back after everything a server or a network does.
 */
import { describe, expect, it } from 'vitest';
import {
  attributeNumber,
  attributeText,
  findAttribute,
  numberAttribute,
  readAttributes,
  textAttribute,
  writeAttributes,
} from '../../../src/isns/attributes.ts';
import { CONNECT_TIMEOUT_MS, LEAVE_TIMEOUT_MS, RETRY_MS_MAX } from '../../../src/isns/client.ts';
import { type Message, writeMessage } from '../../../src/isns/message.ts';
import type { IsnsNode, IsnsPortal, Registration } from '../../../src/isns/registration.ts';
import { seededRandom } from '../../random.ts';
import { ENTITY, ScriptedSink } from './scripted-sink.ts';

const A: IsnsPortal = { address: '192.0.2.1', port: 3260 };
const B: IsnsPortal = { address: '2001:db8::1', port: 3261 };
const A_HEX = '00000000000000000000ffffc0000201/3260';
const B_HEX = '20010db8000000000000000000000001/3261';

const REGISTER = '1';
const REPLACE = '1R';
const QUERY = '2';
const REMOVE = '4';

function node(
  name: string,
  groups: IsnsNode['portalGroups'] = [{ tag: 1, portals: [A, B] }],
  alias: string | null = null,
): IsnsNode {
  return { name: `iqn.2026-11.org.example:${name}`, alias, portalGroups: groups };
}

function registration(nodes: readonly IsnsNode[], portals: readonly IsnsPortal[] = [A, B]): Registration {
  return { portals, nodes };
}

/** A client that is registered with these nodes. */
function registered(...names: string[]): ScriptedSink {
  const world = new ScriptedSink();
  world.client.update(registration(names.map((name) => node(name))));
  world.settle();
  expect(world.client.state).toBe('registered');
  world.server.log.length = 0;
  return world;
}

function namesAt({ server }: ScriptedSink): string[] {
  return [...(server.entities.get(ENTITY)?.nodes.keys() ?? [])].map((name) => name.split(':')[1] as string).sort();
}

function sourceOf({ payload }: Message): string {
  const first = (readAttributes(payload, 0) ?? [])[0];
  return first === undefined ? '' : (attributeText(first).split(':')[1] as string);
}

describe('registering', () => {
  it('puts portals, nodes, aliases and portal groups on the server', () => {
    const world = new ScriptedSink();
    const first = node('a', [
      { tag: 1, portals: [A] },
      { tag: 2, portals: [B] },
    ]);
    world.client.update(registration([first, node('b', [{ tag: 7, portals: [B] }], 'the second')]));
    world.settle();
    const entity = world.server.entities.get(ENTITY);
    expect([...(entity?.portals ?? [])]).toEqual([A_HEX, B_HEX]);
    expect([...(entity?.nodes ?? [])].map(([name, { alias, groups }]) => [name, alias, [...groups]])).toEqual([
      [
        'iqn.2026-11.org.example:a',
        null,
        [
          [A_HEX, 1],
          [B_HEX, 2],
        ],
      ],
      [
        'iqn.2026-11.org.example:b',
        'the second',
        [
          [B_HEX, 7],
          [A_HEX, null],
        ],
      ],
    ]);
    expect(world.server.log).toEqual([REPLACE, QUERY]);
    expect(world.notes).toEqual(['iSNS: registered']);
  });

  it('what an earlier run has left is replaced', () => {
    const world = new ScriptedSink();
    const earlier = new ScriptedSink();
    earlier.client.update(registration([node('old'), node('a')]));
    earlier.settle();
    for (const [name, entity] of earlier.server.entities) world.server.entities.set(name, entity);
    world.client.update(registration([node('a')], [A]));
    world.settle();
    expect(namesAt(world)).toEqual(['a']);
    expect([...(world.server.entities.get(ENTITY)?.portals ?? [])]).toEqual([A_HEX]);
  });

  it('nothing to register connects nowhere', () => {
    const world = new ScriptedSink();
    world.client.update(registration([]));
    world.pass(1e6);
    expect(world.connects).toEqual([]);
    expect(world.client.state).toBe('idle');
  });

  it.each([
    ['two thousand targets', 2000, 2],
    ['a few targets on very many portals', 3, 200],
    ['a target on as many portals as go with it', 1, 16],
    ['a target on one more', 1, 17],
  ])('%s go in messages that are not too long, nor their answers', (_what, nodeCount, portalCount) => {
    const world = new ScriptedSink();
    const portals = Array.from({ length: portalCount }, (_, i) => ({ address: `192.0.2.${i}`, port: 3260 }));
    const names = Array.from({ length: nodeCount }, (_, i) => `${i}-`.padEnd(199, 'x'));
    const groups = portals.slice(1).map((portal, i) => ({ tag: i, portals: [portal] }));
    world.client.update(
      registration(
        names.map((name) => node(name, groups, 'a'.repeat(255))),
        portals,
      ),
    );
    world.settle();
    expect(namesAt(world)).toEqual([...names].sort());
    for (const { groups: ways } of world.server.entities.get(ENTITY)?.nodes.values() ?? []) {
      expect([...ways.values()].sort()).toEqual([...portals.slice(1).map((_, i) => i), null].sort());
    }
    expect(world.server.log[0]).toBe(REPLACE);
    expect(world.server.log.slice(1, -1).every((entry) => entry === REGISTER)).toBe(true);
    world.client.update(registration([node(names[0] as string)]));
    world.settle();
    expect(namesAt(world)).toEqual(names.slice(0, 1));
  });

  it('a server without portal groups gets none, and is not asked again', () => {
    const world = new ScriptedSink();
    world.server.knowsPortalGroups = false;
    world.client.update(registration([node('a')]));
    world.settle();
    expect(world.server.log).toEqual([REPLACE, REPLACE, QUERY]);
    expect(world.server.entities.get(ENTITY)?.nodes.get('iqn.2026-11.org.example:a')?.groups.size).toBe(0);
    world.client.update(registration([node('a'), node('b')]));
    world.settle();
    expect(world.server.log).toEqual([REPLACE, REPLACE, QUERY, REGISTER, QUERY]);
  });
});

describe('changes', () => {
  it('what is the same is not sent again', () => {
    const world = registered('a', 'b');
    world.client.update(registration([node('a'), node('b')]));
    world.settle();
    expect(world.server.log).toEqual([]);
  });

  it('a target more is registered; a target and a portal less are deregistered, nothing else is', () => {
    const world = registered('a', 'b');
    world.client.update(
      registration([node('b', [{ tag: 1, portals: [A] }]), node('c', [{ tag: 1, portals: [A] }])], [A]),
    );
    world.settle();
    expect(world.server.log).toEqual([REGISTER, REMOVE, QUERY]);
    expect(namesAt(world)).toEqual(['b', 'c']);
    expect([...(world.server.entities.get(ENTITY)?.portals ?? [])]).toEqual([A_HEX]);
  });

  it('who asks is a node that is registered before and after', () => {
    const world = registered('a', 'b');
    world.server.requests.length = 0;
    world.client.update(registration([node('c'), node('b')]));
    world.settle();
    expect(world.server.requests.map(sourceOf)).toEqual(['b', 'b', 'c']);
    expect(namesAt(world)).toEqual(['b', 'c']);
  });

  it('where no node stays, the entity goes and comes anew', () => {
    const world = registered('a');
    world.client.update(registration([node('b')]));
    world.settle();
    expect(world.server.log).toEqual([REMOVE, REGISTER, QUERY]);
    expect(namesAt(world)).toEqual(['b']);
  });

  it('the last target takes the entity and the connection with it, the next one brings them back', () => {
    const world = registered('a');
    world.client.update(registration([]));
    world.settle();
    expect(world.server.log).toEqual([REMOVE]);
    expect(world.server.entities.size).toBe(0);
    expect([world.client.state, world.timerMs]).toEqual(['idle', null]);
    world.client.update(registration([node('b')]));
    world.settle();
    expect(namesAt(world)).toEqual(['b']);
  });

  it('while a round is under way only the last of many counts', () => {
    const world = new ScriptedSink();
    world.client.update(registration([node('a')]));
    for (let i = 0; i < 100; i++) world.client.update(registration([node('a'), node(`${i}`)]));
    world.settle();
    expect(namesAt(world)).toEqual(['99', 'a']);
    expect(world.server.log).toEqual([REPLACE, QUERY]);
    for (let i = 0; i < 100; i++) world.client.update(registration([node(`${i}`)]));
    world.settle();
    expect(namesAt(world)).toEqual(['99']);
    expect(world.server.requests.length).toBeLessThan(12);
  });

  it('a refused deregistration is told and does not hold up the rest', () => {
    const world = registered('a', 'b');
    world.server.refusals.push({ functionId: 4, status: 8 });
    world.client.update(registration([node('a')]));
    world.settle();
    expect(world.client.state).toBe('registered');
    expect(world.notes.at(-2)).toBe('iSNS: the server keeps what is no longer served: Source Unauthorized');
  });
});

describe('staying registered', () => {
  it.each([
    [300, 300, 100],
    [300, 30, 10],
    [600, 2, 1],
    [300, 86_400, 600],
    [300, 0, 100],
  ])('asked for %i s and granted %i s, it asks every %i s', (asked, granted, everyS) => {
    const world = new ScriptedSink(asked);
    world.server.periodS = granted;
    world.client.update(registration([node('a')]));
    world.settle();
    const { payload } = world.server.requests[0] as Message;
    const period = findAttribute(readAttributes(payload, 0) ?? [], 6);
    expect(period === null ? null : attributeNumber(period)).toBe(asked);
    world.server.log.length = 0;
    world.pass(everyS * 1000 - 1);
    expect(world.server.log).toEqual([]);
    world.pass(1 + everyS * 1000 * 4);
    expect(world.server.log).toEqual(Array(5).fill(QUERY));
    expect(world.notes.length).toBe(1);
  });

  it('a registration that the server has dropped is found missing and made again', () => {
    const world = registered('a');
    world.server.entities.clear();
    world.pass(100_000);
    expect(namesAt(world)).toEqual(['a']);
    expect(world.server.log).toEqual([QUERY, REGISTER, QUERY]);
    expect(world.notes).toEqual(['iSNS: registered', 'iSNS: the server has lost the registration; registering again']);
  });

  it.each([6, 9])('status %i to the query is such a loss too', (status) => {
    const world = registered('a');
    world.server.refusals.push({ functionId: 2, status });
    world.pass(100_000);
    expect(world.server.log).toEqual([QUERY, REGISTER, QUERY]);
    expect(world.client.state).toBe('registered');
  });

  it('a server that shows the entity to nobody is refreshed by registering, not taken for one that forgot', () => {
    const world = new ScriptedSink();
    world.server.isVisible = false;
    world.client.update(registration([node('a')]));
    world.pass(300_000);
    expect(world.server.log).toEqual([REPLACE, QUERY, REGISTER, QUERY, REGISTER, QUERY, REGISTER, QUERY]);
    expect(world.notes.length).toBe(1);
  });
});

describe('servers that come and go', () => {
  it('an absent server is tried ever more seldom, at most each minute, and told once', () => {
    const world = new ScriptedSink();
    world.isServerUp = false;
    world.chance = 0.999_999;
    world.client.update(registration([node('a')]));
    world.pass(600_000);
    const waits = world.connects.slice(1).map((at, i) => Math.round((at - (world.connects[i] as number)) / 1000));
    expect(waits.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(RETRY_MS_MAX / 1000);
    expect(world.notes).toEqual(['iSNS: not registered; trying again: ECONNREFUSED']);
    world.isServerUp = true;
    world.pass(RETRY_MS_MAX);
    expect(namesAt(world)).toEqual(['a']);
    expect(world.notes.at(-1)).toBe('iSNS: registered');
  });

  it('a server that does not accept is given up after a while', () => {
    const world = new ScriptedSink();
    world.isDark = true;
    world.client.update(registration([node('a')]));
    world.pass(CONNECT_TIMEOUT_MS);
    expect(world.notes).toEqual(['iSNS: not registered; trying again: no connection in time']);
    world.isDark = false;
    world.pass(1000);
    expect(namesAt(world)).toEqual(['a']);
  });

  it('a server that restarts without its memory is registered at again, without a replace', () => {
    const world = registered('a', 'b');
    world.crashServer();
    expect(world.client.state).toBe('waiting');
    world.pass(1000);
    expect(namesAt(world)).toEqual(['a', 'b']);
    expect(world.server.log).toEqual([REGISTER, QUERY]);
  });

  it('changes made while the server was away arrive with it', () => {
    const world = registered('a', 'b');
    world.cut('ECONNRESET');
    world.client.update(registration([node('b'), node('c')]));
    world.pass(1000);
    expect(namesAt(world)).toEqual(['b', 'c']);
  });

  it('a round that broke off is made good by a replace', () => {
    const world = registered('a', 'b');
    world.server.isMute = true;
    world.client.update(registration([node('b'), node('c')]));
    world.settle();
    world.cut('ECONNRESET');
    world.server.isMute = false;
    world.client.update(registration([node('b')]));
    world.pass(1000);
    expect(world.server.log).toEqual([REGISTER, REPLACE, QUERY]);
    expect(namesAt(world)).toEqual(['b']);
  });

  it('a server that ends idle connections is no news', () => {
    const world = registered('a');
    for (let i = 0; i < 10; i++) {
      world.cut('closed by the server');
      world.pass(2000);
      expect(world.client.state).toBe('registered');
    }
    expect(world.notes).toEqual(['iSNS: registered']);
  });

  it('a refusal is told in the words of the RFC and tried again', () => {
    const world = new ScriptedSink();
    world.server.refusals.push({ functionId: 1, status: 12 }, { functionId: 1, status: 77 });
    world.client.update(registration([node('a')]));
    world.pass(10_000);
    expect(world.notes).toEqual([
      'iSNS: not registered; trying again: the server refused: Busy',
      'iSNS: not registered; trying again: the server refused: status 77',
      'iSNS: registered',
    ]);
  });

  it('no answer at all is a failure after ten seconds', () => {
    const world = new ScriptedSink();
    world.server.isMute = true;
    world.client.update(registration([node('a')]));
    world.pass(9999);
    expect(world.client.state).toBe('updating');
    world.pass(1);
    expect(world.notes).toEqual(['iSNS: not registered; trying again: no answer in time']);
  });
});

describe('what servers ask', () => {
  function ask(functionId: number, payload: Uint8Array): { world: ScriptedSink; answer: Message | undefined } {
    const world = registered('a');
    world.server.requests.length = 0;
    world.fromServer(writeMessage({ functionId, flags: 0x4000, transactionId: 99, payload }));
    return { world, answer: world.server.requests.find((message) => message.transactionId === 99) };
  }
  const success = Buffer.alloc(4);

  it('an Entity Status Inquiry is answered with all that it carried', () => {
    const payload = writeAttributes([textAttribute(1, ENTITY), numberAttribute(17, 3260)]);
    const { answer } = ask(0x0d, payload);
    expect(answer).toMatchObject({ functionId: 0x800d, flags: 0x8000 });
    expect(Buffer.from((answer as Message).payload)).toEqual(Buffer.concat([success, payload]));
  });

  it('a State Change Notification is answered with its destination, and one about us is looked into', () => {
    const ours = textAttribute(32, 'iqn.2026-11.org.example:a');
    const { world, answer } = ask(0x08, writeAttributes([ours, numberAttribute(35, 0x10), ours]));
    expect(Buffer.from((answer as Message).payload)).toEqual(Buffer.concat([success, writeAttributes([ours])]));
    expect(world.server.log).toEqual([QUERY]);
    const theirs = textAttribute(32, 'iqn.2026-11.org.example:other');
    expect(ask(0x08, writeAttributes([ours, numberAttribute(35, 0x10), theirs])).world.server.log).toEqual([]);
  });

  it.each([
    ['an unknown function', 0x0101, success, 15],
    ['a function of servers', 0x01, success, 15],
    ['an inquiry that cannot be read', 0x0d, Buffer.from('00000001000000ff', 'hex'), 2],
  ])('%s gets its status', (_what, functionId, payload, status) => {
    const { world, answer } = ask(functionId, payload);
    expect(Buffer.from((answer as Message).payload).readUInt32BE(0)).toBe(status);
    expect(world.client.state).toBe('registered');
  });

  it('a heartbeat is not answered', () => {
    expect(ask(0x0e, Buffer.alloc(32)).answer).toBeUndefined();
  });
});

describe('what servers should not send', () => {
  const status = Buffer.alloc(4);
  it.each([
    ['another version', Buffer.from('00028001000000000000000000000000', 'hex')],
    [
      'an answer to another request',
      writeMessage({ functionId: 0x8004, flags: 0x4000, transactionId: 1, payload: status }),
    ],
    [
      'an answer without a status',
      writeMessage({ functionId: 0x8001, flags: 0x4000, transactionId: 1, payload: new Uint8Array(0) }),
    ],
    [
      'attributes that run over',
      writeMessage({
        functionId: 0x8001,
        flags: 0x4000,
        transactionId: 1,
        payload: Buffer.from('0000000000000001000000ff', 'hex'),
      }),
    ],
    ['an HTTP answer', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('%s ends the connection, and the client comes back', (_what, bytes) => {
    const world = new ScriptedSink();
    world.server.isMute = true;
    world.client.update(registration([node('a')]));
    world.settle();
    world.fromServer(bytes);
    expect(world.client.state).toBe('waiting');
    world.server.isMute = false;
    world.pass(1000);
    expect(namesAt(world)).toEqual(['a']);
  });

  it('a late answer is passed over', () => {
    const world = registered('a');
    world.fromServer(writeMessage({ functionId: 0x8001, flags: 0x4000, transactionId: 1, payload: status }));
    expect(world.client.state).toBe('registered');
  });

  it('random bytes and damaged answers never throw', () => {
    const { seed, below } = seededRandom();
    for (let run = 0; run < 300; run++) {
      const world = new ScriptedSink();
      world.server.isMute = true;
      world.client.update(registration([node('a')]));
      world.settle();
      const payload = writeAttributes([textAttribute(1, ENTITY), numberAttribute(6, 60)], 4);
      const bytes = Buffer.from(writeMessage({ functionId: 0x8001, flags: 0x4000, transactionId: 1, payload }));
      for (let i = below(4); i >= 0; i--) bytes[below(bytes.length)] = below(256);
      const context = `SEED=${seed} run ${run}: ${bytes.toString('hex')}`;
      expect(() => world.fromServer(bytes), context).not.toThrow();
      world.server.isMute = false;
      world.pass(60_000);
      expect(world.client.state, context).toBe('registered');
    }
  });
});

describe('the end', () => {
  it('takes the entity off the server', () => {
    const world = registered('a', 'b');
    world.client.stop();
    world.settle();
    expect(world.server.log).toEqual([REMOVE]);
    expect(world.server.entities.size).toBe(0);
    expect([world.isStopped, world.client.state, world.timerMs]).toEqual([true, 'stopped', null]);
  });

  it('in the middle of a round takes it off too', () => {
    const world = registered('a', 'b');
    world.client.update(registration([node('b'), node('c')]));
    world.client.stop();
    world.settle();
    expect(world.isStopped).toBe(true);
    expect(world.server.entities.size).toBe(0);
  });

  it('waits a second for a server that is silent, not longer', () => {
    const world = registered('a');
    world.server.isMute = true;
    world.client.stop();
    world.pass(LEAVE_TIMEOUT_MS - 1);
    expect(world.isStopped).toBe(false);
    world.pass(1);
    expect(world.isStopped).toBe(true);
  });

  it('is at once where there is no connection, and nothing follows', () => {
    for (const nodes of [[], [node('a')]]) {
      const world = new ScriptedSink();
      world.isServerUp = false;
      world.client.update(registration(nodes));
      world.settle();
      world.client.stop();
      world.client.update(registration([node('b')]));
      world.pass(1e6);
      expect(world.isStopped).toBe(true);
      expect(world.connects.length).toBe(nodes.length);
    }
  });

  it('a connection that ends meanwhile is the end', () => {
    const world = registered('a');
    world.server.isMute = true;
    world.client.stop();
    world.settle();
    world.cut('ECONNRESET');
    expect(world.isStopped).toBe(true);
  });
});
