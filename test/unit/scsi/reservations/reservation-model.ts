/**
 * Persistent reservations a second time, written from the tables of SPC-4 5.13 and sharing no code with src: I_T nexuses
 * are numbers, keys are numbers, and the tables are tables. Initiator i on target port p is nexus 2i + p - 1.
 */

export const INITIATORS = 3;
export const PORTS = 2;
export const NEXUSES = INITIATORS * PORTS;

export interface ModelRequest {
  readonly nexus: number;
  readonly action: number;
  readonly key: number;
  readonly saKey: number;
  readonly type: number;
  readonly scope: number;
  /** Initiators in the TransportIDs; null: SPEC_I_PT is zero. */
  readonly specified: readonly number[] | null;
  readonly isAllTgPt: boolean;
  readonly isUnreg: boolean;
  readonly moveTo: number;
}

export interface ModelAnswer {
  /** 'good', 'conflict', or "key/asc/ascq". */
  readonly answer: string;
  /** Nexus and "asc/ascq" of every unit attention condition that arises. */
  readonly attentions: readonly (readonly [number, string])[];
}

const ANY = null;
type Cell = boolean | null;

/** Table 67: registered, key right, service action key zero, SPEC_I_PT -> what to do. */
const TABLE_67: readonly (readonly [Cell, Cell, Cell, Cell, string])[] = [
  [false, true, true, ANY, 'nothing'],
  [false, true, false, false, 'register'],
  [false, true, false, true, 'register'],
  [false, false, ANY, ANY, 'conflict'],
  [true, false, ANY, ANY, 'conflict'],
  [true, true, true, false, 'unregister'],
  [true, true, true, true, '5/26/0'],
  [true, true, false, false, 'register'],
  [true, true, false, true, '5/26/0'],
];

/** Table 68: registered, service action key zero. */
const TABLE_68: readonly (readonly [Cell, Cell, string])[] = [
  [false, true, 'nothing'],
  [false, false, 'register'],
  [true, true, 'unregister'],
  [true, false, 'register'],
];

/** Table 65 as its columns stand, for READ, WRITE and TEST UNIT READY: who is allowed. */
const TABLE_65: Readonly<Record<string, readonly [we: boolean, ea: boolean, weRR: boolean, eaRR: boolean]>> = {
  read: [true, false, true, false],
  write: [false, false, false, false],
  ready: [true, true, true, true],
};

export class ReservationModel {
  readonly keys = new Map<number, number>();
  held: { type: number; holder: number } | null = null;
  generation = 0;

  perform(request: ModelRequest): ModelAnswer {
    switch (request.action) {
      case 0:
        return this.register(request);
      case 6:
        return this.registerAndIgnore(request);
      case 7:
        return this.move(request);
      case 8:
        return answer(this.keys.has(request.nexus) ? '5/26/4' : 'conflict'); // nothing is ever lost
    }
    if (this.keys.get(request.nexus) !== request.key) return answer('conflict');
    if (request.specified !== null) return answer('5/26/0');
    switch (request.action) {
      case 1:
        return this.reserve(request);
      case 2:
        return this.release(request);
      case 3:
        return this.clear(request);
      default:
        return this.preempt(request);
    }
  }

  /** Whether `nexus` may: columns of table 65. */
  isAllowed(command: 'read' | 'write' | 'ready', nexus: number): boolean {
    if (this.held === null) return true;
    const { type, holder } = this.held;
    const isRR = type >= 5;
    if (isRR ? this.keys.has(nexus) : holder === nexus) return true;
    const column = { 1: 0, 3: 1, 5: 2, 7: 2, 6: 3, 8: 3 }[type]!;
    return TABLE_65[command]![column]!;
  }

  isHolder(nexus: number): boolean {
    return this.held !== null && (this.held.type >= 7 ? this.keys.has(nexus) : this.held.holder === nexus);
  }

  private register(request: ModelRequest): ModelAnswer {
    const { nexus, saKey, specified, isAllTgPt } = request;
    const first = this.table67(request, nexus);
    if (first !== 'register' && first !== 'unregister') return answer(first === 'nothing' ? 'good' : first);
    const ports = isAllTgPt ? portsOf(nexus) : [nexus];
    if (first === 'unregister') {
      const registered = ports.filter((port) => this.keys.has(port));
      if (registered.some((port) => this.table67(request, port) !== 'unregister')) return answer('conflict');
      return this.unregister(nexus, registered);
    }
    const others = (specified ?? [])
      .filter((initiator) => initiator !== nexus >> 1)
      .flatMap((initiator) => portsOf(initiator * 2).filter((port) => isAllTgPt || port % 2 === nexus % 2));
    const isSelf = (specified ?? []).includes(nexus >> 1);
    const own = isSelf ? ports : [];
    if ([...others, ...own].some((other) => this.keys.has(other))) return answer('5/26/0');
    if (ports.some((port) => this.table67({ ...request, specified: null }, port) === 'conflict')) {
      return answer('conflict');
    }
    for (const registering of [...ports, ...others]) this.keys.set(registering, saKey);
    this.generation += 1;
    return answer('good');
  }

  private registerAndIgnore({ nexus, saKey, specified, isAllTgPt }: ModelRequest): ModelAnswer {
    if (specified !== null) return answer('5/26/0');
    const row = TABLE_68.find(([registered, zero]) => registered === this.keys.has(nexus) && zero === (saKey === 0))!;
    const ports = isAllTgPt ? portsOf(nexus) : [nexus];
    if (row[2] === 'nothing') return answer('good');
    if (row[2] === 'unregister') return this.unregister(nexus, ports);
    for (const port of ports) this.keys.set(port, saKey);
    this.generation += 1;
    return answer('good');
  }

  private table67({ key, saKey, specified }: ModelRequest, nexus: number): string {
    const facts = [this.keys.has(nexus), key === (this.keys.get(nexus) ?? 0), saKey === 0, specified !== null];
    const row = TABLE_67.find((cells) => facts.every((fact, i) => cells[i] === ANY || cells[i] === fact))!;
    return row[4];
  }

  /** 5.13.11.2.3 */
  private unregister(nexus: number, ports: readonly number[]): ModelAnswer {
    const { held } = this;
    for (const port of ports) this.keys.delete(port);
    this.generation += 1;
    if (held === null) return answer('good');
    if (held.type >= 7) {
      if (this.keys.size === 0) this.held = null;
      return answer('good');
    }
    if (!ports.includes(held.holder)) return answer('good');
    this.held = null;
    return answer('good', held.type >= 5 ? this.others(nexus, '2a/4') : []);
  }

  /** 5.13.9 */
  private reserve({ nexus, type, scope }: ModelRequest): ModelAnswer {
    if (scope !== 0 || ![1, 3, 5, 6, 7, 8].includes(type)) return answer('5/24/0');
    if (this.held === null) this.held = { type, holder: nexus };
    else if (!this.isHolder(nexus) || this.held.type !== type) return answer('conflict');
    return answer('good');
  }

  /** 5.13.11.2.2 */
  private release({ nexus, type, scope }: ModelRequest): ModelAnswer {
    if (this.held === null || !this.isHolder(nexus)) return answer('good');
    if (this.held.type !== type || scope !== 0) return answer('5/26/4');
    this.held = null;
    return answer('good', type >= 5 ? this.others(nexus, '2a/4') : []);
  }

  /** 5.13.11.2.7 */
  private clear({ nexus }: ModelRequest): ModelAnswer {
    const attentions = this.others(nexus, '2a/3');
    this.keys.clear();
    this.held = null;
    this.generation += 1;
    return answer('good', attentions);
  }

  /** Table 72 and figure 9. */
  private preempt({ nexus, saKey, type, scope }: ModelRequest): ModelAnswer {
    const { held } = this;
    const isAllRegistrants = held !== null && held.type >= 7;
    if (held !== null && !isAllRegistrants && saKey === 0) return answer('5/26/0');
    const isPreempting = held !== null && (isAllRegistrants ? saKey === 0 : this.keys.get(held.holder) === saKey);
    const hit = [...this.keys].filter(([, key]) => (isPreempting && saKey === 0) || key === saKey).map(([who]) => who);
    if (!isPreempting) {
      if (hit.length === 0) return answer('conflict');
      for (const who of hit) this.keys.delete(who);
      if (isAllRegistrants && this.keys.size === 0) this.held = null;
      this.generation += 1;
      return answer('good', told(hit, nexus, '2a/5'));
    }
    if (scope !== 0 || ![1, 3, 5, 6, 7, 8].includes(type)) return answer('5/24/0');
    const lost = hit.filter((who) => who !== nexus);
    for (const who of lost) this.keys.delete(who);
    this.held = { type, holder: nexus };
    this.generation += 1;
    const released = held.type === type ? [] : this.others(nexus, '2a/4');
    return answer('good', [...told(lost, nexus, '2a/5'), ...released]);
  }

  /** Table 70 and the paragraphs behind it. */
  private move({ nexus, key, saKey, moveTo, isUnreg }: ModelRequest): ModelAnswer {
    const { held } = this;
    if (this.keys.get(nexus) !== key) return answer('conflict');
    if (held === null) return answer('5/24/0');
    if (held.type >= 7 || held.holder !== nexus) return answer('conflict');
    if (saKey === 0 || moveTo >> 1 === nexus >> 1) return answer('5/26/0');
    this.keys.set(moveTo, saKey);
    this.held = { type: held.type, holder: moveTo };
    if (isUnreg) this.keys.delete(nexus);
    this.generation += 1;
    return answer('good');
  }

  private others(nexus: number, attention: string): (readonly [number, string])[] {
    return told([...this.keys.keys()], nexus, attention);
  }
}

function portsOf(nexus: number): number[] {
  return Array.from({ length: PORTS }, (_, port) => (nexus >> 1) * 2 + port);
}

function told(who: readonly number[], except: number, attention: string): (readonly [number, string])[] {
  return who.filter((nexus) => nexus !== except).map((nexus) => [nexus, attention] as const);
}

function answer(text: string, attentions: readonly (readonly [number, string])[] = []): ModelAnswer {
  return { answer: text, attentions };
}
