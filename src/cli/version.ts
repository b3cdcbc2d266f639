/** The `version` verb. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';

export function addVersionVerb(program: Command, write: (text: string) => void): void {
  program
    .command('version')
    .description('print the version')
    .action(() => {
      write(`gotgt-native ${packageVersion()}\n`);
    });
}

/** As package.json has it, which lies two folders above both src/cli and dist/cli. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
