import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/mgmt/logging.ts';

/** What is in the log right after `write` returned: nothing may wait in a buffer. */
async function logged(isTerminal: boolean, write: (log: Logger) => void): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'gotgt-log-'));
  try {
    const file = join(directory, 'log');
    write(await createLogger('info', isTerminal, file));
    return readFileSync(file, 'utf8');
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('log', () => {
  it('is one JSON object per line for programs', async () => {
    const text = await logged(false, (log) => {
      log.info({ portal: '127.0.0.1:3260' }, 'listening');
      log.debug('not this one');
      log.error(new Error('gone'), 'store failed');
    });
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).toMatchObject([
      { level: 30, msg: 'listening', portal: '127.0.0.1:3260' },
      { level: 50, msg: 'store failed', err: { message: 'gone' } },
    ]);
  });

  it('is text for people on a terminal', async () => {
    const text = await logged(true, (log) => log.warn({ lun: 0 }, 'thin pool is full'));
    expect(text).toMatch(/WARN.*thin pool is full/);
    expect(text).toContain('lun: 0');
    expect(text).not.toContain('"msg"');
  });
});
