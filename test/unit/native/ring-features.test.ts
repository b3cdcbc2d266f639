/** What the log says of a ring. */
import { describe, expect, it } from 'vitest';
import { reportRing } from '../../../src/native/ring-features.ts';

const NOTHING = {
  hasPlainReadWrite: false,
  hasFallocate: false,
  hasCancel: false,
  setupFlags: 0,
  filesMax: 0,
  sqPollRefusal: 0,
};

describe('the report of a ring', () => {
  it('of Linux 5.1 names nothing', () => {
    const report = reportRing({ depth: 32, features: { ...NOTHING }, isArenaPinned: false });
    const operations: string[] = [];
    const nothing = { setupFlags: [], operations, hasRegisteredBuffers: false, registeredFilesMax: 0 };
    expect(report).toEqual({ depth: 32, ...nothing });
  });

  it('names what was asked for', () => {
    const flagsOf = (setupFlags: number) =>
      reportRing({ depth: 32, features: { ...NOTHING, setupFlags }, isArenaPinned: false }).setupFlags;
    expect(flagsOf(0x92)).toEqual(['SQPOLL', 'CLAMP', 'SUBMIT_ALL']);
    expect(flagsOf(0x91)).toEqual(['IOPOLL', 'CLAMP', 'SUBMIT_ALL']);
  });

  it('names flags and operations', () => {
    const operations = { hasPlainReadWrite: true, hasFallocate: true, hasCancel: true };
    const features = { ...NOTHING, ...operations, setupFlags: 0x1390, filesMax: 1024 };
    expect(reportRing({ depth: 1024, features, isArenaPinned: true })).toEqual({
      depth: 1024,
      setupFlags: ['CLAMP', 'SUBMIT_ALL', 'COOP_TASKRUN', 'TASKRUN_FLAG', 'SINGLE_ISSUER'],
      operations: ['READ', 'WRITE', 'FALLOCATE', 'ASYNC_CANCEL'],
      hasRegisteredBuffers: true,
      registeredFilesMax: 1024,
    });
  });
});
