/** Tools that read, write, compare, copy and unmap blocks. What they did is looked up in the disk's file. */
import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type Bench, BLOCK_BYTES, DISK_BYTES, EXIT, RANDOM_BYTES } from './bench.ts';

const RANDOM_BLOCKS = RANDOM_BYTES / BLOCK_BYTES;
/** Where the random data stand on the thin disk. */
const RANDOM_LBA = 1024;
const ZEROS = Buffer.alloc(BLOCK_BYTES);
const A_BLOCK = Buffer.alloc(BLOCK_BYTES, 'A');
const B_BLOCK = Buffer.alloc(BLOCK_BYTES, 'B');

export function blocks(bench: Bench): void {
  it('sg_dd: what is written is read, by either path', async () => {
    await bench.good(
      'head -c 512 /dev/zero >/tmp/zeros; tr "\\0" A </tmp/zeros >/tmp/a; tr "\\0" B </tmp/zeros >/tmp/b',
      `sg_dd if=/host/random.img of=/dev/a0 bs=512 bpt=256 seek=${RANDOM_LBA} count=${RANDOM_BLOCKS}`,
      `sg_dd if=/dev/b0 of=/tmp/back bs=512 bpt=256 skip=${RANDOM_LBA} count=${RANDOM_BLOCKS}`,
      'cmp /tmp/back /host/random.img',
    );
    expect(bench.blocks(RANDOM_LBA, RANDOM_BLOCKS).equals(bench.read('random.img', 0, RANDOM_BYTES))).toBe(true);
    await bench.refused(
      `sg_dd if=/dev/a0 of=/dev/null bs=512 skip=${DISK_BYTES / BLOCK_BYTES} count=1`,
      EXIT.lbaOutOfRange,
      'sg_read failed, at or after lba=131072 [0x20000]\n',
    );
  });

  it.each(['sgp_dd', 'sgm_dd'])('%s reads the same', async (tool) => {
    const range = `bs=512 skip=${RANDOM_LBA} count=${RANDOM_BLOCKS}`;
    await bench.good(
      `${tool} if=/dev/a0 of=/tmp/${tool} ${range}`,
      `cmp /tmp/${tool} /host/random.img`,
      `rm /tmp/${tool}`,
    );
  });

  it('sg_compare_and_write: writes on a match, names the first byte that differs', async () => {
    await bench.good(
      'cat /tmp/zeros /tmp/b >/tmp/zeros-b; (cat /tmp/b; head -c 100 /tmp/zeros; head -c 412 /tmp/a; cat /tmp/a /tmp/a) >/tmp/b-a',
      'sg_compare_and_write --in=/tmp/zeros-b --lba=8 --num=1 --xferlen=1024 /dev/a0',
    );
    expect(bench.blocks(8, 2)).toEqual(Buffer.concat([B_BLOCK, ZEROS]));
    const miscompare = 'sg_compare_and_write -v --in=/tmp/b-a --lba=8 --num=2 --xferlen=2048 /dev/b0';
    await bench.refused(miscompare, EXIT.miscompare, 'Miscompare at byte offset: 612 [0x264]\n');
    expect(bench.blocks(8, 2)).toEqual(Buffer.concat([B_BLOCK, ZEROS]));
  });

  it.each([
    { how: '--10', lba: 100 },
    { how: '--16', lba: 120 },
    { how: '--32', lba: 140 },
  ])('sg_write_same $how writes the block, and unmaps', async ({ how, lba }) => {
    await bench.good(`sg_write_same ${how} --in=/tmp/a --xferlen=512 --lba=${lba} --num=9 /dev/a0`);
    expect(bench.blocks(lba - 1, 11)).toEqual(Buffer.concat([ZEROS, ...Array(9).fill(A_BLOCK), ZEROS]));
    await bench.good(`sg_write_same ${how} --unmap --xferlen=512 --lba=${lba + 1} --num=7 /dev/a0`);
    expect(bench.blocks(lba, 9)).toEqual(Buffer.concat([A_BLOCK, ...Array(7).fill(ZEROS), A_BLOCK]));
  });

  it('sg_write_same: zeros without data; its limits', async () => {
    await bench.good(`sg_write_same --16 --in=/tmp/b --xferlen=512 --lba=160 --num=4 /dev/a0`);
    await bench.good('sg_write_same --16 --ndob --lba=160 --num=1 /dev/a0');
    await bench.good('sg_write_same --32 --ndob --unmap --lba=163 --num=1 /dev/a0');
    expect(bench.blocks(160, 4)).toEqual(Buffer.concat([ZEROS, B_BLOCK, B_BLOCK, ZEROS]));
    for (const number of [0, 65537]) {
      const command = `sg_write_same -v --16 --in=/tmp/a --xferlen=512 --lba=0 --num=${number} /dev/a0`;
      await bench.refused(command, EXIT.illegalRequest, /Invalid field in cdb\n.*Error in Command: byte 10 bit 7/);
    }
    const anchor = 'sg_write_same -v --16 --unmap --anchor --xferlen=512 --lba=0 --num=8 /dev/a0';
    await bench.refused(anchor, EXIT.illegalRequest, 'Invalid field in cdb');
  });

  it('sg_unmap: holes are what sg_get_lba_status tells of them, and zeros', async () => {
    const map = async () => {
      const output = await bench.good(`sg_get_lba_status --brief --maxlen=4096 --lba=${RANDOM_LBA} /dev/a0`);
      return [...output.matchAll(/^0x([0-9a-f]{16}) +0x([0-9a-f]+) +(\d)/gm)].map(([, lba, count, state]) => [
        Number.parseInt(lba as string, 16),
        Number.parseInt(count as string, 16),
        Number(state),
      ]);
    };
    const end = RANDOM_LBA + RANDOM_BLOCKS;
    const rest = [end, DISK_BYTES / BLOCK_BYTES - end, DEALLOCATED];
    // Without the addon nobody tells where the holes of a file are.
    const unknown = [[RANDOM_LBA, DISK_BYTES / BLOCK_BYTES - RANDOM_LBA, MAPPED]];
    expect(await map()).toEqual(bench.isNative ? [[RANDOM_LBA, RANDOM_BLOCKS, MAPPED], rest] : unknown);
    await bench.good('sg_unmap --force --lba=1032,1048 --num=8,16 /dev/a0');
    const holes = [
      [RANDOM_LBA, 8, MAPPED],
      [1032, 8, DEALLOCATED],
      [1040, 8, MAPPED],
      [1048, 16, DEALLOCATED],
      [1064, end - 1064, MAPPED],
      rest,
    ];
    expect(await map()).toEqual(bench.isNative ? holes : unknown);
    expect(bench.blocks(1048, 16).equals(Buffer.alloc(16 * BLOCK_BYTES))).toBe(true);
    const behind = `sg_unmap -v --force --lba=${DISK_BYTES / BLOCK_BYTES} --num=1 /dev/a0`;
    await bench.refused(behind, EXIT.lbaOutOfRange, 'Logical block address out of range');
    const thick = 'sg_unmap -v --force --lba=0 --num=1 /dev/a2';
    await bench.refused(thick, EXIT.invalidOpcode, 'Invalid command operation code');
  });

  it('sg_xcopy: from disk to disk, and to larger blocks', async () => {
    await bench.good(
      `sg_xcopy if=/dev/a0 of=/dev/a4 bs=512 skip=${RANDOM_LBA} seek=2048 count=${RANDOM_BLOCKS}`,
      `sg_xcopy if=/dev/a0 of=/dev/a1 bs=512 skip=${RANDOM_LBA} seek=0 count=${RANDOM_BLOCKS}`,
    );
    const copied = bench.blocks(RANDOM_LBA, RANDOM_BLOCKS);
    expect(bench.read('erased.img', 2048 * BLOCK_BYTES, RANDOM_BYTES).equals(copied)).toBe(true);
    expect(bench.read('large.img', 0, RANDOM_BYTES).equals(copied)).toBe(true);
    const parameters = await bench.good('sg_copy_results --params /dev/a0');
    expect(parameters).toContain('Segment descriptor 0x02: Copy from block device to block device\n');
    expect(parameters).toContain('Target descriptor 0xe4: Identification descriptor\n');
    const readOnly = 'sg_xcopy -v if=/dev/a0 of=/dev/a3 bs=512 count=8';
    const { status, output } = await bench.run(readOnly);
    expect(status, output).not.toBe(0);
    expect(bench.read('read-only.img', 0, 4096).equals(Buffer.alloc(4096, 0x5a))).toBe(true);
  });

  it('POPULATE TOKEN, WRITE USING TOKEN: ddptctl understands the token, and the blocks are copied', async () => {
    const [count, lba] = [64, 30000];
    const { folder } = bench;
    writeFileSync(folder.join('populate.bin'), Buffer.concat([header(POPULATE_BYTES), range(RANDOM_LBA, count)]));
    await bench.good(
      `sg_raw -s ${POPULATE_BYTES} -i /host/populate.bin /dev/a0 83 10 00 00 00 00 00 00 01 01 00 00 00 20 00 00`,
      'ddptctl --receive --list_id=0x101 --rtf=/host/token.bin /dev/a0',
    );
    const token = bench.read('token.bin', 0, TOKEN_BYTES);
    const described = await bench.good('ddptctl --info --rtf=/host/token.bin');
    expect(described).toContain('ROD type: point in time copy - change vulnerable [0x800001]\n');
    expect(described).toContain(`Number of bytes represented: ${count * BLOCK_BYTES} `);
    const list = Buffer.concat([header(WRITE_USING_BYTES), token, RANGES_HEADER, range(lba, count)]);
    writeFileSync(folder.join('write-using.bin'), list);
    const use = `sg_raw -v -s ${WRITE_USING_BYTES} -i /host/write-using.bin /dev/b4 83 11 00 00 00 00 00 00 01 02 00 00 02 28 00 00`;
    await bench.good(use);
    const copied = bench.read('erased.img', lba * BLOCK_BYTES, count * BLOCK_BYTES);
    expect(copied.equals(bench.blocks(RANDOM_LBA, count))).toBe(true);
    // A write to what the token stands for ends it.
    await bench.good(`sg_dd if=/tmp/a of=/dev/a0 bs=512 seek=${RANDOM_LBA} count=1`);
    await bench.refused(use, EXIT.illegalRequest, 'Additional sense: Invalid token operation, token revoked\n');
    await bench.good(`sg_dd if=/host/random.img of=/dev/a0 bs=512 seek=${RANDOM_LBA} count=1`);
  });

  it('sg_verify: the medium, and data; sg_write_verify', async () => {
    await bench.good(
      `sg_verify --lba=0 --count=${RANDOM_LBA} /dev/a0`,
      `sg_verify --lba=${RANDOM_LBA} --count=1 --ndo=512 --in=/host/random.img /dev/a0`,
      `sg_verify --16 --lba=${RANDOM_LBA} --count=1 --ndo=512 --in=/host/random.img /dev/a0`,
      'sg_write_verify --lba=200 --num=1 --in=/tmp/a --ilen=512 /dev/a0',
      'sg_write_verify --16 --bytchk=1 --lba=201 --num=1 --in=/tmp/b --ilen=512 /dev/a0',
    );
    expect(bench.blocks(200, 2)).toEqual(Buffer.concat([A_BLOCK, B_BLOCK]));
    await bench.good('sg_verify --16 --ebytchk=3 --lba=3 --count=5 --ndo=512 --in=/tmp/zeros /dev/a0');
    const other = 'sg_verify -v --lba=200 --count=1 --ndo=512 --in=/tmp/b /dev/a0';
    await bench.refused(other, EXIT.miscompare, 'Miscompare during verify operation');
    const behind = `sg_verify -v --16 --lba=${DISK_BYTES / BLOCK_BYTES} --count=1 /dev/a0`;
    await bench.refused(behind, EXIT.lbaOutOfRange, 'Logical block address out of range');
  });

  it('sg_write_x: WRITE(16), WRITE(32), ORWRITE(16), WRITE ATOMIC(16)', async () => {
    await bench.good(
      'sg_write_x --normal --16 --in=/tmp/a --bs=512 --lba=210 --num=1 /dev/a0',
      'sg_write_x --normal --32 --in=/tmp/b --bs=512 --lba=211 --num=1 /dev/a0',
      'sg_write_x --atomic=0 --16 --in=/tmp/a --bs=512 --lba=212 --num=1 /dev/a0',
      'sg_write_x --or --16 --in=/tmp/b --bs=512 --lba=212 --num=1 /dev/a0',
    );
    expect(bench.blocks(210, 3)).toEqual(
      Buffer.concat([A_BLOCK, B_BLOCK, Buffer.alloc(BLOCK_BYTES, 'A'.charCodeAt(0) | 'B'.charCodeAt(0))]),
    );
    for (const how of ['--scattered=1 --lba=8,16 --num=1,1', '--stream=1 --lba=8 --num=1']) {
      const command = `sg_write_x -v ${how} --16 --in=/tmp/a --bs=512 /dev/a0`;
      await bench.refused(command, EXIT.invalidOpcode, 'Invalid command operation code');
    }
  });

  it('sg_sync, sg_read; what disks do not have is refused', async () => {
    await bench.good('sg_sync --lba=0 --count=10 /dev/a0', 'sg_sync --16 --immed /dev/a0');
    expect(await bench.good(`sg_read if=/dev/a0 bs=512 count=256 skip=${RANDOM_LBA}`)).toContain('256+0 records in');
    expect(await bench.good('sg_reassign --grown /dev/a0')).toContain('Elements in grown defect list: 0\n');
    expect(await bench.good('sg_reassign --primary /dev/a0')).toContain('Elements in primary defect list: 0\n');
    await bench.refused('sg_read_long --lba=0 /dev/a0', EXIT.invalidOpcode, 'Invalid opcode');
    await bench.refused(
      'sg_write_long --lba=0 --in=/tmp/a --xfer_len=512 /dev/a0',
      EXIT.invalidOpcode,
      'Invalid opcode',
    );
    await bench.refused('sg_referrals /dev/a0', EXIT.illegalRequest, 'Illegal request');
    await bench.refused('sg_rep_zones /dev/a0', EXIT.invalidOpcode, 'not supported');
    await bench.refused('sg_seek --lba=1 --num-blocks=8 /dev/a0', EXIT.invalidOpcode, 'Invalid opcode');
  });
}

/** SBC-3 5.7.2, 5.48.2: parameter lists with one range. */
const POPULATE_BYTES = 32;
const WRITE_USING_BYTES = 552;
const TOKEN_BYTES = 512;
const RANGE_BYTES = 16;
const RANGES_HEADER = Buffer.from([0, 0, 0, 0, 0, 0, 0, RANGE_BYTES]);

/** Of a parameter list of either command; what POPULATE TOKEN has in its last bytes is zero for WRITE USING TOKEN. */
function header(listBytes: number): Buffer {
  const bytes = Buffer.alloc(RANGE_BYTES);
  bytes.writeUInt16BE(listBytes - 2, 0);
  if (listBytes === POPULATE_BYTES) bytes.writeUInt16BE(RANGE_BYTES, 14);
  return bytes;
}

function range(lba: number, count: number): Buffer {
  const bytes = Buffer.alloc(RANGE_BYTES);
  bytes.writeUInt32BE(lba, 4);
  bytes.writeUInt32BE(count, 8);
  return bytes;
}

/** PROVISIONING STATUS */
const MAPPED = 0;
const DEALLOCATED = 1;
