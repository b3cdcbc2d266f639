/**
 * A text that outlives a restart, in a file of its own in the state directory. What could not be kept is not found by the next
 * start either: a file that is in place and could not be made durable is replaced by what was kept before.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError, replaceFile, syncDirectory } from './replace-file.ts';

export class KeptFile {
  readonly path: string;
  private readonly directory: string;
  private readonly onFault: (message: string) => void;
  private isKnown = false;
  /** What is kept, once that is known; null: nothing. */
  private kept: string | null = null;

  /**
   * @param directory the state directory, which exists
   * @param onFault told, for the operator, what went wrong
   */
  constructor(directory: string, name: string, onFault: (message: string) => void) {
    this.directory = directory;
    this.path = join(directory, name);
    this.onFault = onFault;
  }

  /** What is kept; null: nothing ever was. Rejects with an error of the operating system when that cannot be told. */
  async load(): Promise<string | null> {
    this.kept = await this.read();
    this.isKnown = true;
    return this.kept;
  }

  /**
   * Keeps `text` in place of what was kept before; one call after the other.
   * @param what the beginning of a sentence that ends with "cannot be saved"
   * @returns whether it is kept; when not, what was kept before still is
   */
  async keep(text: string, what: string): Promise<boolean> {
    try {
      if (!this.isKnown) await this.load();
      await replaceFile(this.directory, this.path, text);
    } catch (error) {
      this.onFault(`${this.path}: ${what} cannot be saved (${(error as Error).message})`);
      if (this.isKnown) await this.putBack();
      return false;
    }
    this.kept = text;
    return true;
  }

  private async putBack(): Promise<void> {
    try {
      if ((await this.read()) === this.kept) return; // the refused text never came into place
      if (this.kept === null) await this.remove();
      else await replaceFile(this.directory, this.path, this.kept);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.onFault(`${this.path}: what was refused holds after a restart perhaps (${error.message})`);
    }
  }

  private async remove(): Promise<void> {
    await rm(this.path);
    await syncDirectory(this.directory);
  }

  private async read(): Promise<string | null> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (error) {
      if (isSystemError(error) && error.code === 'ENOENT') return null;
      throw error;
    }
  }
}
