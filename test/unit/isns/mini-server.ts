/**
 * An iSNS server in memory, as much of RFC 4171 as a registering target meets: it keeps entities by the rules of 5.6.5.1
 * and 5.6.5.4 and answers by 5.7. What real servers do differently can be switched on.
 */
import {
  type Attribute,
  attributeNumber,
  attributeText,
  bareAttribute,
  numberAttribute,
  readAttributes,
  textAttribute,
  writeAttributes,
} from '../../../src/isns/attributes.ts';
import { type Message, MessageReader, writeMessage } from '../../../src/isns/message.ts';

/** What open-isns 0.101 can take and make. */
const MESSAGE_BYTES_MAX = 8192;
const FROM_SERVER = 0x4000;
const REPLACE = 0x1000;

export interface ServerNode {
  alias: string | null;
  /** By the portal's bytes as hex: PGT, or null. */
  readonly groups: Map<string, number | null>;
}

export class ServerEntity {
  readonly portals = new Set<string>();
  readonly nodes = new Map<string, ServerNode>();
}

export class MiniServer {
  readonly entities = new Map<string, ServerEntity>();
  /** Function IDs with R for the replace flag, as they came. */
  readonly log: string[] = [];
  readonly requests: Message[] = [];
  periodS = 300;
  knowsPortalGroups = true;
  isVisible = true;
  /** Status for the next requests of a function, once each. */
  readonly refusals: { functionId: number; status: number }[] = [];
  isMute = false;
  private reader = new MessageReader();

  /** A new connection. */
  reset(): void {
    this.reader = new MessageReader();
  }

  /** Answers in order. */
  receive(bytes: Uint8Array): Uint8Array[] {
    const answers: Uint8Array[] = [];
    this.reader.push(bytes, (message) => {
      const answer = this.handle(message);
      if (answer !== null) answers.push(answer);
    });
    if (this.reader.fault !== null) throw new Error(`the client sent ${this.reader.fault}`);
    return answers;
  }

  private handle(message: Message): Uint8Array | null {
    const { functionId, flags, transactionId, payload } = message;
    this.requests.push(message);
    if ((functionId & 0x8000) !== 0) return null;
    this.log.push(`${functionId}${(flags & REPLACE) === 0 ? '' : 'R'}`);
    if (this.isMute) return null;
    const attributes = readAttributes(payload, 0);
    if (attributes === null || (flags & 0x8000) === 0) throw new Error('the client sent what is no request');
    const [status, answer] = this.decide(functionId, (flags & REPLACE) !== 0, attributes);
    const bytes = writeAttributes(status === 0 ? answer : [], 4);
    // As open-isns, which adds its name to the answer.
    if (Math.max(payload.length, bytes.length + 256) > MESSAGE_BYTES_MAX) throw new Error('a message is too long');
    new DataView(bytes.buffer).setUint32(0, status);
    return writeMessage({ functionId: functionId | 0x8000, flags: FROM_SERVER, transactionId, payload: bytes });
  }

  private decide(functionId: number, isReplacing: boolean, all: Attribute[]): [number, Attribute[]] {
    const refusal = this.refusals.findIndex((candidate) => candidate.functionId === functionId);
    if (refusal !== -1) return [(this.refusals.splice(refusal, 1)[0] as { status: number }).status, []];
    const delimiter = all.findIndex(({ tag }) => tag === 0);
    const source = attributeText(all[0] as Attribute);
    const keys = all.slice(1, delimiter);
    const operating = all.slice(delimiter + 1);
    if (functionId === 1) return this.register(source, keys, operating, isReplacing);
    if (functionId === 2) return this.query(keys);
    if (functionId === 4) return this.deregister(source, operating);
    return [15, []];
  }

  private register(source: string, keys: Attribute[], ops: Attribute[], isReplacing: boolean): [number, Attribute[]] {
    if (!this.knowsPortalGroups && ops.some(({ tag }) => tag === 51)) return [23, []];
    const eid = attributeText(keys[0] as Attribute);
    const isOwn = this.entities.get(eid)?.nodes.has(source) ?? true;
    if (isReplacing) this.entities.delete(eid);
    const entity = this.entities.get(eid) ?? new ServerEntity();
    let node: ServerNode | null = null;
    let pgt: number | null = null;
    for (const [i, attribute] of ops.entries()) {
      const next = ops[i + 1] as Attribute;
      if (attribute.tag === 16) entity.portals.add(portalHex(attribute, next));
      if (attribute.tag === 32) {
        node = entity.nodes.get(attributeText(attribute)) ?? { alias: null, groups: new Map() };
        entity.nodes.set(attributeText(attribute), node);
      }
      if (attribute.tag === 34 && node !== null) node.alias = attributeText(attribute);
      if (attribute.tag === 51) pgt = attributeNumber(attribute);
      if (attribute.tag === 49 && node !== null) node.groups.set(portalHex(attribute, next), pgt);
    }
    // 5.6.1: the source is of the entity, and of a new one from its first message on.
    if (!isOwn || !entity.nodes.has(source)) return [8, []];
    if (hasTwice(ops)) return [3, []];
    this.entities.set(eid, entity);
    return [0, [...keys, bareAttribute(0), ...this.repeated(keys, ops)]];
  }

  /** What has been registered, with the indexes that the server gave, and portal groups spelled out. */
  private repeated(keys: Attribute[], ops: Attribute[]): Attribute[] {
    const answer = [...keys, numberAttribute(6, this.periodS)];
    let name = bareAttribute(32);
    let pgt = bareAttribute(51);
    for (const [i, attribute] of ops.entries()) {
      if (attribute.tag === 32) name = attribute;
      if (attribute.tag === 51) pgt = attribute;
      if (attribute.tag === 16) answer.push(attribute, ops[i + 1] as Attribute, numberAttribute(22, 1));
      if (attribute.tag === 32) answer.push(attribute, numberAttribute(36, 1));
      if (attribute.tag === 33 || attribute.tag === 34) answer.push(attribute);
      if (attribute.tag !== 49) continue;
      answer.push({ tag: 48, value: name.value }, attribute, ops[i + 1] as Attribute, pgt, numberAttribute(52, 1));
    }
    return answer;
  }

  private query(keys: Attribute[]): [number, Attribute[]] {
    const eid = attributeText(keys[0] as Attribute);
    const isFound = this.isVisible && this.entities.has(eid);
    const found = isFound ? [textAttribute(1, eid), numberAttribute(6, this.periodS)] : [];
    return [0, [...keys, bareAttribute(0), ...found]];
  }

  private deregister(source: string, ops: Attribute[]): [number, Attribute[]] {
    const owner = [...this.entities.values()].find((entity) => entity.nodes.has(source));
    if (owner === undefined) return [6, []];
    for (const [i, attribute] of ops.entries()) {
      if (attribute.tag === 1) this.entities.delete(attributeText(attribute));
      if (attribute.tag === 32) owner.nodes.delete(attributeText(attribute));
      if (attribute.tag === 16) owner.portals.delete(portalHex(attribute, ops[i + 1] as Attribute));
    }
    return [0, []];
  }
}

/** 5.6.5.1: an object may stand in a message once. */
function hasTwice(ops: readonly Attribute[]): boolean {
  const names = ops.filter(({ tag }) => tag === 32).map(attributeText);
  return new Set(names).size < names.length;
}

/** "address/port" as hex. */
function portalHex(address: Attribute, port: Attribute): string {
  if (attributeNumber(port) === null || address.value.length !== 16) throw new Error('that is no portal');
  return `${Buffer.from(address.value).toString('hex')}/${attributeNumber(port)}`;
}
