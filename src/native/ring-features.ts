/** What a ring came out with, in words for the log: decided once when it was opened, by what the kernel has. */
import type { Ring } from './ring.ts';

/** IORING_SETUP_* of linux/io_uring.h, by bit. */
const SETUP_FLAGS: readonly (readonly [number, string])[] = [
  [0, 'IOPOLL'],
  [1, 'SQPOLL'],
  [4, 'CLAMP'],
  [7, 'SUBMIT_ALL'],
  [8, 'COOP_TASKRUN'],
  [9, 'TASKRUN_FLAG'],
  [12, 'SINGLE_ISSUER'],
  [13, 'DEFER_TASKRUN'],
];

export interface RingReport {
  readonly depth: number;
  /** The setup flags that the kernel took, by their names after IORING_SETUP_. */
  readonly setupFlags: readonly string[];
  /** The operations beyond Linux 5.1 that it has. */
  readonly operations: readonly string[];
  /** Whether O_DIRECT stores find their memory pinned. */
  readonly hasRegisteredBuffers: boolean;
  /** Places for registered files; 0: descriptors are looked up for each I/O. */
  readonly registeredFilesMax: number;
}

export function reportRing({ depth, features, isArenaPinned }: Pick<Ring<unknown>, ReportedFields>): RingReport {
  const { setupFlags, hasPlainReadWrite, hasFallocate, hasCancel, filesMax: registeredFilesMax } = features;
  const operations = [
    ...(hasPlainReadWrite ? ['READ', 'WRITE'] : []),
    ...(hasFallocate ? ['FALLOCATE'] : []),
    ...(hasCancel ? ['ASYNC_CANCEL'] : []),
  ];
  const names = SETUP_FLAGS.filter(([bit]) => ((setupFlags >>> bit) & 1) === 1).map(([, name]) => name);
  return { depth, setupFlags: names, operations, hasRegisteredBuffers: isArenaPinned, registeredFilesMax };
}

type ReportedFields = 'depth' | 'features' | 'isArenaPinned';
