/** The Logical Block Provisioning log page (SBC-3 6.3.3): what a thin unit's store takes, and what is left for it. */
import type { LogPage } from '../../spc/log/log-page.ts';
import { CONTROL_BINARY_LIST } from '../../spc/log/log-page.ts';
import { AVAILABLE_LBA_MAPPING_RESOURCE, RESOURCE_COUNT_MAX, USED_LBA_MAPPING_RESOURCE } from './provisioning.ts';

export const LOGICAL_BLOCK_PROVISIONING: LogPage = {
  pageCode: 0x0c,
  needsSpace: true,
  isOffered: ({ provisioning }) => provisioning.hasThresholds,
  parameters: [
    {
      code: AVAILABLE_LBA_MAPPING_RESOURCE,
      control: CONTROL_BINARY_LIST,
      lengthBytes: 8,
      write({ provisioning }, out, at, space) {
        const sets = Math.floor((space?.availableBytes ?? 0) / provisioning.thresholdSetBytes);
        writeResource(sets, SCOPE_SHARED, out, at);
      },
    },
    {
      code: USED_LBA_MAPPING_RESOURCE,
      control: CONTROL_BINARY_LIST,
      lengthBytes: 8,
      write({ provisioning }, out, at, space) {
        const sets = Math.ceil((space?.usedBytes ?? 0) / provisioning.thresholdSetBytes);
        writeResource(sets, SCOPE_DEDICATED, out, at);
      },
    },
  ],
};

/** SCOPE: of this unit alone. */
const SCOPE_DEDICATED = 0x01;
/** SCOPE: others may use it, too. */
const SCOPE_SHARED = 0x02;

/** RESOURCE COUNT in threshold sets. */
function writeResource(sets: number, scope: number, out: Buffer, at: number): void {
  out.writeUInt32BE(Math.min(sets, RESOURCE_COUNT_MAX), at);
  out[at + 4] = scope;
}
