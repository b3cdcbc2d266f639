/** Whole images by qemu-img, whose every word is accounted for. */
import { expect } from 'vitest';
import { type ClientResult, clientOutput, runClient } from './client-command.ts';
import type { TestFolder } from './daemon-process.ts';

/** Raw to raw. Fails when qemu-img says anything. */
export async function convertImage(
  folder: TestFolder,
  from: string,
  to: string,
  options: readonly string[] = [],
): Promise<void> {
  const args = ['convert', '-f', 'raw', '-O', 'raw', ...options, from, to];
  expect(await clientOutput(folder, 'qemu-img', args)).toBe('');
}

export function compareImages(folder: TestFolder, a: string, b: string): Promise<ClientResult> {
  return runClient(folder, 'qemu-img', ['compare', '-f', 'raw', '-F', 'raw', a, b]);
}

/** @param seed what `a` was made from, for the message of a failure */
export async function expectIdentical(folder: TestFolder, a: string, b: string, seed: number): Promise<void> {
  expect({ ...(await compareImages(folder, a, b)), seed }).toEqual({ end: 0, output: 'Images are identical.\n', seed });
}

/** Writes `image` to the disk at `url` and finds it there. */
export async function expectImageOnDisk(folder: TestFolder, image: string, url: string, seed: number): Promise<void> {
  await convertImage(folder, image, url, ['-n']);
  await expectIdentical(folder, image, url, seed);
}
