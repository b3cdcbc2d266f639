import { describe, expect, it } from 'vitest';
import { JsonFault, keyPath, parseJson } from '../../../../src/mgmt/config/config-json.ts';

function faultOf(text: string): JsonFault {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof JsonFault) return error;
    throw error;
  }
  throw new Error(`no fault was found in ${text}`);
}

describe('JSON with places', () => {
  it.each([
    '{}',
    '[]',
    ' [ 1 , -2.5e3 , 0.25, true , false , null ] ',
    '{"a":{"b":["c",{"d":"\\u00e9\\n\\"\\\\/"}]},"":0}',
    '"text"',
    '-0',
    '1E+2',
  ])('reads %s as JSON.parse does', (text) => {
    expect(parseJson(text).value).toEqual(JSON.parse(text));
  });

  it('passes over a byte order mark', () => {
    expect(parseJson('\ufeff{"a":1}').value).toEqual({ a: 1 });
  });

  it('knows the line and column of every value', () => {
    const document = parseJson('{\n  "storages": [\n    { "path": "x",\n      "a b": 1 }\n  ]\n}');
    expect(document.placeOf('')).toEqual({ line: 1, column: 1 });
    expect(document.placeOf('storages[0]')).toEqual({ line: 3, column: 5 });
    expect(document.placeOf('storages[0].path')).toEqual({ line: 3, column: 15 });
    expect(document.placeOf('storages[0]["a b"]')).toEqual({ line: 4, column: 14 });
    expect(document.placeOf('storages[1]')).toBeNull();
  });

  it('keeps a "__proto__" key as a plain key', () => {
    const value = parseJson('{"__proto__": {"online": true}}').value as { online?: boolean };
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(value.online).toBeUndefined();
  });

  it.each([
    ['', 1, 1, 'the end of the file'],
    ['{"a": 1,}', 1, 9, 'no comma before }'],
    ['[1,\n 2,\n]', 3, 1, 'no comma before ]'],
    ['{"a" 1}', 1, 6, '":"'],
    ['{a: 1}', 1, 2, 'a name in "quotes"'],
    ['{"a": 1\n "b": 2}', 2, 2, '"," or "}"'],
    ['[1 2]', 1, 4, '"," or "]"'],
    ['{"a": tru}', 1, 7, 'a value'],
    ['[01]', 1, 2, 'a value'],
    ['[1.]', 1, 2, 'a value'],
    ['["a\nb"]', 1, 2, 'a string closed'],
    ['{} {}', 1, 4, 'the end of the file'],
    ['{"a": // comment\n 1}', 1, 7, 'a value'],
    ['{"a": 1, "b": 2, "a": 3}', 1, 18, 'twice'],
  ])('%j is refused at line %i column %i', (text, line, column, words) => {
    const fault = faultOf(text);
    expect(fault.place).toEqual({ line, column });
    expect(fault.message).toContain(words);
  });

  it('every cut of a valid text is refused, never read as something shorter', () => {
    const text = '{"storages":[{"path":"a\\u0041","size":-1.5e3,"online":true}]}';
    for (let length = 0; length < text.length; length++) faultOf(text.slice(0, length));
  });

  it('stops at a depth that no configuration has', () => {
    expect(faultOf('['.repeat(100000)).message).toContain('levels');
  });

  it('spells paths with dots, and with brackets where a name is no word', () => {
    expect(keyPath(keyPath(keyPath('', 'iscsitargets'), 'iqn.2026-11.org.example:a'), 'luns')).toBe(
      'iscsitargets["iqn.2026-11.org.example:a"].luns',
    );
  });
});
