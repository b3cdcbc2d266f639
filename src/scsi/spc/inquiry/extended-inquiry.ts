/** Extended INQUIRY Data and Mode Page Policy VPD pages, 86h and 87h (SPC-4 7.8.7, 7.8.9). */
import { VPD_EXTENDED_INQUIRY_DATA, VPD_MODE_PAGE_POLICY } from '../../constants.ts';
import { SENSE_BYTES_MAX } from '../../sense.ts';
import type { Task } from '../../task/task.ts';
import { beginPage, VPD_HEADER_BYTES } from './vpd-page.ts';

/**
 * What is zero is not there: no microcode, no protection information (SPT), no grouping, no priorities, no referrals, no
 * self-test but the default one. LUICLR is zero: REPORTED LUNS DATA HAS CHANGED is cleared on the unit that has reported it.
 */
export function buildExtendedInquiryData(task: Task, out: Buffer): number {
  const lengthBytes = beginPage(task, out, VPD_EXTENDED_INQUIRY_DATA, 0x3c);
  out[TASK_ATTRIBUTES] = HEADSUP | ORDSUP | SIMPSUP;
  out[CACHES] = task.unit.backend.capabilities.isWriteThrough ? 0 : V_SUP;
  out[MAXIMUM_SUPPORTED_SENSE_DATA_LENGTH] = SENSE_BYTES_MAX;
  return lengthBytes;
}

/** One descriptor for all pages: an I_T nexus that changes one changes it for all, and for this logical unit alone. */
export function buildModePagePolicy(task: Task, out: Buffer): number {
  const lengthBytes = beginPage(task, out, VPD_MODE_PAGE_POLICY, POLICY_DESCRIPTOR_BYTES);
  out[VPD_HEADER_BYTES] = ALL_PAGES;
  out[VPD_HEADER_BYTES + 1] = ALL_SUBPAGES;
  out[VPD_HEADER_BYTES + 2] = POLICY_SHARED; // MLUS zero
  return lengthBytes;
}

// SPC-4 7.8.7
const TASK_ATTRIBUTES = 5;
const HEADSUP = 0x04;
const ORDSUP = 0x02;
const SIMPSUP = 0x01;
const CACHES = 6;
/** There is a volatile cache. */
const V_SUP = 0x01;
const MAXIMUM_SUPPORTED_SENSE_DATA_LENGTH = 13;

// SPC-4 7.8.9
const POLICY_DESCRIPTOR_BYTES = 4;
const ALL_PAGES = 0x3f;
const ALL_SUBPAGES = 0xff;
const POLICY_SHARED = 0;
