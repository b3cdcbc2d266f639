/** What disks say of themselves: INQUIRY, VPD pages, commands, capacity, log and mode pages. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type Bench, BLOCK_BYTES, DISK_BYTES, EXIT, LUN } from './bench.ts';

export function identity(bench: Bench): void {
  it.each([
    { lun: LUN.thin, type: 'PDT=0  RMB=0', product: 'thin disk       ' },
    { lun: LUN.removable, type: 'PDT=0  RMB=1', product: 'NATIVE DISK     ' },
    { lun: LUN.drive, type: 'PDT=5  RMB=1', product: 'NATIVE CD-ROM   ' },
  ])('sg_inq: $product', async ({ lun, type, product }) => {
    const output = await bench.good(`sg_inq /dev/a${lun}`);
    expect(output).toContain(`PQual=0  ${type}  LU_CONG=0  hot_pluggable=0  version=0x06  [SPC-4]\n`);
    expect(output).toContain(' Vendor identification: GOTGT   \n');
    expect(output).toContain(` Product identification: ${product}\n`);
  });

  it('sg_inq: the standards that a disk keeps to', async () => {
    const output = await bench.good('sg_inq --descriptors /dev/a0');
    for (const standard of ['SAM-5', 'SPC-4', 'SBC-3', 'iSCSI']) {
      expect(output).toContain(`    ${standard} (no version claimed)\n`);
    }
  });

  it.each(Object.values(LUN))('sg_vpd: the pages of LUN %i ascend, each answers, no other does', async (lun) => {
    const pages = vpdPages(await bench.good(`sg_inq --hex --page=0 /dev/a${lun}`));
    expect(pages).toEqual([...new Set(pages)].sort((one, other) => one - other));
    expect(pages).toEqual(expect.arrayContaining([0x00, 0x80, 0x83]));
    const each = await bench.good(
      `for page in ${pages.join(' ')}; do sg_vpd --hex --page=$page /dev/a${lun} || exit; done`,
    );
    const codes = [...each.matchAll(/^ 00 {5}[0-9a-f]{2} ([0-9a-f]{2}) /gm)].map(([, code]) =>
      Number.parseInt(code as string, 16),
    );
    expect(codes).toEqual(pages);
    const other = [0x84, 0x85, 0xb3, 0xb6, 0xff].find((page) => !pages.includes(page));
    await bench.refused(`sg_vpd -v --force --page=${other} /dev/a${lun}`, EXIT.illegalRequest, 'Invalid field in cdb');
  });

  it('sg_vpd decodes what the thin disk says', async () => {
    for (const { page, says } of DECODED) {
      const output = await bench.good(`sg_vpd --page=${page} /dev/a0`);
      for (const line of says) expect(output, page).toContain(line);
      expect(output).not.toMatch(/too short|malformed|unexpected|response length/i);
    }
  });

  it('sg_vpd: both paths lead to one unit', async () => {
    const [one, other] = [await bench.good('sg_vpd -p di_lu /dev/a0'), await bench.good('sg_vpd -p di_lu /dev/b0')];
    expect(one).toMatch(/NAA, {2}code set: Binary\n\s+0x3[0-9a-f]{15}\n/);
    expect(one).toBe(other);
  });

  it.each([
    { lun: LUN.thin, table: 'commands', leaves: () => false },
    { lun: LUN.removable, table: 'commands', leaves: (units: string) => units === 'thin' },
    { lun: LUN.drive, table: 'drive commands', leaves: () => false },
  ])('sg_opcodes: the $table of docs/SPECS.md and no others ($lun)', async ({ lun, table, leaves }) => {
    const output = await bench.good(`sg_opcodes -c /dev/a${lun}`);
    const reported = [...output.matchAll(/^ ([0-9a-f]{2})(?:,([0-9a-f]+))? +\S/gm)];
    const codes = reported.map(([, code, action]) => `${code},${action ?? ''}`);
    expect(codes.sort()).toEqual(documented(table, leaves).sort());
  });

  it('sg_opcodes: one command, with its usage and its timeout; task management', async () => {
    const write = await bench.good('sg_opcodes -n -R -o 0x2a /dev/a0');
    expect(write).toContain('Command is supported [conforming to SCSI standard]\n');
    expect(write).toContain('Usage data: 2a 18 ff ff ff ff 3f ff ff 04 \n');
    expect(write).toMatch(/no nominal timeout, recommended timeout: \d+ secs/);
    expect(await bench.good('sg_opcodes -n -o 0x7f,0xb /dev/a0')).toContain('Command is supported');
    expect(await bench.good('sg_opcodes -n -o 0x42 /dev/a2')).toContain('Command is NOT supported\n');
    const functions = await bench.good('sg_opcodes -n -t /dev/a0');
    for (const name of ['Abort task', 'Abort task set', 'Clear ACA', 'Clear task set', 'Logical unit reset']) {
      expect(functions).toContain(`    ${name}\n`);
    }
  });

  it('sg_readcap, sg_luns', async () => {
    const thin = await bench.good('sg_readcap --long /dev/a0');
    expect(thin).toContain('Logical block provisioning: lbpme=1, lbprz=1\n');
    expect(thin).toContain(`Number of logical blocks=${DISK_BYTES / BLOCK_BYTES}\n   Logical block length=512 bytes\n`);
    const large = await bench.good('sg_readcap --long /dev/a1');
    expect(large).toContain(`Number of logical blocks=${DISK_BYTES / 4096}\n   Logical block length=4096 bytes\n`);
    expect(await bench.good('sg_readcap --long /dev/a3')).toContain('lbpme=0, lbprz=0\n');
    expect(await bench.good('sg_readcap /dev/a5')).toContain('Logical block length=2048 bytes\n');
    const luns = await bench.good('sg_luns /dev/a0');
    expect(luns.match(/^ {4}[0-9a-f]{16}$/gm)).toEqual(Object.values(LUN).map((lun) => `    000${lun}000000000000`));
  });

  it('sg_logs: every page that is listed answers', async () => {
    const list = await bench.good('sg_logs --list /dev/a0');
    const pages = [...list.matchAll(/^ +0x([0-9a-f]{2}) /gm)].map(([, page]) => page as string);
    expect(pages).toEqual(expect.arrayContaining(['00', '0c', '0e', '19', '2f']));
    for (const page of pages) {
      const output = await bench.good(`sg_logs --page=0x${page} /dev/a0`);
      expect(output).toMatch(new RegExp(`\\[0x${Number.parseInt(page, 16).toString(16)}\\]`));
    }
    const all = await bench.good('sg_logs --all /dev/a0');
    expect(all).toMatch(/Available LBA mapping threshold resource count: [1-9]/);
    expect(all).toMatch(/number of read commands = [1-9]/);
    expect(all).toMatch(/Total uncorrected errors = 0\n/);
    await bench.refused('sg_logs -v --page=0x0d /dev/a0', EXIT.illegalRequest, 'Invalid field in cdb');
  });

  it('sg_modes and sdparm: all pages and subpages, each alone as within all of them', async () => {
    const all = await bench.good('sg_modes --page=0x3f,0xff /dev/a0');
    for (const page of MODE_PAGES) expect(all).toMatch(new RegExp(`^>> ${page}, page_control: current$`, 'mi'));
    expect(all).toMatch(/WP=0, DpoFua=1, longlba=0\n {2}Block descriptor length=8\n/);
    for (const control of [0, 1, 2, 3]) await bench.good(`sg_modes --control=${control} --page=0x3f,0xff /dev/a0`);
    expect(await bench.good('sg_modes --six --page=8 /dev/a0')).toContain('>> Caching, page_control: current\n');
    await bench.refused('sg_modes -v --page=0x1d /dev/a0', EXIT.illegalRequest, 'Invalid field in cdb');
    const parameters = await bench.good('sdparm --all --long /dev/a0');
    expect(parameters).toMatch(/WCE +1 {2}\[cha: y, def: {2}1, sav: {2}1\]/);
    expect(parameters).toMatch(/SWP +0 {2}\[cha: y, def: {2}0, sav: {2}0\]/);
    expect(await bench.good('sg_modes --page=8 /dev/a3')).toContain('WP=1, ');
  });
}

const MODE_PAGES = [
  'Read-Write error recovery',
  'Disconnect-Reconnect',
  'Caching',
  'Control',
  'Control extension',
  'Power condition',
  'Informational exceptions control',
  'Logical block provisioning',
];

const DECODED = [
  { page: 'sn', says: ['  Unit serial number: THIN0001\n'] },
  { page: 'ei', says: ['HEADSUP=1 ORDSUP=1 SIMPSUP=1\n', 'V_SUP=1\n'] },
  { page: 'mpp', says: ['policy applies to all modes pages and subpages\n'] },
  {
    page: 'bl',
    says: [
      '  Write same non-zero (WSNZ): 1\n',
      '  Maximum compare and write length: 255 blocks\n',
      '  Maximum unmap block descriptor count: 256\n',
      '  Optimal unmap granularity: 8 blocks\n',
    ],
  },
  { page: 'bdc', says: ['  Non-rotating medium (e.g. solid state)\n'] },
  {
    page: 'lbpv',
    says: [
      '  Unmap command supported (LBPU): 1\n',
      '  Write same (16) with unmap bit supported (LBPWS): 1\n',
      '  Write same (10) with unmap bit supported (LBPWS10): 1\n',
      '  Logical block provisioning read zeros (LBPRZ): 1\n',
      '  Provisioning type: 2 (thin provisioned)\n',
    ],
  },
  {
    page: 'tpc',
    says: ['  Extended copy(LID1)\n', '  Populate token\n', '  block -> block [0x2]\n', 'ROD token features:\n'],
  },
];

function vpdPages(hex: string): number[] {
  const bytes = [...hex.matchAll(/^ [0-9a-f]{2} {5}((?:[0-9a-f]{2} {1,2})+)/gm)].flatMap(([, row]) =>
    (row as string).trim().split(/ +/),
  );
  return bytes.slice(4).map((byte) => Number.parseInt(byte, 16));
}

/** "code,action" of the rows of a table of docs/SPECS.md but the 32-byte commands, which the list of all leaves out. */
function documented(table: string, leaves: (units: string) => boolean): string[] {
  const text = readFileSync(new URL('../../../docs/SPECS.md', import.meta.url), 'utf8');
  const start = text.indexOf(`<!-- ${table} -->`);
  const rows = text.slice(start, text.indexOf('<!-- end -->', start)).matchAll(ROW);
  return [...rows]
    .filter(([, code, , units]) => code !== '7F' && !leaves(units as string))
    .map(
      ([, code, action]) =>
        `${code?.toLowerCase()},${action === '' ? '' : Number.parseInt(action as string, 16).toString(16)}`,
    );
}

const ROW = /^\| [^|]+ \| ([0-9A-F]{2})h \| ([0-9A-F]*)h? \| \d+ \| (\w+) \|/gm;
