/**
 * DiskTools by flock(1) and fallocate(1), where there is no addon. A child process inherits our descriptor as its
 * descriptor 3: the lock belongs to the open file description, so it stays with us when the child has ended.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { BackendError } from '../backend.ts';
import { type DiskTools, FALLOCATE_PUNCH_HOLE, type FallocateMode } from './disk-tools.ts';

/** The child's number for our descriptor. */
const INHERITED_FD = 3;
/** How flock(1) -n ends when another holds the lock; then it prints nothing. */
const LOCK_HELD_EXIT = 1;

const { EOPNOTSUPP } = constants.errno;

export class UtilLinuxTools implements DiskTools {
  readonly unlock = null;
  readonly seek = null;
  readonly copyRange = null;

  async lock(fd: number, isShared: boolean): Promise<boolean> {
    const { code, stderr } = await run('flock', [isShared ? '-s' : '-x', '-n', String(INHERITED_FD)], fd);
    if (code === LOCK_HELD_EXIT && stderr === '') return false;
    if (code !== 0) throw new BackendError('LOCK_FAILED', `flock(1) fails (${code}): ${stderr}`);
    return true;
  }

  /** Any failure is -EOPNOTSUPP: the tool does not tell us the errno, and zeros can be written instead. */
  fallocate(
    fd: number,
    mode: FallocateMode,
    offsetBytes: number,
    lengthBytes: number,
    onDone: (errno: number) => void,
  ): void {
    const what = mode === FALLOCATE_PUNCH_HOLE ? '-p' : '-z';
    const args = ['-n', what, '-o', String(offsetBytes), '-l', String(lengthBytes), `/dev/fd/${INHERITED_FD}`];
    run('fallocate', args, fd).then(
      ({ code }) => onDone(code === 0 ? 0 : -EOPNOTSUPP),
      () => onDone(-EOPNOTSUPP), // no such tool, or no process to be had
    );
  }
}

interface ToolResult {
  /** The exit code, or the signal that ended the tool. */
  readonly code: number | NodeJS.Signals | null;
  readonly stderr: string;
}

function run(tool: string, args: readonly string[], fd: number): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const stdio: StdioOptions = ['ignore', 'ignore', 'pipe', fd];
    const child: ChildProcess = spawn(tool, args, { stdio });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', (cause) => reject(toolFault(tool, cause)));
    child.once('close', (code, signal) => resolve({ code: signal ?? code, stderr: stderr.trim() }));
  });
}

function toolFault(tool: string, cause: NodeJS.ErrnoException): BackendError {
  const sentence =
    cause.code === 'ENOENT'
      ? `without the native addon ${tool}(1) is needed: install util-linux, or build the addon`
      : `${tool}(1) cannot be started: ${cause.message}`;
  return new BackendError('TOOL_MISSING', sentence, { cause });
}
