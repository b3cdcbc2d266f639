/**
 * The mode parameters that MODE SELECT changes (SPC-4 7.5, SBC-3 6.4), and where they stand in their pages. All other bits
 * of a mode page are constant.
 */
import type { Backend } from '../backend/backend.ts';

export interface ModeParameters {
  /** WCE: writes may stay in a volatile cache until they are flushed. */
  readonly isWriteCacheEnabled: boolean;
  /** D_SENSE: sense data in descriptor format. */
  readonly isDescriptorSense: boolean;
  /** SWP: software write protect. */
  readonly isWriteProtected: boolean;
}

export interface ModeField {
  readonly pageCode: number;
  readonly byte: number;
  readonly mask: number;
  readonly name: keyof ModeParameters;
  readonly isChangeable: (backend: Backend) => boolean;
}

export const MODE_FIELDS: readonly ModeField[] = [
  { pageCode: 0x08, byte: 2, mask: 0x04, name: 'isWriteCacheEnabled', isChangeable: hasVolatileCache },
  { pageCode: 0x0a, byte: 2, mask: 0x04, name: 'isDescriptorSense', isChangeable: always },
  { pageCode: 0x0a, byte: 4, mask: 0x08, name: 'isWriteProtected', isChangeable: always },
];

/** What a unit on `backend` has until somebody changes it. */
export function defaultModes(backend: Backend): ModeParameters {
  return { isWriteCacheEnabled: hasVolatileCache(backend), isDescriptorSense: false, isWriteProtected: false };
}

/** Whether both have the same values. */
export function sameModes(a: ModeParameters, b: ModeParameters): boolean {
  return MODE_FIELDS.every(({ name }) => a[name] === b[name]);
}

/** A store without one cannot be given one. */
function hasVolatileCache(backend: Backend): boolean {
  return !backend.capabilities.isWriteThrough;
}

function always(): boolean {
  return true;
}
