import { expect, it } from 'vitest';
import {
  ACCESS_STATUS_ALTERED_BY_COMMAND,
  type PortAccess,
  STATE_ACTIVE_OPTIMIZED,
  STATE_STANDBY,
  STATE_UNAVAILABLE,
  type TargetPort,
} from '../../../src/scsi/port/target-port.ts';
import { TargetPorts } from '../../../src/scsi/port/target-ports.ts';

it('a configuration that waits for a change is not lost when that one is followed by another change', () => {
  const savings: ((isSaved: boolean) => void)[] = [];
  const ports = new TargetPorts(true, { save: (_ports, onSaved) => savings.push(onSaved) });
  const [one, two] = ['one', 'two'].map((name, index) => ports.add(name, index + 1)) as [TargetPort, TargetPort];
  const standby: PortAccess = { state: STATE_STANDBY, statusCode: ACCESS_STATUS_ALTERED_BY_COMMAND };
  const changed: string[] = [];
  ports.change(new Map([[one, standby]]), () => {
    changed.push('one');
    ports.change(new Map([[one, { ...standby, state: STATE_ACTIVE_OPTIMIZED }]]), () => changed.push('one again'));
  });
  ports.configure(new Map([['two', { state: STATE_UNAVAILABLE, isPreferred: true }]]));
  for (let save = savings.shift(); save !== undefined; save = savings.shift()) save(true);
  expect(changed).toEqual(['one', 'one again']);
  expect([one.access.state, two.access.state, two.isPreferred]).toEqual([
    STATE_ACTIVE_OPTIMIZED,
    STATE_UNAVAILABLE,
    true,
  ]);
});
