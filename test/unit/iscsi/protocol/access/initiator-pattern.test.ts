/** Patterns of initiator names: "*", "?", the normal form, and that no pattern takes long. */
import { describe, expect, it } from 'vitest';
import { InitiatorPattern } from '../../../../../src/iscsi/protocol/access/initiator-pattern.ts';
import { seededRandom } from '../../../../random.ts';

const HOST = 'iqn.2001-04.com.example:host';

function matches(pattern: string, name: string): boolean {
  return (InitiatorPattern.parse(pattern) as InitiatorPattern).matches(name);
}

describe('a pattern', () => {
  it.each([
    [HOST, HOST],
    ['IQN.2001-04.COM.Example:Host', HOST],
    ['*', HOST],
    ['iqn.*', HOST],
    ['*host', HOST],
    ['*:*', HOST],
    ['iqn.2001-04.com.example:hos?', HOST],
    ['iqn.????-04.com.example:*', HOST],
    ['iqn.2001-04.com.example:host*', HOST],
    ['**host**', HOST],
    ['*ho*st', HOST],
    ['iqn.2001-04.com.example:*a*b*c', 'iqn.2001-04.com.example:xxabxbxcc'],
    ['iqn.2001-04.com.example:r?cke', 'iqn.2001-04.com.example:rücke'],
    ['iqn.2001-04.com.example:?', 'iqn.2001-04.com.example:\u{20000}'],
    ['eui.02004567a425678d', 'eui.02004567a425678d'],
    ['naa.*', 'naa.52004567ba64678d'],
  ])('%s fits %s', (pattern, name) => {
    expect(matches(pattern, name)).toBe(true);
  });

  it.each([
    [HOST, `${HOST}2`],
    [`${HOST}2`, HOST],
    ['iqn.2001-04.com.example:hos', HOST],
    ['iqn.2001-04.com.example:?', HOST],
    ['iqn.2001-04.com.example:host?', HOST],
    ['*:ost', HOST],
    ['iqn.2001-04.com?example:*x', HOST],
    // A dot is a dot, a hyphen no range.
    ['iqn.2001-04.com.example:h.st', HOST],
    ['iqn.2001-04.com.example:a-z', 'iqn.2001-04.com.example:m'],
  ])('%s does not fit %s', (pattern, name) => {
    expect(matches(pattern, name)).toBe(false);
  });

  it.each([
    '',
    'host',
    'iqn.',
    'iqn.2001-04',
    'iqn.2001-04.com.example:a b',
    'iqn.*/x',
    'iqn.[ab]*',
    '(*)',
    '^*$',
    'a\n*',
  ])('is not "%s": no name could fit', (text) => {
    expect(InitiatorPattern.parse(text)).toBeNull();
  });

  it('is at most as long as a name', () => {
    expect(InitiatorPattern.parse('*'.repeat(223))).not.toBeNull();
    expect(InitiatorPattern.parse('*'.repeat(224))).toBeNull();
  });

  it('fits what the plain definition says, for random patterns over few letters', () => {
    const { seed, below } = seededRandom();
    const text = (alphabet: string, lengthMax: number) =>
      Array.from({ length: 1 + below(lengthMax) }, () => alphabet[below(alphabet.length)]).join('');
    for (let i = 0; i < 5000; i++) {
      const pattern = `${text('ab*?', 8)}*`;
      const name = text('ab', 10);
      expect(matches(pattern, name), `${pattern} ${name} (SEED=${seed})`).toBe(fits(pattern, name));
    }
  });

  it('of many stars is decided at once', () => {
    const pattern = InitiatorPattern.parse(`${'*a'.repeat(110)}b`) as InitiatorPattern;
    // One that tried every way would not come back.
    expect(pattern.matches('a'.repeat(223))).toBe(false);
  });
});

/** By the definition, without regard to time. */
function fits(pattern: string, name: string): boolean {
  if (pattern === '') return name === '';
  const [first, rest] = [pattern[0] as string, pattern.slice(1)];
  if (first === '*') return fits(rest, name) || (name !== '' && fits(pattern, name.slice(1)));
  return name !== '' && (first === '?' || first === name[0]) && fits(rest, name.slice(1));
}
