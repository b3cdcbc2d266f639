/**
 * What is registered of a target (RFC 4171 6): a network entity with its portals, its iSCSI nodes, and for every node and
 * portal the portal group tag by which the one is reached through the other. And the messages that say so.
 */
import {
  type Attribute,
  addressAttribute,
  attributesBytes,
  bareAttribute,
  numberAttribute,
  textAttribute,
  writeAttributes,
} from './attributes.ts';
import {
  DEV_ATTR_QRY,
  DEV_ATTR_REG,
  DEV_DEREG,
  ENTITY_PROTOCOL_ISCSI,
  FLAG_FROM_CLIENT,
  FLAG_REPLACE,
  NODE_TYPE_TARGET,
  TAG_DELIMITER,
  TAG_ENTITY_IDENTIFIER,
  TAG_ENTITY_PROTOCOL,
  TAG_ISCSI_ALIAS,
  TAG_ISCSI_NAME,
  TAG_ISCSI_NODE_TYPE,
  TAG_PG_PORTAL_IP_ADDRESS,
  TAG_PG_PORTAL_PORT,
  TAG_PG_TAG,
  TAG_PORTAL_IP_ADDRESS,
  TAG_PORTAL_PORT,
  TAG_REGISTRATION_PERIOD,
} from './constants.ts';

/**
 * Where a message is cut into two of them, reckoned by its answer, which repeats it with more. open-isns 0.101 takes and
 * makes no message of more than 8192 bytes; the rest is for its header, status and source.
 */
const ANSWER_BYTES_MAX = 7168;
/** Of a node's portals in one message: with names of 223 bytes, so many and the node fit in one with the entity. */
const NODE_PORTALS_MAX = 16;
/** What answers have besides: the index of each object, and of portal groups the tag once more. */
const NUMBER_BYTES = 12;
/** No machine has so many addresses; a list of them all stands behind every node. */
export const PORTALS_MAX = 256;

export interface IsnsPortal {
  /** An IPv4 or IPv6 address, numeric and without a zone. */
  readonly address: string;
  readonly port: number;
}

export interface IsnsPortalGroup {
  /** 0 to 65535. */
  readonly tag: number;
  readonly portals: readonly IsnsPortal[];
}

export interface IsnsNode {
  readonly name: string;
  readonly alias: string | null;
  /** The ways to the node; by portals that are in none of them it cannot be reached. */
  readonly portalGroups: readonly IsnsPortalGroup[];
}

export interface Registration {
  /** At most PORTALS_MAX, all that the nodes' groups name. */
  readonly portals: readonly IsnsPortal[];
  readonly nodes: readonly IsnsNode[];
}

export const NOTHING_REGISTERED: Registration = { portals: [], nodes: [] };

export interface Request {
  readonly functionId: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

export interface EntityTerms {
  /** EID (6.2.1). */
  readonly entity: string;
  /** Asked for; the server may choose another (6.2.6). */
  readonly registrationPeriodS: number;
  /** False for servers that know no explicit portal groups: every node is then reached through every portal, tag 1. */
  readonly hasPortalGroups: boolean;
}

/**
 * DevAttrReg messages (5.6.5.1): the first has the entity, its portals and as many nodes as fit, the others the rest.
 * @param source a node of `registration`: one that is registered already, when any is
 * @param isReplacing whatever else the server has of the entity goes
 */
export function registrationRequests(
  { portals, nodes }: Registration,
  terms: EntityTerms,
  source: string,
  isReplacing: boolean,
): Request[] {
  const entity = textAttribute(TAG_ENTITY_IDENTIFIER, terms.entity);
  const head = [textAttribute(TAG_ISCSI_NAME, source), entity, bareAttribute(TAG_DELIMITER), entity];
  const opening = [
    numberAttribute(TAG_ENTITY_PROTOCOL, ENTITY_PROTOCOL_ISCSI),
    numberAttribute(TAG_REGISTRATION_PERIOD, terms.registrationPeriodS),
  ];
  // Where not all fits in the first message, it has the source alone of the nodes: the others come in its name.
  const isSourceAhead = portals.length > NODE_PORTALS_MAX;
  const [asker, others] = [nodes.filter(({ name }) => name === source), nodes.filter(({ name }) => name !== source)];
  const ahead = isSourceAhead ? asker.flatMap(ownAttributes) : [];
  const objects = [
    portion([...opening, ...ahead]),
    ...portals.map(portalPortion),
    ...asker.flatMap((node) => nodePortions(node, portals, terms.hasPortalGroups, isSourceAhead)),
    ...others.flatMap((node) => nodePortions(node, portals, terms.hasPortalGroups, false)),
  ];
  return inPieces(head, objects).map((payload, i) => ({
    functionId: DEV_ATTR_REG,
    flags: FLAG_FROM_CLIENT | (isReplacing && i === 0 ? FLAG_REPLACE : 0),
    payload,
  }));
}

/** DevDereg messages (5.6.5.4) for portals and nodes that are no longer. */
export function removalRequests({ portals, nodes }: Registration, source: string): Request[] {
  const objects = [
    ...portals.map(portalPortion),
    ...nodes.map(({ name }) => portion([textAttribute(TAG_ISCSI_NAME, name)])),
  ];
  if (objects.length === 0) return [];
  const head = [textAttribute(TAG_ISCSI_NAME, source), bareAttribute(TAG_DELIMITER)];
  return inPieces(head, objects).map((payload) => ({ functionId: DEV_DEREG, flags: FLAG_FROM_CLIENT, payload }));
}

/** DevDereg of the entity with all that it has. */
export function entityRemovalRequest(entity: string, source: string): Request {
  const payload = writeAttributes([
    textAttribute(TAG_ISCSI_NAME, source),
    bareAttribute(TAG_DELIMITER),
    textAttribute(TAG_ENTITY_IDENTIFIER, entity),
  ]);
  return { functionId: DEV_DEREG, flags: FLAG_FROM_CLIENT, payload };
}

/** DevAttrQry for the entity's registration period: asked in time, it keeps the registration alive (6.2.6). */
export function entityQueryRequest(entity: string, source: string): Request {
  const payload = writeAttributes([
    textAttribute(TAG_ISCSI_NAME, source),
    textAttribute(TAG_ENTITY_IDENTIFIER, entity),
    bareAttribute(TAG_DELIMITER),
    bareAttribute(TAG_ENTITY_IDENTIFIER),
    bareAttribute(TAG_REGISTRATION_PERIOD),
  ]);
  return { functionId: DEV_ATTR_QRY, flags: FLAG_FROM_CLIENT, payload };
}

/** What of `before` is not in `after`, by the keys of portals and nodes. */
export function removed(before: Registration, after: Registration): Registration {
  const portalKeys = new Set(after.portals.map(portalKey));
  const names = new Set(after.nodes.map(({ name }) => name));
  return {
    portals: before.portals.filter((portal) => !portalKeys.has(portalKey(portal))),
    nodes: before.nodes.filter(({ name }) => !names.has(name)),
  };
}

/** Equal in all that is registered, in the same order. */
export function isSameRegistration(a: Registration, b: Registration): boolean {
  return JSON.stringify([a.portals, a.nodes]) === JSON.stringify([b.portals, b.nodes]);
}

function portalKey({ address, port }: IsnsPortal): string {
  return `${address} ${port}`;
}

/** Attributes that stay together in one message. */
interface Portion {
  readonly attributes: readonly Attribute[];
  readonly answerBytes: number;
  /** More of the object before: 5.6.5.1 allows an object once in a message, so it goes into the next. */
  readonly isMore: boolean;
}

/** @param extraBytes of the answer beyond what it repeats */
function portion(attributes: readonly Attribute[], extraBytes = 0, isMore = false): Portion {
  return { attributes, answerBytes: attributesBytes(attributes) + NUMBER_BYTES + extraBytes, isMore };
}

function portalPortion({ address, port }: IsnsPortal): Portion {
  return portion([addressAttribute(TAG_PORTAL_IP_ADDRESS, address), numberAttribute(TAG_PORTAL_PORT, port)]);
}

/** One way to a node; a tag of null says that there is none. */
interface Way {
  readonly portal: IsnsPortal;
  readonly tag: number | null;
}

/** The node with its type and alias, and NODE_PORTALS_MAX of its ways at a time. */
function nodePortions(
  node: IsnsNode,
  portals: readonly IsnsPortal[],
  hasPortalGroups: boolean,
  isMore: boolean,
): Portion[] {
  const name = textAttribute(TAG_ISCSI_NAME, node.name);
  const ways = hasPortalGroups ? waysTo(node, portals) : [];
  // Each portal group comes back with the node's name, its tag and its index.
  const extraBytes = attributesBytes([name]) + 2 * NUMBER_BYTES;
  const portions: Portion[] = [];
  for (let first = 0; first === 0 || first < ways.length; first += NODE_PORTALS_MAX) {
    const some = ways.slice(first, first + NODE_PORTALS_MAX);
    const own = first === 0 ? ownAttributes(node) : [name];
    portions.push(portion([...own, ...wayAttributes(some)], some.length * extraBytes, isMore || first > 0));
  }
  return portions;
}

function ownAttributes({ name, alias }: IsnsNode): Attribute[] {
  return [
    textAttribute(TAG_ISCSI_NAME, name),
    numberAttribute(TAG_ISCSI_NODE_TYPE, NODE_TYPE_TARGET),
    ...(alias === null ? [] : [textAttribute(TAG_ISCSI_ALIAS, alias)]),
  ];
}

/** In the order of the groups; the portals that are in none of them at the end. */
function waysTo({ portalGroups }: IsnsNode, portals: readonly IsnsPortal[]): Way[] {
  const ways: Way[] = portalGroups.flatMap(({ tag, portals: members }) => members.map((portal) => ({ portal, tag })));
  const reached = new Set(ways.map(({ portal }) => portalKey(portal)));
  const unreached = portals.filter((portal) => !reached.has(portalKey(portal)));
  return [...ways, ...unreached.map((portal) => ({ portal, tag: null }))];
}

/** 5.6.5.1: each PGT stands before the portals that it is for. */
function wayAttributes(ways: readonly Way[]): Attribute[] {
  return ways.flatMap(({ portal, tag }, i) => {
    const isNew = i === 0 || ways[i - 1]?.tag !== tag;
    const pgt = tag === null ? bareAttribute(TAG_PG_TAG) : numberAttribute(TAG_PG_TAG, tag);
    return [
      ...(isNew ? [pgt] : []),
      addressAttribute(TAG_PG_PORTAL_IP_ADDRESS, portal.address),
      numberAttribute(TAG_PG_PORTAL_PORT, portal.port),
    ];
  });
}

/** Payloads of `head` and as many portions as the answer has room for, at least one in each. */
function inPieces(head: readonly Attribute[], portions: readonly Portion[]): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  const headBytes = attributesBytes(head);
  let piece: Attribute[] = [];
  let answerBytes = headBytes;
  for (const next of portions) {
    if (piece.length > 0 && (next.isMore || answerBytes + next.answerBytes > ANSWER_BYTES_MAX)) {
      payloads.push(writeAttributes([...head, ...piece]));
      piece = [];
      answerBytes = headBytes;
    }
    piece.push(...next.attributes);
    answerBytes += next.answerBytes;
  }
  payloads.push(writeAttributes([...head, ...piece]));
  return payloads;
}
