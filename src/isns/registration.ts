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
 * Where a message is cut into two of them: each fits one PDU, and so does its answer, which repeats it. Some servers know
 * no messages of several PDUs.
 */
export const REQUEST_BYTES_MAX = 32 * 1024;
/** 36 bytes of each portal are in every node's portal groups, and a node is not cut. */
export const PORTALS_MAX = 512;

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
 * @param source a node of the entity: one that is registered, when any is
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
    ...portals.flatMap(({ address, port }) => [
      addressAttribute(TAG_PORTAL_IP_ADDRESS, address),
      numberAttribute(TAG_PORTAL_PORT, port),
    ]),
  ];
  const objects = nodes.map((node) => nodeAttributes(node, portals, terms.hasPortalGroups));
  return inPieces(head, [opening, ...objects]).map((payload, i) => ({
    functionId: DEV_ATTR_REG,
    flags: FLAG_FROM_CLIENT | (isReplacing && i === 0 ? FLAG_REPLACE : 0),
    payload,
  }));
}

/** DevDereg messages (5.6.5.4) for portals and nodes that are no longer. */
export function removalRequests({ portals, nodes }: Registration, source: string): Request[] {
  const objects = [
    ...portals.map(({ address, port }) => [
      addressAttribute(TAG_PORTAL_IP_ADDRESS, address),
      numberAttribute(TAG_PORTAL_PORT, port),
    ]),
    ...nodes.map(({ name }) => [textAttribute(TAG_ISCSI_NAME, name)]),
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

/** 5.6.5.1: the node, then each PGT with the portals that it is for; portals in no group get a PGT of NULL. */
function nodeAttributes(
  { name, alias, portalGroups }: IsnsNode,
  portals: readonly IsnsPortal[],
  hasPortalGroups: boolean,
): Attribute[] {
  const attributes = [
    textAttribute(TAG_ISCSI_NAME, name),
    numberAttribute(TAG_ISCSI_NODE_TYPE, NODE_TYPE_TARGET),
    ...(alias === null ? [] : [textAttribute(TAG_ISCSI_ALIAS, alias)]),
  ];
  if (!hasPortalGroups) return attributes;
  const reached = new Set(portalGroups.flatMap((group) => group.portals.map(portalKey)));
  const unreached = portals.filter((portal) => !reached.has(portalKey(portal)));
  for (const group of portalGroups) {
    if (group.portals.length > 0) attributes.push(numberAttribute(TAG_PG_TAG, group.tag), ...members(group.portals));
  }
  if (unreached.length > 0) attributes.push(bareAttribute(TAG_PG_TAG), ...members(unreached));
  return attributes;
}

function members(portals: readonly IsnsPortal[]): Attribute[] {
  return portals.flatMap(({ address, port }) => [
    addressAttribute(TAG_PG_PORTAL_IP_ADDRESS, address),
    numberAttribute(TAG_PG_PORTAL_PORT, port),
  ]);
}

/** Payloads of `head` and as many whole objects as fit in REQUEST_BYTES_MAX, at least one in each. */
function inPieces(head: readonly Attribute[], objects: readonly Attribute[][]): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  const headBytes = attributesBytes(head);
  let piece: Attribute[] = [];
  let pieceBytes = 0;
  for (const object of objects) {
    const bytes = attributesBytes(object);
    if (piece.length > 0 && headBytes + pieceBytes + bytes > REQUEST_BYTES_MAX) {
      payloads.push(writeAttributes([...head, ...piece]));
      piece = [];
      pieceBytes = 0;
    }
    piece.push(...object);
    pieceBytes += bytes;
  }
  payloads.push(writeAttributes([...head, ...piece]));
  return payloads;
}
