/** libiscsi's command line tools: what a user looks at first. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientOutput } from './client-command.ts';
import { DaemonProcess, type DaemonSetup, TARGET_NAME, TestFolder } from './daemon-process.ts';

const SETUP: DaemonSetup = {
  disks: [
    { scheme: 'iouring', fileName: 'a.img', size: '100MiB' },
    { scheme: 'file', fileName: 'b.img', size: '3GiB' },
    { scheme: 'file', fileName: 'c.img', size: '4MiB', blockShift: 12 },
  ],
};
const LUNS = SETUP.disks.map((_, lun) => lun);
/** The pages of every disk, by number as iscsi-inq takes it. */
const VPD_PAGES = [0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2];

const folder = new TestFolder();
let daemon: DaemonProcess;

beforeAll(async () => {
  daemon = await DaemonProcess.start(folder, SETUP);
});

afterAll(async () => {
  await daemon.stop();
  folder.dispose();
});

function vpdPage(page: number, lun: number): Promise<string> {
  return clientOutput(folder, 'iscsi-inq', ['-e', '1', '-c', `${page}`, daemon.url(lun)]);
}

/** What makes a disk known again: everything that iscsi-inq shows of pages 80h and 83h. */
async function identity(lun: number): Promise<string> {
  return (await vpdPage(0x80, lun)) + (await vpdPage(0x83, lun));
}

async function serial(lun: number): Promise<string> {
  const found = /Unit Serial Number:\[(.+)\]/.exec(await vpdPage(0x80, lun));
  return found?.[1] as string;
}

/** The designators of the logical unit itself, not of its port or target device. */
async function unitDesignators(lun: number): Promise<string[]> {
  const [, ...designators] = (await vpdPage(0x83, lun)).split('DEVICE DESIGNATOR #');
  return designators
    .filter((text) => text.includes('Association:(0) LOGICAL_UNIT'))
    .map((text) => text.replace(/^\d+\n/, ''));
}

describe('iscsi-ls', () => {
  it('finds the target and its portal', async () => {
    const output = await clientOutput(folder, 'iscsi-ls', [daemon.portalUrl]);
    expect(output).toBe(`Target:${TARGET_NAME} Portal:${daemon.address},1\n`);
  });

  it('-s shows every logical unit as a disk of its size', async () => {
    const output = await clientOutput(folder, 'iscsi-ls', ['-s', daemon.portalUrl]);
    const [target, ...units] = output.trimEnd().split('\n');
    expect(target).toBe(`Target:${TARGET_NAME} Portal:${daemon.address},1`);
    // It reckons with the last block, not with their number, and rounds down.
    const sizes = ['99M', '2G', '3M'];
    expect(units).toEqual(sizes.map((size, lun) => `Lun:${lun}    Type:DIRECT_ACCESS (Size:${size})`));
  });
});

describe('iscsi-readcapacity16', () => {
  it.each([
    [0, 512, 104857600],
    [1, 512, 3 * 1024 ** 3],
    [2, 4096, 4 * 1024 ** 2],
  ])('LUN %i has blocks of %i bytes, %i bytes in all', async (lun, blockBytes, sizeBytes) => {
    const output = await clientOutput(folder, 'iscsi-readcapacity16', [daemon.url(lun)]);
    expect(output).toContain(`RETURNED LOGICAL BLOCK ADDRESS:${sizeBytes / blockBytes - 1}\n`);
    expect(output).toContain(`LOGICAL BLOCK LENGTH IN BYTES:${blockBytes}\n`);
    expect(output).toContain('LBPME:1 LBPRZ:1\n');
    expect(output).toContain(`Total size:${sizeBytes}\n`);
  });
});

describe('iscsi-inq', () => {
  it('shows a disk that conforms to SPC-4, SBC-3 and iSCSI', async () => {
    const output = await clientOutput(folder, 'iscsi-inq', [daemon.url(0)]);
    expect(output).toContain('Peripheral Qualifier:CONNECTED\nPeripheral Device Type:DIRECT_ACCESS\n');
    expect(output).toContain('Removable:0\n');
    expect(output).toContain('CmdQue:1\n');
    expect(output).toMatch(/^Vendor:GOTGT {3}$/m);
    expect(output).toMatch(/^Product:NATIVE DISK {5}$/m);
    for (const standard of ['SPC-4', 'SBC-3', 'iSCSI']) {
      expect(output).toMatch(new RegExp(`^Version Descriptor:[0-9a-f]{4} ${standard}$`, 'm'));
    }
  });

  it('lists the vital product data pages', async () => {
    const output = await clientOutput(folder, 'iscsi-inq', ['-e', '1', '-c', '0', daemon.url(0)]);
    const pages = [...output.matchAll(/^Page:(0x[0-9a-f]{2}) /gm)].map(([, page]) => Number(page));
    expect(pages).toEqual(expect.arrayContaining(VPD_PAGES));
    // iscsi-inq lists others as well, and cannot take them apart.
    for (const page of VPD_PAGES) await vpdPage(page, 0);
  });

  it('shows the limits and the provisioning of a thin disk', async () => {
    const limits = await vpdPage(0xb0, 0);
    expect(limits).toContain('wsnz:1\n');
    expect(limits).toMatch(/^maximum unmap lba count:[1-9]\d*$/m);
    expect(limits).toMatch(/^maximum unmap block descriptor count:[1-9]\d*$/m);
    const provisioning = await vpdPage(0xb2, 0);
    for (const line of ['lbpu:1', 'lbpws:1', 'lbpws10:1', 'lbprz:1', 'provisioning type:2']) {
      expect(provisioning.split('\n')).toContain(line);
    }
    expect(await vpdPage(0xb1, 0)).toContain('Medium Rotation Rate:1RPM\n'); // 1 means: does not rotate
  });

  it('shows no two units with the same serial number or designator', async () => {
    const serials = await Promise.all(LUNS.map(serial));
    expect(serials.every((text) => text.length > 0)).toBe(true);
    expect(new Set(serials).size).toBe(LUNS.length);
    const designators = (await Promise.all(LUNS.map(unitDesignators))).flat();
    // It prints the bytes of a designator up to the first zero, which is the second of a UUID's.
    for (const type of ['NAA', 'T10_VENDORT_ID']) {
      const ofType = designators.filter((text) => text.includes(type));
      expect(ofType).toHaveLength(LUNS.length);
      expect(new Set(ofType).size).toBe(LUNS.length);
    }
  });

  it('shows the same identity after a restart', async () => {
    const before = await Promise.all(LUNS.map(identity));
    const portal = daemon.address;
    await daemon.stop();
    daemon = await DaemonProcess.start(folder, { ...SETUP, portal });
    expect(await Promise.all(LUNS.map(identity))).toEqual(before);
  });
});

describe('iscsi-swp', () => {
  it('sees that software write protect is off', async () => {
    expect(await clientOutput(folder, 'iscsi-swp', [daemon.url(0)])).toBe('SWP:0\n');
  });
});
