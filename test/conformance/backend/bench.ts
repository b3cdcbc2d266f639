/** A rig per test and every store the test opened; afterwards all of them end in order and nothing may have gone wrong. */
import { expect } from 'vitest';
import type { Backend } from '../../../src/backend/backend.ts';
import { openBackend } from '../../../src/backend/registry.ts';
import type { StorageSpec } from '../../../src/backend/storage-spec.ts';
import type { Slot } from '../../../src/util/slot-pool.ts';
import { BackendRig, type RigRings, Submitter } from './rig.ts';

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

export interface ContractSubject {
  readonly scheme: string;
  /** What the spec says beside the scheme. */
  readonly spec?: Partial<StorageSpec>;
  /** Where the files lie, when it matters what the file system can. */
  readonly parentFolder?: string;
  readonly rings?: RigRings;
}

export class Bench {
  rig!: BackendRig;
  readonly subject: ContractSubject;
  private readonly open: Backend[] = [];
  private readonly submitters: Submitter[] = [];

  constructor(subject: ContractSubject) {
    this.subject = subject;
  }

  begin(): void {
    this.rig = new BackendRig(this.subject.parentFolder, this.subject.rings);
  }

  async end(): Promise<void> {
    for (const backend of this.open.splice(0)) await backend.close();
    const faults = this.submitters.splice(0).flatMap((submitter) => submitter.faults);
    this.rig.close();
    expect(faults).toEqual([]);
  }

  spec(changes: Partial<StorageSpec> = {}): StorageSpec {
    return this.rig.spec(this.subject.scheme, { ...this.subject.spec, ...changes });
  }

  async backend(changes: Partial<StorageSpec> = {}): Promise<Backend> {
    const backend = await openBackend(this.spec(changes), this.rig.context);
    this.open.push(backend);
    return backend;
  }

  async store(changes: Partial<StorageSpec> = {}): Promise<Submitter> {
    return this.submitter(await this.backend(changes));
  }

  submitter(backend: Backend): Submitter {
    const submitter = new Submitter(backend);
    this.submitters.push(submitter);
    return submitter;
  }

  /** Closes now what end() would close. */
  async close(backend: Backend): Promise<void> {
    this.open.splice(this.open.indexOf(backend), 1);
    await backend.close();
  }

  get path(): string {
    return this.spec().path;
  }
}

/** The first bytes of a slot's data. */
export function bytesOf(slot: Slot, lengthBytes: number): Buffer {
  return slot.memory.subarray(slot.dataOffset, slot.dataOffset + lengthBytes);
}
