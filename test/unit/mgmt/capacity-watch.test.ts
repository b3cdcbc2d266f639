import { afterEach, describe, expect, it, vi } from 'vitest';
import { BackendError } from '../../../src/backend/backend.ts';
import type { StorageConfig } from '../../../src/mgmt/config/configuration.ts';
import { CapacityWatch, type WatchedStorage } from '../../../src/mgmt/watch/capacity-watch.ts';
import { unitOn } from '../scsi/device-harness.ts';
import { MemoryBackend } from '../scsi/memory-backend.ts';

const MIB = 2 ** 20;
const CHECK_MS = 1000;
const OTHER_SIZE = 'a storage has another size now';

class Rig {
  readonly backend = new MemoryBackend(4 * MIB);
  readonly unit = unitOn(this.backend);
  readonly notes: { level: string; message: string; fields: object }[] = [];
  readonly watch = new CapacityWatch((level, message, fields) => this.notes.push({ level, message, fields }), CHECK_MS);
  readonly served: WatchedStorage;

  /** @param sizeBytes of the configuration */
  constructor(sizeBytes: number | null) {
    this.served = { unit: this.unit, storage: this.storage(sizeBytes) };
    this.watch.watch(this.served);
  }

  storage(sizeBytes: number | null, identityKey = 'disk', path = '/disk.img'): StorageConfig {
    return { deviceID: 1, path, identityKey, sizeBytes } as StorageConfig;
  }

  takeSize(sizeBytes: number | null): Promise<void> {
    return this.watch.takeSizes([this.storage(8 * MIB, 'another'), this.storage(sizeBytes)]);
  }

  get messages(): string[] {
    return this.notes.map(({ message }) => message);
  }
}

afterEach(() => {
  vi.useRealTimers();
});

describe('a store without a configured size', () => {
  it('is served as large as it has become, in whole blocks', async () => {
    const rig = new Rig(null);
    await rig.watch.check();
    expect([rig.unit.sizeBytes, rig.notes]).toEqual([4 * MIB, []]);
    rig.backend.isBytes = 8 * MIB + 511;
    await rig.watch.check();
    expect([rig.unit.sizeBytes, rig.unit.blockCount]).toEqual([8 * MIB, 16384]);
    const fields = { deviceID: 1, path: '/disk.img', fromBytes: 4 * MIB, sizeBytes: 8 * MIB };
    expect(rig.notes).toEqual([{ level: 'info', message: OTHER_SIZE, fields }]);
    await rig.watch.check();
    expect(rig.notes.length).toBe(1);
  });

  it('is served smaller when it was cut, with a warning', async () => {
    const rig = new Rig(null);
    rig.backend.isBytes = MIB;
    await rig.watch.check();
    expect(rig.unit.sizeBytes).toBe(MIB);
    expect(rig.notes).toMatchObject([{ level: 'warn', message: OTHER_SIZE }]);
  });

  it.each([0, 511])('stays as it was when %d bytes are left', async (isBytes) => {
    const rig = new Rig(null);
    rig.backend.isBytes = isBytes;
    await rig.watch.check();
    await rig.watch.check();
    expect([rig.unit.sizeBytes, rig.backend.sizeBytes]).toEqual([4 * MIB, 4 * MIB]);
    expect(rig.messages).toEqual([expect.stringMatching(/^not one block is left/)]);
  });

  it('is looked at by itself, until it is closed', async () => {
    vi.useFakeTimers();
    const rig = new Rig(null);
    rig.backend.isBytes = 5 * MIB;
    await vi.advanceTimersByTimeAsync(CHECK_MS - 1);
    expect(rig.unit.sizeBytes).toBe(4 * MIB);
    await vi.advanceTimersByTimeAsync(1);
    expect(rig.unit.sizeBytes).toBe(5 * MIB);
    rig.watch.stop();
    rig.backend.isBytes = 6 * MIB;
    await vi.advanceTimersByTimeAsync(10 * CHECK_MS);
    expect(rig.unit.sizeBytes).toBe(5 * MIB);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not asked again while it does not answer, and tells once what it complains of', async () => {
    vi.useFakeTimers();
    const rig = new Rig(null);
    let fail: (error: Error) => void = () => undefined;
    const measure = vi.spyOn(rig.backend, 'measure').mockImplementation(() => {
      return new Promise((_resolve, reject) => {
        fail = reject;
      });
    });
    await vi.advanceTimersByTimeAsync(5 * CHECK_MS);
    expect(measure).toHaveBeenCalledTimes(1);
    for (let times = 0; times < 3; times++) {
      fail(new BackendError('GONE', 'the disk is gone'));
      await vi.advanceTimersByTimeAsync(CHECK_MS);
    }
    expect(rig.messages).toEqual(['the disk is gone']);
    rig.watch.stop();
  });

  it('keeps its size while its medium is erased', async () => {
    const rig = new Rig(null);
    const isRunning = vi.spyOn(rig.unit.erasure, 'isRunning', 'get').mockReturnValue(true);
    rig.backend.isBytes = 5 * MIB;
    await rig.watch.check();
    expect(rig.unit.sizeBytes).toBe(4 * MIB);
    // An erasure that begins while the store is being measured is as good a reason.
    isRunning.mockReturnValueOnce(false);
    await rig.watch.check();
    expect(rig.unit.sizeBytes).toBe(4 * MIB);
    isRunning.mockReturnValue(false);
    await rig.watch.check();
    expect(rig.unit.sizeBytes).toBe(5 * MIB);
  });
});

describe('a store with a configured size', () => {
  it('does not grow by itself; that it has is said once', async () => {
    const rig = new Rig(4 * MIB);
    rig.backend.isBytes = 8 * MIB;
    await rig.watch.check();
    await rig.watch.check();
    expect(rig.unit.sizeBytes).toBe(4 * MIB);
    expect(rig.messages).toEqual([expect.stringContaining('it has 8388608 bytes, its configured size is 4194304')]);
  });

  it('grows with the configuration', async () => {
    const rig = new Rig(4 * MIB);
    await rig.takeSize(16 * MIB);
    expect([rig.unit.sizeBytes, rig.backend.isBytes, rig.served.storage.sizeBytes]).toEqual(Array(3).fill(16 * MIB));
    expect(rig.messages).toEqual([OTHER_SIZE]);
    await rig.takeSize(16 * MIB);
    expect(rig.messages.length).toBe(1);
  });

  it('is served as it has grown when the configuration says so, or nothing any more', async () => {
    const rig = new Rig(4 * MIB);
    rig.backend.isBytes = 8 * MIB;
    await rig.takeSize(8 * MIB);
    expect(rig.unit.sizeBytes).toBe(8 * MIB);
    rig.backend.isBytes = 9 * MIB;
    await rig.takeSize(null);
    expect([rig.unit.sizeBytes, rig.served.storage.sizeBytes]).toEqual([9 * MIB, null]);
    rig.backend.isBytes = 10 * MIB;
    await rig.watch.check();
    expect(rig.unit.sizeBytes).toBe(10 * MIB);
  });

  it('is not made smaller by the configuration', async () => {
    const rig = new Rig(4 * MIB);
    await rig.takeSize(MIB);
    expect([rig.unit.sizeBytes, rig.served.storage.sizeBytes]).toEqual([4 * MIB, 4 * MIB]);
    expect(rig.messages).toEqual([expect.stringMatching(/^the size stays as it was: it has 4194304 bytes/)]);
  });

  it('is served smaller once the file is', async () => {
    const rig = new Rig(4 * MIB);
    rig.backend.isBytes = MIB;
    await rig.takeSize(MIB);
    expect([rig.unit.sizeBytes, rig.served.storage.sizeBytes]).toEqual([MIB, MIB]);
  });

  it('that was cut is not lengthened again by the same configuration', async () => {
    const rig = new Rig(4 * MIB);
    rig.backend.isBytes = MIB;
    await rig.takeSize(4 * MIB);
    expect([rig.unit.sizeBytes, rig.backend.isBytes]).toEqual([MIB, MIB]);
    rig.backend.isBytes = 4 * MIB;
    await rig.watch.check();
    expect(rig.unit.sizeBytes).toBe(4 * MIB);
  });

  it('cannot grow while its medium is erased, and says so', async () => {
    const rig = new Rig(4 * MIB);
    vi.spyOn(rig.unit.erasure, 'isRunning', 'get').mockReturnValue(true);
    await rig.takeSize(8 * MIB);
    expect([rig.unit.sizeBytes, rig.served.storage.sizeBytes, rig.backend.isBytes]).toEqual([4 * MIB, 4 * MIB, null]);
    expect(rig.messages).toEqual([expect.stringContaining('being erased')]);
  });

  it('stays as it was when it cannot grow', async () => {
    const rig = new Rig(4 * MIB);
    vi.spyOn(rig.backend, 'measure').mockRejectedValue(new BackendError('NO_SPACE', 'the file system is full'));
    await rig.takeSize(8 * MIB);
    expect(rig.served.storage.sizeBytes).toBe(4 * MIB);
    expect(rig.messages).toEqual(['the size stays as it was: the file system is full']);
  });

  it('of a drive whose medium could not be changed does not get the size of the other medium', async () => {
    const rig = new Rig(4 * MIB);
    await rig.watch.takeSizes([rig.storage(8 * MIB, 'disk', '/other.img')]);
    expect([rig.unit.sizeBytes, rig.backend.isBytes]).toEqual([4 * MIB, null]);
    expect(rig.served.storage.sizeBytes).toBe(4 * MIB);
  });

  it('that stands no more in the configuration stays as it is', async () => {
    const rig = new Rig(4 * MIB);
    await rig.watch.takeSizes([rig.storage(8 * MIB, 'another')]);
    expect([rig.unit.sizeBytes, rig.messages]).toEqual([4 * MIB, []]);
  });
});
