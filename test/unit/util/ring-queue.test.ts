import { describe, expect, it } from 'vitest';
import { RingQueue } from '../../../src/util/ring-queue.ts';
import { seededRandom } from '../../random.ts';

describe('RingQueue', () => {
  it('gives items in the order they came, and null when it is empty', () => {
    const queue = new RingQueue<string>();
    expect(queue.shift()).toBe(null);
    expect(queue.peek()).toBe(null);
    queue.push('a');
    queue.push('b');
    expect(queue.peek()).toBe('a');
    expect(queue.length).toBe(2);
    expect([queue.shift(), queue.shift(), queue.shift()]).toEqual(['a', 'b', null]);
    expect(queue.length).toBe(0);
  });

  it('grows while its start lies in the middle of the array, and keeps the order', () => {
    const queue = new RingQueue<number>(4);
    for (let n = 0; n < 4; n++) queue.push(n);
    queue.shift();
    queue.shift();
    for (let n = 4; n < 20; n++) queue.push(n);
    const left: (number | null)[] = [];
    while (queue.length > 0) left.push(queue.shift());
    expect(left).toEqual(Array.from({ length: 18 }, (_, i) => i + 2));
  });

  it('removes the first of two equal items and says when there was none', () => {
    const queue = new RingQueue<string>(4);
    for (const item of ['a', 'b', 'a', 'c']) queue.push(item);
    expect(queue.remove('a')).toBe(true);
    expect(queue.remove('x')).toBe(false);
    expect([queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual(['b', 'a', 'c', null]);
  });

  it('behaves as an array over random pushes, shifts and removals', () => {
    const { below, seed } = seededRandom();
    const queue = new RingQueue<number>(2);
    const model: number[] = [];
    for (let step = 0; step < 5000; step++) {
      const choice = below(10);
      const item = below(50);
      if (choice < 5) {
        queue.push(item);
        model.push(item);
      } else if (choice < 9) {
        expect(queue.shift(), `SEED=${seed}`).toBe(model.shift() ?? null);
      } else {
        const at = model.indexOf(item);
        if (at >= 0) model.splice(at, 1);
        expect(queue.remove(item), `SEED=${seed}`).toBe(at >= 0);
      }
      expect(queue.length, `SEED=${seed}`).toBe(model.length);
      expect(queue.peek(), `SEED=${seed}`).toBe(model[0] ?? null);
    }
  });
});
