/**
 * sg3_utils and sdparm, what administrators of Linux ask and set disks with, over the kernel's own initiator: what each tool
 * prints of our answers, what it makes of our refusals, and what the kernel itself concludes.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import { accessStates } from './sg3/access-states.ts';
import { Bench } from './sg3/bench.ts';
import { blocks } from './sg3/blocks.ts';
import { conditions, overwriting, overwritten } from './sg3/conditions.ts';
import { identity } from './sg3/identity.ts';
import { kernelView } from './sg3/kernel-view.ts';
import { otherReservations, persistence, reservations } from './sg3/reservations.ts';

const { GOTGT_NATIVE } = process.env;
/** Making the guest's root downloads some 70 MB. */
const PREPARE_MS_MAX = 300_000;

// Debian has user-mode-linux for this processor.
if (process.arch === 'x64') {
  describe('sg3_utils', () => {
    const bench = new Bench();
    beforeAll(() => bench.start(), PREPARE_MS_MAX);
    afterAll(() => bench.stop());

    blocks(bench);
    // The rest is one path of code for both engines.
    if (GOTGT_NATIVE === 'off') return;
    identity(bench);
    kernelView(bench);
    accessStates(bench);
    conditions(bench);
    overwriting(bench);
    reservations(bench);
    otherReservations(bench);
    overwritten(bench);
    persistence(bench);
  });
}
