/**
 * A shell in a Linux guest whose kernel has logged in to a target by one or two portals. A test has commands and assertions
 * side by side: run(command) answers with what the command said and its exit code. guest-shell.sh tells the names of devices.
 */
import { fileURLToPath } from 'node:url';
import { waitUntil } from '../patience.ts';
import type { TestFolder } from './daemon-process.ts';
import { UmlGuest } from './uml-guest.ts';

export interface GuestAnswer {
  /** Exit code. */
  readonly status: number;
  /** Both of its outputs. */
  readonly output: string;
}

export class GuestShell {
  private readonly guest: UmlGuest;
  private heard: number;

  private constructor(guest: UmlGuest) {
    this.guest = guest;
    this.heard = guest.output.indexOf(SHELL_STEP) + SHELL_STEP.length;
  }

  /**
   * Resolves when every device is there.
   * @param portals as the guest reaches them, one for each target portal group from 1 on
   * @param luns how many the target has, from 0 on
   */
  static async start(
    folder: TestFolder,
    target: string,
    portals: readonly string[],
    luns: number,
  ): Promise<GuestShell> {
    const guest = new UmlGuest(folder, GUEST_SCRIPT, { portals: portals.join(','), target, luns: String(luns) });
    try {
      await guest.reach('shell', START_MS_MAX);
    } catch (error) {
      guest.dispose();
      throw error;
    }
    return new GuestShell(guest);
  }

  /** Runs one line of busybox's shell, one at a time. Rejects when it does not end in time. */
  async run(command: string): Promise<GuestAnswer> {
    const { guest } = this;
    guest.type(command);
    await waitUntil(`"${command}" ends`, () => guest.hasEnded || this.exit() !== null, COMMAND_MS_MAX);
    const exit = this.exit();
    if (exit === null) throw new Error(`the guest ended at "${command}": ${guest.output.slice(this.heard)}`);
    const output = guest.output.slice(this.heard, this.heard + exit.index);
    this.heard += exit.index + exit[0].length;
    return { status: Number(exit[1]), output };
  }

  dispose(): void {
    this.guest.dispose();
  }

  private exit(): RegExpExecArray | null {
    return EXIT.exec(this.guest.output.slice(this.heard));
  }
}

const GUEST_SCRIPT = fileURLToPath(new URL('guest-shell.sh', import.meta.url));
const SHELL_STEP = '== shell\n';
const EXIT = /\n== exit (\d+)\n/;
const START_MS_MAX = 240_000;
const COMMAND_MS_MAX = 170_000;
