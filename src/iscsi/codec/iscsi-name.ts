/**
 * iSCSI names (RFC 7143 4.2.7): iqn., eui. and naa. A name is compared by its normal form. Of stringprep (RFC 3722) this
 * does NFKC and lower-casing, and then asks that only letters, digits, ".", "-", ":" and what lies above ASCII as a letter,
 * mark or digit remain. Two liberties, both seen in the field: "_" is let through although RFC 3722 forbids it, and the
 * naming authority after the date is any dotted label, not necessarily a registered domain.
 */

/** 4.2.7.2: "at most 223 bytes". */
export const ISCSI_NAME_BYTES_MAX = 223;

/** The normal form of an iSCSI name, null when `name` is none. */
export function normalizeIscsiName(name: string): string | null {
  if (name.length === 0 || name.length > ISCSI_NAME_BYTES_MAX) return null;
  const normal = name.normalize('NFKC').toLowerCase();
  if (new TextEncoder().encode(normal).length > ISCSI_NAME_BYTES_MAX) return null;
  return IQN.test(normal) || EUI.test(normal) || NAA.test(normal) ? normal : null;
}

const IQN = /^iqn\.[0-9]{4}-(0[1-9]|1[0-2])\.[a-z0-9\p{L}\p{M}\p{N}][a-z0-9.\-:_\p{L}\p{M}\p{N}]*$/u;
const EUI = /^eui\.[0-9a-f]{16}$/;
const NAA = /^naa\.([0-9a-f]{16}|[0-9a-f]{32})$/;
