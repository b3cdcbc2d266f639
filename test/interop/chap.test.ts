/**
 * CHAP and access rules with initiators that are not ours: libiscsi's tools and QEMU, one-way and mutual, in discovery and
 * in sessions. Secrets go by the URL, as users write it, and by the environment.
 */
import { chmodSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientResult, clientOutput, runClient } from './client-command.ts';
import { DaemonProcess, TARGET_NAME, TestFolder } from './daemon-process.ts';
import { writeRandomImage } from './random-image.ts';

const IMAGE_BYTES = 8 * 1048576;
const ALICE = 'alice%alices-secret-12';
const READER = 'reader%readers-secret-3';
const DISCOVERER = 'finder%finders-secret-4';
const TARGET_PROOF = 'target_user=disk&target_password=what-the-disk-knows';
const AUTHENTICATION_FAILURE = 'Authentication failure';

const folder = new TestFolder();
const image = folder.join('random.img');
let daemon: DaemonProcess;

beforeAll(async () => {
  writeRandomImage(image, IMAGE_BYTES, 5);
  const secretFile = folder.join('alice.secret');
  writeFileSync(secretFile, 'alices-secret-12\n');
  chmodSync(secretFile, 0o600);
  const users = [
    { user: 'alice', secretFile },
    { user: 'reader', secret: 'readers-secret-3' },
    { user: 'nobody', secret: 'nobodys-secret-5' },
  ];
  daemon = await DaemonProcess.start(folder, {
    disks: ['a.img', 'b.img'].map((fileName) => ({ scheme: 'file', fileName, size: '8MiB' })),
    targetKeys: {
      auth: { users, mutual: { user: 'disk', secret: 'what-the-disk-knows' } },
      access: [
        { user: 'alice', address: '127.0.0.0/8' },
        { user: 'reader', luns: [0], readOnly: true },
      ],
    },
    keys: { discoveryAuth: { users: [{ user: 'finder', secret: 'finders-secret-4' }] } },
  });
});

afterAll(async () => {
  await daemon.stop();
  folder.dispose();
});

function url(credentials: string, lun = 0, options = ''): string {
  const at = credentials === '' ? '' : `${credentials}@`;
  return `iscsi://${at}${daemon.address}/${TARGET_NAME}/${lun}${options === '' ? '' : `?${options}`}`;
}

function inquire(location: string, variables: readonly string[] = []): Promise<ClientResult> {
  return runClient(folder, 'env', [...variables, 'iscsi-inq', location]);
}

async function expectLetIn(location: string, variables: readonly string[] = []): Promise<void> {
  const { end, output } = await inquire(location, variables);
  expect({ end, output }).toEqual({ end: 0, output: expect.stringContaining('Vendor:GOTGT') });
}

async function expectRefused(location: string, words: string): Promise<void> {
  const { end, output } = await inquire(location);
  expect(end, output).not.toBe(0);
  expect(output).toContain(words);
}

describe('libiscsi', () => {
  it('is let in with the right secret: by URL, by environment, one-way and mutual', async () => {
    await expectLetIn(url(ALICE));
    await expectLetIn(url(ALICE, 1, TARGET_PROOF));
    const variables = ['LIBISCSI_CHAP_USERNAME=alice', 'LIBISCSI_CHAP_PASSWORD=alices-secret-12'];
    await expectLetIn(url(''), variables);
    const proof = ['LIBISCSI_CHAP_TARGET_USERNAME=disk', 'LIBISCSI_CHAP_TARGET_PASSWORD=what-the-disk-knows'];
    await expectLetIn(url(''), [...variables, ...proof]);
  });

  it('is refused with a wrong secret, as an unknown user, and without credentials', async () => {
    await expectRefused(url('alice%alices-secret-13'), AUTHENTICATION_FAILURE);
    await expectRefused(url('mallory%alices-secret-12'), AUTHENTICATION_FAILURE);
    await expectRefused(url(''), AUTHENTICATION_FAILURE);
  });

  it('itself refuses a target that cannot prove to be the one it wants', async () => {
    await expectRefused(url(ALICE, 0, TARGET_PROOF.replace('knows', 'guesses')), 'Invalid CHAP_R');
    await expectRefused(url(ALICE, 0, TARGET_PROOF.replace('disk&', 'other&')), 'Login Failed');
  });

  it('sees the LUNs of its user alone, and none where no rule lets the user in', async () => {
    await expectLetIn(url(READER));
    await expectRefused(url(READER, 1), 'LOGICAL_UNIT_NOT_SUPPORTED');
    await expectRefused(url('nobody%nobodys-secret-5'), 'Authorization failure');
  });

  it('discovers with the secret of discovery, and not without', async () => {
    const found = await clientOutput(folder, 'iscsi-ls', [`iscsi://${DISCOVERER}@${daemon.address}`]);
    // No rule lets the user "finder" in, so the target is not told of.
    expect(found).not.toContain(TARGET_NAME);
    for (const credentials of ['', `${ALICE}@`, `${DISCOVERER}x@`]) {
      const { end, output } = await runClient(folder, 'iscsi-ls', [`iscsi://${credentials}${daemon.address}`]);
      expect(end, output).not.toBe(0);
      expect(output).toContain(AUTHENTICATION_FAILURE);
    }
  });
});

describe('QEMU', () => {
  it('writes and reads a whole image with user and password, and cannot write where it may only read', async () => {
    const convert = ['convert', '-n', '-f', 'raw', '-O', 'raw', image];
    await clientOutput(folder, 'qemu-img', [...convert, url(ALICE)]);
    const compare = ['compare', '-f', 'raw', '-F', 'raw', image];
    const output = await clientOutput(folder, 'qemu-img', [...compare, url(READER)]);
    expect(output).toContain('Images are identical.');
    const written = await runClient(folder, 'qemu-img', [...convert, url(READER)]);
    expect(written.end).not.toBe(0);
    const refused = await runClient(folder, 'qemu-img', [...compare, url('alice%wrong-secret-99')]);
    expect(refused.end).not.toBe(0);
    expect(refused.output).toContain(AUTHENTICATION_FAILURE);
  });
});

describe('the log', () => {
  it('has one line at info for all that this address was refused, and no secret', async () => {
    const refused = (await daemon.loggedSoon('login refused')).filter(({ level }) => level === 30);
    expect(refused).toMatchObject([{ meaning: 'authentication failure', target: TARGET_NAME }]);
    for (const secret of ['alices-secret', 'readers-secret', 'what-the-disk-knows', 'finders-secret']) {
      expect(daemon.logText()).not.toContain(secret);
    }
  });
});
