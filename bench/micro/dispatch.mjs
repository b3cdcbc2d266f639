/** A READ(10) through the SCSI target device and the null store: lookup, checks, task set, slot, store, status. */
import { randomBytes } from 'node:crypto';
import { NullBackend } from '../../dist/backend/null.js';
import { ScsiCommand } from '../../dist/scsi/command/command.js';
import { DeviceServerContext } from '../../dist/scsi/device-server.js';
import { Nexus } from '../../dist/scsi/nexus.js';
import { TargetPorts } from '../../dist/scsi/port/target-ports.js';
import { TargetDevice } from '../../dist/scsi/target-device.js';
import { LogicalUnit } from '../../dist/scsi/unit/logical-unit.js';
import { systemClock } from '../../dist/util/clock.js';
import { arenaBytes, SLOT_CLASSES_DEFAULT, SlotHolder, SlotPool } from '../../dist/util/slot-pool.js';
import { TickBatch } from '../../dist/util/tick-batch.js';

const COMMANDS = 32;
const DATA_BYTES = 4096;

export function dispatchCases() {
  return [readCase()];
}

function readCase() {
  let tick = () => undefined;
  const batch = new TickBatch((work) => {
    tick = work;
  });
  const pool = new SlotPool(Buffer.alloc(arenaBytes(SLOT_CLASSES_DEFAULT)), SLOT_CLASSES_DEFAULT, batch);
  const device = newDevice(pool, batch);
  const port = new TargetPorts().add('iqn.2026-11.org.example:b,t,0x0001', 1);
  const nexus = new Nexus('iqn.2026-11.org.example:a,i,0x000000000000', port);
  const holder = new SlotHolder();
  const owner = new Owner();
  const commands = Array.from({ length: COMMANDS }, () => new ScsiCommand(owner, nexus, holder));
  device.openNexus(nexus);
  const run = () => {
    for (let i = 0; i < COMMANDS; i++) device.execute(asRead(commands[i], i));
    tick();
  };
  run(); // takes the unit attention of a new nexus
  const before = owner.goodCount;
  run();
  if (owner.goodCount !== before + COMMANDS) throw new Error('the commands of this benchmark do not end with GOOD');
  return { name: 'READ(10) of 4 KiB, target device to null store', perCall: COMMANDS, run };
}

function newDevice(pool, batch) {
  const spec = { sizeBytes: 2 ** 30, blockBytes: 512, isReadOnly: false, isThin: false };
  const unit = new LogicalUnit({
    uuid: '00000000-0000-4000-8000-000000000001',
    backend: new NullBackend(spec, batch),
    blockShift: 9,
    isReadOnly: false,
    isThin: false,
    vendor: 'BENCH',
    product: 'MICRO',
    revision: '0001',
  });
  const device = new TargetDevice(new DeviceServerContext(pool, systemClock, randomBytes));
  device.addLogicalUnit(0, unit);
  return device;
}

function asRead(command, index) {
  command.reset();
  command.cdb[0] = 0x28;
  command.cdbView.setUint32(2, index * 8);
  command.cdbView.setUint16(7, DATA_BYTES / 512);
  command.cdbBytes = 16;
  command.dataInBytes = DATA_BYTES;
  return command;
}

class Owner {
  goodCount = 0;

  receiveDataOut() {
    throw new Error('a read asks for no data');
  }

  sendDataIn(_command, slot) {
    slot.release();
  }

  onCommandDone(command) {
    if (command.status === 0) this.goodCount += 1;
    if (command.finalSlot !== null) command.finalSlot.release();
    command.finalSlot = null;
  }
}
