/** iSCSI names (RFC 7143 4.2.7), with the standard's own examples. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ISCSI_NAME_BYTES_MAX, normalizeIscsiName } from '../../../../src/iscsi/codec/iscsi-name.ts';
import { seededRandom } from '../../../random.ts';

const { seed } = seededRandom();

describe('an iSCSI name', () => {
  it.each([
    'iqn.2001-04.com.example:storage:diskarrays-sn-a8675309', // 4.2.7.3
    'iqn.2001-04.com.example', // 4.2.7.4
    'iqn.2001-04.com.example:storage.tape1.sys1.xyz', // 4.2.7.4
    'eui.02004567a425678d', // 4.2.7.5
    'naa.52004567ba64678d', // 4.2.7.6
    'naa.62004567ba64678d0123456789abcdef', // 4.2.7.6
    'iqn.1991-05.com.microsoft:win-host',
    'iqn.2016-09.com.gotgt.gostor:02:example_tgt_0',
    'iqn.2024-01.de.example:größe',
  ])('%s is its own normal form', (name) => {
    expect(normalizeIscsiName(name)).toBe(name);
  });

  it('is compared without regard to case and compatibility forms', () => {
    expect(normalizeIscsiName('IQN.2001-04.com.Example:Disk1')).toBe('iqn.2001-04.com.example:disk1');
    expect(normalizeIscsiName('EUI.02004567A425678D')).toBe('eui.02004567a425678d');
    expect(normalizeIscsiName('iqn.2001-04.com.example:ﬁle')).toBe('iqn.2001-04.com.example:file');
    expect(normalizeIscsiName('iqn.2001-04.com.example:u\u0308')).toBe('iqn.2001-04.com.example:\u00fc');
  });

  it.each([
    '',
    'iqn.',
    'iqn.2001-04.',
    'iqn.2001-00.com.example',
    'iqn.2001-13.com.example',
    'iqn.2001-4.com.example',
    'iqn.01-04.com.example',
    'iqn.2001-04:com.example',
    'iqn.2001-04.com.example:a b',
    'iqn.2001-04.com.example:a\0',
    'iqn.2001-04.com.example:a\n',
    'iqn.2001-04.com.example:a/b',
    'iqn.2001-04.com.example:a,b',
    'iqn.2001-04.com.example:\ufffd',
    'eui.02004567a425678',
    'eui.02004567a425678d0',
    'eui.02004567a425678g',
    'naa.52004567ba64678',
    'naa.52004567ba64678d0',
    'disk1',
    'iqn2001-04.com.example',
    'All',
  ])('is not %j', (name) => {
    expect(normalizeIscsiName(name)).toBeNull();
  });

  it('has at most 223 bytes', () => {
    const longest = 'iqn.2001-04.com.example:'.padEnd(ISCSI_NAME_BYTES_MAX, 'x');
    expect(normalizeIscsiName(longest)).toBe(longest);
    expect(normalizeIscsiName(`${longest}x`)).toBeNull();
    expect(normalizeIscsiName(`${longest.slice(0, -1)}ü`)).toBeNull();
  });

  it('in normal form stays as it is, whatever it was', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary' }).map((tail) => `iqn.2001-04.com.x${tail}`),
    );
    fc.assert(
      fc.property(name, (text) => {
        const normal = normalizeIscsiName(text);
        if (normal !== null) expect(normalizeIscsiName(normal)).toBe(normal);
      }),
      { seed, numRuns: 500 },
    );
  });
});
