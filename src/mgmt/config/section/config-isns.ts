/** The iSNS client's settings: the server's address, the name of this daemon there. */
import { ISNS_PORT_DEFAULT, SERVER_ENTITY_PREFIX, TEXT_BYTES_MAX } from '../../../isns/constants.ts';
import type { ConfigDocument } from '../config-document.ts';
import type { IsnsConfig } from '../configuration.ts';
import { type PortalAddress, parsePortalAddress } from '../portal-address.ts';
import { ISNS_ENTITY_EXPECTED, ISNS_PERIOD_S_DEFAULT, ISNS_SERVER_EXPECTED } from '../schema/isns-schema.ts';

/** Null: targets are registered nowhere. */
export function readIsns(document: ConfigDocument): IsnsConfig | null {
  const { isns } = document.content;
  if (isns === undefined) return null;
  return {
    server: readServer(document, isns.server),
    entity: readEntity(document, isns.entity),
    registrationPeriodS: isns.registrationPeriodSeconds ?? ISNS_PERIOD_S_DEFAULT,
  };
}

function readServer(document: ConfigDocument, text: string): PortalAddress {
  const address = parsePortalAddress(text, ISNS_PORT_DEFAULT);
  if (address !== null && address.host !== '' && address.port !== 0) return address;
  throw document.fault('isns.server', text, `expected ${ISNS_SERVER_EXPECTED}`);
}

function readEntity(document: ConfigDocument, entity: string | undefined): string | null {
  if (entity === undefined) return null;
  // RFC 4171 6.2.1: names with the prefix are the server's to give.
  const isOurs = !entity.toLowerCase().startsWith(SERVER_ENTITY_PREFIX);
  if (isOurs && Buffer.byteLength(entity) <= TEXT_BYTES_MAX) return entity;
  throw document.fault('isns.entity', entity, `expected ${ISNS_ENTITY_EXPECTED}`);
}
