/** A target that has moved: SIGHUP takes the redirection over, and libiscsi follows it to another daemon (RFC 7143 11.13.5). */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { waitUntil } from '../patience.ts';
import { runClient, successfulOutput } from './client-command.ts';
import { DaemonProcess, TARGET_NAME, TestFolder } from './daemon-process.ts';

const folders = [new TestFolder(), new TestFolder()] as const;
const READ_AGAIN = /^the configuration was read again/;
const NOT_READ_AGAIN = /^the configuration was not read again/;
let here: DaemonProcess;
let there: DaemonProcess;

beforeAll(async () => {
  const disk = { scheme: 'file', fileName: 'disk.img', size: '1MiB' };
  [here, there] = await Promise.all([
    DaemonProcess.start(folders[0], { disks: [disk] }),
    DaemonProcess.start(folders[1], { disks: [disk] }),
  ]);
});

afterAll(async () => {
  await there.stop();
  for (const folder of folders) folder.dispose();
});

/** Changes the target's entry in the configuration of `here` and has it read again. */
async function reload(redirect: object | undefined, outcome: RegExp): Promise<void> {
  const file = folders[0].join('config-any.json');
  const document = JSON.parse(readFileSync(file, 'utf8'));
  document.iscsitargets[TARGET_NAME].redirect = redirect;
  writeFileSync(file, JSON.stringify(document));
  const count = () => here.log.filter(({ msg }) => outcome.test(msg)).length;
  const before = count();
  here.signal('SIGHUP');
  await waitUntil('the configuration was looked at', () => count() > before);
}

async function inquire(): Promise<void> {
  successfulOutput('iscsi-inq', await runClient(folders[0], 'iscsi-inq', [here.url(0)]));
}

function opened(daemon: DaemonProcess): number {
  return daemon.logged('session opened').length;
}

it('is left for the other portal and come back to', async () => {
  await inquire();
  expect([opened(here), opened(there)]).toEqual([1, 0]);
  await reload({ portal: there.address }, READ_AGAIN);
  await inquire();
  expect([opened(here), opened(there)]).toEqual([1, 1]);
  await reload({ portal: there.address, permanent: true }, READ_AGAIN);
  // libiscsi follows only what is temporary; it understands the rest.
  expect((await runClient(folders[0], 'iscsi-inq', [here.url(0)])).output).toContain('Target moved permanently');
  await reload(undefined, READ_AGAIN);
  await inquire();
  expect([opened(here), opened(there)]).toEqual([2, 1]);
  await here.stop();
});

it('stays where it is when the configuration is wrong', async () => {
  here = await DaemonProcess.start(folders[0], { disks: [{ scheme: 'file', fileName: 'disk.img', size: '1MiB' }] });
  await reload({ portal: 'nowhere at all' }, NOT_READ_AGAIN);
  await inquire();
  expect(opened(here)).toBe(1);
  await here.kill();
});
