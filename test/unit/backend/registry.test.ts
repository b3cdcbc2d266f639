import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBackend, STORAGE_SCHEMES } from '../../../src/backend/registry.ts';
import { BackendRig } from '../../conformance/backend/rig.ts';

describe('registry of stores', () => {
  let rig: BackendRig;
  beforeEach(() => {
    rig = new BackendRig();
  });
  afterEach(() => rig.close());

  it('an unknown scheme is a fault that lists the known ones', async () => {
    const fault = openBackend(rig.spec('floppy'), rig.context);
    await expect(fault).rejects.toMatchObject({ name: 'BackendError', code: 'NOT_SUPPORTED' });
    for (const word of ['floppy', ...STORAGE_SCHEMES]) await expect(fault).rejects.toThrow(word);
  });

  it('opens each scheme with the engine it names', async () => {
    const engines = [];
    for (const scheme of STORAGE_SCHEMES) {
      const backend = await openBackend(rig.spec(scheme), rig.context);
      engines.push(`${scheme}: ${backend.capabilities.engine}`);
      await backend.close();
    }
    const iouring = rig.ring === null ? 'node:fs' : 'io_uring';
    expect(engines.sort()).toEqual(['file: node:fs', expect.stringContaining(`iouring: ${iouring}`), 'null: null']);
  });

  it('iouring without a ring is served by node:fs, and one note gives the reason', async () => {
    const context = { ...rig.context, ring: null, ringReason: 'io_uring is disabled' };
    const backend = await openBackend(rig.spec('iouring'), context);
    expect(backend.capabilities.engine).toBe('node:fs');
    expect(rig.notes).toEqual([expect.stringContaining('io_uring')]);
    await backend.close();
  });

  it('direct has no effect on node:fs, and a note says so', async () => {
    const backend = await openBackend(rig.spec('file', { isDirect: true }), rig.context);
    expect(rig.notes).toEqual([expect.stringContaining('direct')]);
    await backend.close();
  });
});
