/**
 * An initiator's iSCSI name, exact or with wildcards: "*" stands for any number of characters, "?" for one. Compared in
 * the names' normal form (iscsi-name.ts), in time bounded by the product of both lengths.
 */
import { ISCSI_NAME_BYTES_MAX, normalizeIscsiName } from '../../codec/iscsi-name.ts';

export class InitiatorPattern {
  private readonly characters: readonly string[];

  private constructor(characters: readonly string[]) {
    this.characters = characters;
  }

  /** Null when no iSCSI name could match `text`. */
  static parse(text: string): InitiatorPattern | null {
    const pattern = text.normalize('NFKC').toLowerCase();
    if (pattern.length === 0 || pattern.length > ISCSI_NAME_BYTES_MAX) return null;
    const hasWildcard = pattern.includes('*') || pattern.includes('?');
    if (!hasWildcard && normalizeIscsiName(pattern) === null) return null;
    return PATTERN.test(pattern) ? new InitiatorPattern([...pattern]) : null;
  }

  /** @param name in normal form */
  matches(name: string): boolean {
    const { characters } = this;
    const subject = [...name];
    let at = 0;
    let star = -1; // the last "*" met, and how much of the name it has taken
    let taken = 0;
    for (let i = 0; i < subject.length; ) {
      if (characters[at] === '*') {
        star = at++;
        taken = i;
      } else if (at < characters.length && (characters[at] === '?' || characters[at] === subject[i])) {
        at += 1;
        i += 1;
      } else if (star >= 0) {
        at = star + 1;
        i = ++taken;
      } else {
        return false;
      }
    }
    while (characters[at] === '*') at += 1;
    return at === characters.length;
  }
}

export const INITIATOR_EXPECTED =
  'an iSCSI name such as "iqn.2001-04.com.example:host", or one with "*" and "?" such as "iqn.2001-04.com.example:*"';

/** The characters of names (RFC 3722 6.2, and "_" as in iscsi-name.ts), and the two wildcards. */
const PATTERN = /^[a-z0-9.\-:_\p{L}\p{M}\p{N}*?]+$/u;
