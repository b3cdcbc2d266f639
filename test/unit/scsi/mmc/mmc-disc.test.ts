/** What a CD-ROM drive says of its disc, to the byte (MMC-4). */
import { describe, expect, it } from 'vitest';
import { DVD_BLOCKS, driveWith, eject, hexOf } from './drive-harness.ts';

const READ_TOC = [0x43, 0, 0, 0, 0, 0, 0, 0, 0xff, 0];
const DISC_INFORMATION = [0x51, 0, 0, 0, 0, 0, 0, 0, 0xff, 0];
const TRACK_INFORMATION = [0x52, 0x01, 0, 0, 0, 1, 0, 0, 0xff, 0];
const DVD_STRUCTURE = [0xad, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x10, 0, 0];

function changed(cdb: readonly number[], ...bytes: readonly (readonly [number, number])[]): number[] {
  const copy = [...cdb];
  for (const [at, value] of bytes) copy[at] = value;
  return copy;
}

function say(cdb: readonly number[], blocks?: number): string {
  return hexOf(driveWith(blocks).run(cdb, { dataIn: 4096 }));
}

describe('READ TOC/PMA/ATIP', () => {
  it('a table of contents has one data track and the lead-out, as LBA', () => {
    expect(say(READ_TOC)).toBe('001201010014010000000000' + '0014aa00000003e8');
  });

  it('in time LBA 0 is 00:02:00', () => {
    // 1000 + 150 frames are 15 s 25 f.
    expect(say(changed(READ_TOC, [1, 0x02]))).toBe('001201010014010000000200' + '0014aa0000000f19');
  });

  it('beyond 255:59:74 time stands still', () => {
    expect(say(changed(READ_TOC, [1, 0x02], [6, 0xaa]), 2_000_000)).toBe('000a01010014aa0000ff3b4a');
  });

  it('from the lead-out on there is only that', () => {
    expect(say(changed(READ_TOC, [6, 0xaa]))).toBe('000a01010014aa00000003e8');
  });

  it('a track that is not there is an invalid field', () => {
    for (const track of [2, 0x63, 0xab, 0xff]) expect(say(changed(READ_TOC, [6, track]))).toBe('5/24/0');
  });

  it('there is one session with one track, for Linux by CONTROL as well', () => {
    const session = '000a01010014010000000000';
    expect(say(changed(READ_TOC, [2, 0x01]))).toBe(session);
    expect(say(changed(READ_TOC, [9, 0x40]))).toBe(session);
    expect(say(changed(READ_TOC, [1, 0x02], [2, 0x01]))).toBe('000a01010014010000000200');
  });

  it('the full table of contents has the three points and the track', () => {
    expect(say(changed(READ_TOC, [1, 0x02], [2, 0x02]))).toBe(
      '002e0101' +
        '011400a000000000010000' +
        '011400a100000000010000' +
        '011400a200000000000f19' +
        '0114000100000000000200',
    );
    expect(say(changed(READ_TOC, [2, 0x02], [6, 2]))).toBe('5/24/0');
  });

  it('PMA, ATIP, CD-TEXT and formats that do not exist are invalid fields', () => {
    for (const format of [3, 4, 5, 6, 0x0f]) expect(say(changed(READ_TOC, [2, format]))).toBe('5/24/0');
    expect(say(changed(READ_TOC, [9, 0xc0]))).toBe('5/24/0');
  });

  it('allocation length cuts it, zero is no error', () => {
    expect(say(changed(READ_TOC, [8, 4]))).toBe('00120101');
    expect(say(changed(READ_TOC, [8, 0]))).toBe('');
  });
});

describe('READ DISC INFORMATION', () => {
  it('the disc is finalized and has one session with one track', () => {
    expect(say(DISC_INFORMATION)).toBe(`00200e01010101200000000000000000${'ff'.repeat(8)}${'00'.repeat(10)}`);
  });

  it('resources of a recorder are an invalid field', () => {
    for (const type of [1, 2, 7]) expect(say(changed(DISC_INFORMATION, [1, type]))).toBe('5/24/0');
  });
});

describe('READ TRACK INFORMATION', () => {
  const track = `0022010100040102${'00'.repeat(16)}000003e8000003e7${'00'.repeat(4)}`;

  it.each([
    {
      name: 'by LBA',
      bytes: [
        [1, 0x00],
        [4, 0x03],
        [5, 0xe7],
      ],
    },
    {
      name: 'by track',
      bytes: [
        [1, 0x01],
        [4, 0],
        [5, 1],
      ],
    },
    {
      name: 'by session',
      bytes: [
        [1, 0x02],
        [4, 0],
        [5, 1],
      ],
    },
  ] as const)('$name', ({ bytes }) => {
    expect(say(changed(TRACK_INFORMATION, ...bytes))).toBe(track);
  });

  it.each([
    {
      name: 'LBA one past the end',
      bytes: [
        [1, 0x00],
        [4, 0x03],
        [5, 0xe8],
      ],
    },
    {
      name: 'track 0',
      bytes: [
        [1, 0x01],
        [4, 0],
        [5, 0],
      ],
    },
    {
      name: 'track 2',
      bytes: [
        [1, 0x01],
        [4, 0],
        [5, 2],
      ],
    },
    {
      name: 'session 2',
      bytes: [
        [1, 0x02],
        [4, 0],
        [5, 2],
      ],
    },
    {
      name: 'reserved type',
      bytes: [
        [1, 0x03],
        [4, 0],
        [5, 1],
      ],
    },
    {
      name: 'an open track',
      bytes: [
        [1, 0x05],
        [4, 0],
        [5, 1],
      ],
    },
  ] as const)('$name is an invalid field', ({ bytes }) => {
    expect(say(changed(TRACK_INFORMATION, ...bytes))).toBe('5/24/0');
  });
});

describe('READ DVD STRUCTURE', () => {
  it('physical format has the first and the last sector number', () => {
    const answer = say(DVD_STRUCTURE, DVD_BLOCKS);
    expect(answer.slice(0, 40)).toBe('08020000' + '010f0100' + '00030000' + '00087e40' + '00000000');
    expect(answer).toHaveLength(2 * 2052);
  });

  it('there is no copyright protection', () => {
    expect(say(changed(DVD_STRUCTURE, [7, 1]), DVD_BLOCKS)).toBe('0006000000000000');
  });

  it('the list has both', () => {
    expect(say(changed(DVD_STRUCTURE, [7, 0xff]), DVD_BLOCKS)).toBe('000a0000' + '00400804' + '01400008');
  });

  it('another layer, another format and Blu-ray are invalid fields', () => {
    expect(say(changed(DVD_STRUCTURE, [6, 1]), DVD_BLOCKS)).toBe('5/24/0');
    expect(say(changed(DVD_STRUCTURE, [7, 2]), DVD_BLOCKS)).toBe('5/24/0');
    expect(say(changed(DVD_STRUCTURE, [1, 1]), DVD_BLOCKS)).toBe('5/24/0');
  });

  it('a CD has none', () => {
    expect(say(DVD_STRUCTURE)).toBe('5/30/2');
  });
});

it('without a disc there is nothing to say', () => {
  const harness = driveWith();
  eject(harness);
  for (const cdb of [READ_TOC, DISC_INFORMATION, TRACK_INFORMATION, DVD_STRUCTURE]) {
    expect(harness.run(cdb, { dataIn: 4096 }).outcome).toBe('2/3a/0');
  }
});
