import type { CommandEntry } from '../src/scsi/command-entry.ts';

export function withCommands(
  text: string,
  entries: readonly CommandEntry[],
  driveEntries: readonly CommandEntry[],
): string;
