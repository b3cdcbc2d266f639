/** The target ports of one target with the access states that outlive the daemon. */
import { ConfigError } from '../mgmt/config/config-error.ts';
import type { Configuration, TargetConfig } from '../mgmt/config/configuration.ts';
import type { Log } from '../mgmt/logging.ts';
import { TargetPortFile } from '../mgmt/state/target-port-file.ts';
import { TargetPorts } from '../scsi/port/target-ports.ts';

/** Rejects with ConfigError when what was saved is damaged. */
export async function openPorts(
  { name, isAccessExplicit }: TargetConfig,
  { stateDirectory }: Configuration,
  log: Log,
): Promise<TargetPorts> {
  const file = new TargetPortFile(stateDirectory, name, (fault) => log.error(fault));
  return new TargetPorts(isAccessExplicit, file, await file.load());
}

/** Once the ports are added; rejects with ConfigError when what the operator has changed cannot be kept. */
export async function settlePorts(ports: TargetPorts, { stateDirectory }: Configuration): Promise<void> {
  if (await new Promise<boolean>((resolve) => ports.forgetOtherConfiguration(resolve))) return;
  const fault = "the access states of a target's ports cannot be kept; make the state directory writable";
  throw new ConfigError(stateDirectory, '', undefined, fault);
}
