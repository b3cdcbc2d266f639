/** Finds the configuration, reads it and checks it. A fault is a ConfigError, and nothing has been started then. */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { NodeChapCrypto } from '../chap-crypto.ts';
import type { DaemonOptions } from '../daemon-options.ts';
import { defaultStateDirectory } from '../state/state-dir.ts';
import { builtInConfig } from './config-default.ts';
import { type ConfigDocument, parseConfigDocument, readConfigText } from './config-document.ts';
import type { Configuration } from './configuration.ts';
import {
  COMMAND_WINDOW_DEFAULT,
  KEEPALIVE_MS_DEFAULT,
  LOGIN_TIMEOUT_MS_DEFAULT,
  SESSIONS_PER_INITIATOR_DEFAULT,
  SESSIONS_PER_TARGET_DEFAULT,
} from './schema/schema.ts';
import { AuthReader } from './section/config-auth.ts';
import { readIsns } from './section/config-isns.ts';
import { readPerformance } from './section/config-performance.ts';
import { overridePortal, readPortals } from './section/config-portals.ts';
import type { Variables } from './section/config-secrets.ts';
import { readStorages } from './section/config-storages.ts';
import { readTargets } from './section/config-targets.ts';
import { type Surroundings, systemSurroundings } from './surroundings.ts';

export const CONFIG_FILE_NAME = 'config.json';

/** What a configuration is made from, as plain data: threads that have the same make the same of it. */
export interface ConfigSource {
  readonly stateDirectory: string;
  /** The file that was read, and what stood in it; null: the built-in default. */
  readonly file: { readonly path: string; readonly text: string } | null;
  /** In place of every portal, unless both are null. */
  readonly host: string | null;
  readonly port: number | null;
  /** All sessions of a target come from one host. */
  readonly blocksMultipleHosts: boolean;
}

/**
 * Reads `options.configFile`, else $GOSTOR_CONFIG/config.json, else ~/.gotgt/config.json where it exists, else takes the
 * built-in default. Throws ConfigError.
 */
export function readConfigSource(
  options: Omit<DaemonOptions, 'logLevel'>,
  surroundings: Surroundings = systemSurroundings(),
): ConfigSource {
  const { host, port, blocksMultipleHosts } = options;
  const path = configFile(options.configFile, surroundings);
  return {
    stateDirectory: resolve(options.stateDirectory ?? defaultStateDirectory(surroundings)),
    file: path === null ? null : { path, text: readConfigText(path) },
    host,
    port,
    blocksMultipleHosts,
  };
}

/** Throws ConfigError. */
export function configurationOf(
  { stateDirectory, file, host, port, blocksMultipleHosts }: ConfigSource,
  { variables }: Pick<Surroundings, 'variables'> = systemSurroundings(),
): Configuration {
  const document = file === null ? builtInConfig(stateDirectory) : parseConfigDocument(file.path, file.text);
  const read = resolveConfig(document, stateDirectory, variables);
  const configuration = host === null && port === null ? read : overridePortal(read, host, port);
  const { limits } = configuration;
  return { ...configuration, limits: { ...limits, sessions: { ...limits.sessions, isOneHost: blocksMultipleHosts } } };
}

/** Both in one. Throws ConfigError. */
export function loadConfig(
  options: Omit<DaemonOptions, 'logLevel' | 'blocksMultipleHosts'>,
  surroundings: Surroundings = systemSurroundings(),
): Configuration {
  return configurationOf(readConfigSource({ ...options, blocksMultipleHosts: false }, surroundings), surroundings);
}

/**
 * Checks what the keys mean together and fills in the defaults. Throws ConfigError.
 * @param variables the environment, for secrets
 */
export function resolveConfig(
  document: ConfigDocument,
  stateDirectory: string,
  variables: Variables = {},
): Configuration {
  const { limits, discoveryAuth, discoveryFilter } = document.content;
  const auths = new AuthReader(document, new NodeChapCrypto(), variables);
  const storages = readStorages(document);
  const portals = readPortals(document);
  const targets = readTargets(document, storages, portals, auths);
  if (targets.length === 0) document.warnings.push(`${document.source}: no target is configured, nothing is exported`);
  return {
    source: document.source,
    stateDirectory,
    storages,
    portals,
    targets,
    discovery: {
      auth: auths.read('discoveryAuth', discoveryAuth),
      isFiltered: discoveryFilter ?? targets.some(({ access }) => access !== null),
    },
    performance: readPerformance(document),
    limits: {
      loginTimeoutMs: limits?.loginTimeoutMs ?? LOGIN_TIMEOUT_MS_DEFAULT,
      commandWindow: limits?.commandWindow ?? COMMAND_WINDOW_DEFAULT,
      keepaliveMs: limits?.keepaliveMs ?? KEEPALIVE_MS_DEFAULT,
      sessions: {
        perTargetMax: limits?.sessionsPerTarget ?? SESSIONS_PER_TARGET_DEFAULT,
        perInitiatorMax: limits?.sessionsPerInitiator ?? SESSIONS_PER_INITIATOR_DEFAULT,
        isOneHost: false,
      },
    },
    isns: readIsns(document),
    warnings: document.warnings,
  };
}

/** Null: there is none, and none was asked for. */
function configFile(fromOption: string | null, { variables, homeDirectory }: Surroundings): string | null {
  if (fromOption !== null) return resolve(fromOption);
  const directory = variables.GOSTOR_CONFIG;
  if (directory !== undefined && directory !== '') return join(resolve(directory), CONFIG_FILE_NAME);
  const file = join(homeDirectory, '.gotgt', CONFIG_FILE_NAME);
  return isThere(file) ? file : null;
}

/** True as well for a file that may not be looked at: reading it says why, serving another disk instead would not. */
function isThere(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return true;
    throw error;
  }
}
