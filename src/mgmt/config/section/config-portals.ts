/** The portals of a configuration: addresses parsed, ids unique, no two on one address. */

import { DEFAULT_HOST } from '../config-default.ts';
import type { ConfigDocument } from '../config-document.ts';
import type { Configuration, PortalConfig, PortalGroupConfig } from '../configuration.ts';
import { formatPortalAddress, parsePortalAddress, portalAddressesClash } from '../portal-address.ts';
import { PORT_DEFAULT, PORTAL_EXPECTED } from '../schema/schema.ts';

export function readPortals(document: ConfigDocument): PortalConfig[] {
  const portals: PortalConfig[] = [];
  for (const [index, { id, portal }] of (document.content.iscsiportals ?? []).entries()) {
    const key = `iscsiportals[${index}]`;
    if (portals.some((other) => other.id === id)) {
      throw document.fault(`${key}.id`, id, 'another portal has this id already; give every portal its own');
    }
    const address = parsePortalAddress(portal);
    if (address === null) throw document.fault(`${key}.portal`, portal, `expected ${PORTAL_EXPECTED}`);
    const other = portals.find((candidate) => portalAddressesClash(candidate, address));
    if (other !== undefined) {
      throw document.fault(
        `${key}.portal`,
        portal,
        `portal ${other.id} (${formatPortalAddress(other)}) listens there already; give each its own address or port`,
      );
    }
    portals.push({ id, ...address });
  }
  return portals;
}

/** `configuration` with one portal in place of all its portals; every target listens there. */
export function overridePortal(configuration: Configuration, host: string | null, port: number | null): Configuration {
  const portal: PortalConfig = { id: 0, host: host ?? DEFAULT_HOST, port: port ?? PORT_DEFAULT };
  const targets = configuration.targets.map((target) => {
    const [first] = target.portalGroups as [PortalGroupConfig];
    return { ...target, portalGroups: [{ ...first, portals: [portal] }] };
  });
  return { ...configuration, portals: [portal], targets };
}
