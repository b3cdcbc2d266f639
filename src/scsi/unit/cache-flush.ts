/**
 * The flush that a reset needs when it brings back saved mode parameters which end the volatile write cache, WCE zero, or which
 * protect the medium, SWP one (SPC-4 5.11, SBC-3 6.4.5): what was acknowledged from the cache goes to the medium first, as with
 * MODE SELECT. A reset does not wait for the store, so meanwhile WCE still reads one while each write is stable already.
 *
 *   WCE one -> ending -> WCE zero | WCE one: the flush has failed, or MODE SELECT has chosen since
 */
import type { IoOwner } from '../../backend/backend.ts';
import { BackendIo, IO_FLUSH, IO_OK } from '../../backend/backend.ts';
import { assert } from '../../util/assert.ts';
import { SENSE_MODE_PARAMETERS_CHANGED } from '../sense.ts';
import type { LogicalUnit } from './logical-unit.ts';

export class CacheFlush implements IoOwner {
  private readonly unit: LogicalUnit;
  private readonly io = new BackendIo(this);
  private readonly waiting: (() => void)[] = [];
  private isFlushing = false;
  /** The flush under way does not hold what was written since. */
  private isStale = false;
  private endsCache = false;

  constructor(unit: LogicalUnit) {
    this.unit = unit;
  }

  /** The cache is about to end: no write stays in it any more. */
  get isEndingCache(): boolean {
    return this.endsCache;
  }

  /**
   * Flushes what is in the cache.
   * @param endsCache WCE becomes zero when that has gone well
   * @param onFlushed called once, later, however the flush ends
   */
  begin(endsCache: boolean, onFlushed: () => void): void {
    this.waiting.push(onFlushed);
    if (this.isFlushing && !this.endsCache) this.isStale = true;
    if (endsCache) this.endsCache = true;
    this.unit.setModes(this.unit.modes);
    if (!this.isFlushing) this.flush();
  }

  /** Somebody has chosen WCE anew: that holds. */
  leaveCache(): void {
    if (!this.endsCache) return;
    this.endsCache = false;
    this.unit.setModes(this.unit.modes);
  }

  onIoDone(io: BackendIo): void {
    assert(this.isFlushing, 'a flush is done once');
    this.isFlushing = false;
    if (this.isStale) {
      this.isStale = false;
      this.flush();
      return;
    }
    this.finish(io);
    for (const onFlushed of this.waiting.splice(0)) onFlushed();
  }

  private flush(): void {
    const { io, unit } = this;
    io.op = IO_FLUSH;
    io.offsetBytes = 0;
    io.lengthBytes = 0;
    io.memory = null;
    io.memoryOffset = 0;
    io.isFua = false;
    io.mayUnmap = false;
    io.status = IO_OK;
    this.isFlushing = true;
    unit.backend.submit(io);
  }

  private finish(io: BackendIo): void {
    const { unit, endsCache } = this;
    this.endsCache = false;
    if (io.status !== IO_OK) unit.counters.countFailure(io);
    if (!endsCache) return;
    const isEnded = io.status === IO_OK;
    unit.setModes({ ...unit.modes, isWriteCacheEnabled: !isEnded });
    if (isEnded) unit.establishAttention(SENSE_MODE_PARAMETERS_CHANGED, null); // some may have looked meanwhile
  }
}
