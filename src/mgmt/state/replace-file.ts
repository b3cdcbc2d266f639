/** Files that must be whole whatever happens: written beside, made durable, and put in place in one step. */
import { open, rename } from 'node:fs/promises';

/** After a crash at any point `file`, which lies in `directory`, has its old or its new content, whole. */
export async function replaceFile(directory: string, file: string, text: string): Promise<void> {
  const temporary = `${file}.tmp`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  await syncDirectory(directory);
}

/** Makes durable which files `directory` has. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** An error of the operating system, which has a code such as ENOENT. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}
