/** The command line as a user meets it; the daemon itself is replaced by a record of the options it got. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runCommandLine } from '../../../src/cli/program.ts';
import { ConfigError } from '../../../src/mgmt/config/config-error.ts';
import type { DaemonOptions } from '../../../src/mgmt/daemon-options.ts';

const VERSION = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;

interface Run {
  code: number;
  out: string;
  err: string;
  started: DaemonOptions[];
}

async function run(args: string[], failure?: Error): Promise<Run> {
  const result: Run = { code: -1, out: '', err: '', started: [] };
  const out = { write: (text: string) => (result.out += text) };
  const err = { write: (text: string) => (result.err += text) };
  result.code = await runCommandLine(args, out, err, async (options) => {
    if (failure !== undefined) throw failure;
    result.started.push(options);
  });
  return result;
}

describe('gotgt-native', () => {
  it('version and --version print the version of the package', async () => {
    expect(await run(['version'])).toMatchObject({ code: 0, out: `gotgt-native ${VERSION}\n`, err: '' });
    expect(await run(['--version'])).toMatchObject({ code: 0, out: `${VERSION}\n`, err: '' });
  });

  it('--help names every verb and shows examples', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    for (const words of ['daemon', 'version', 'Examples:', '$ gotgt-native daemon']) expect(out).toContain(words);
  });

  it('daemon --help names every option, the sources of the configuration and what --port does', async () => {
    const { code, out, started } = await run(['daemon', '--help']);
    expect(code).toBe(0);
    for (const words of [
      '--config',
      '--state-dir',
      '--host',
      '--port',
      '--log',
      '$GOSTOR_CONFIG',
      'replace every portal',
    ]) {
      expect(out).toContain(words);
    }
    expect(started).toEqual([]);
  });

  it('without a verb it prints the help as an error and exits with 2', async () => {
    const { code, out, err } = await run([]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('Usage: gotgt-native');
  });

  it.each([
    [['deamon'], 'Did you mean daemon?'],
    [['create'], "unknown command 'create'"],
    [['daemon', '--prot', '1'], 'Did you mean --port?'],
    [['daemon', 'now'], 'too many arguments'],
    [['daemon', '--config'], 'argument missing'],
    [['daemon', '--port', '65536'], 'from 0 to 65535'],
    [['daemon', '--port', '0x10'], 'from 0 to 65535'],
    [['daemon', '--port', ''], 'from 0 to 65535'],
    [['daemon', '--host', 'example.org'], 'an IPv4 or IPv6 address'],
    [['daemon', '--log', 'loud'], 'trace, debug, info, warn, error'],
  ])('%j is not understood: exit 2 with a hint, nothing started', async (args, hint) => {
    const { code, out, err, started } = await run(args);
    expect({ code, out, started }).toEqual({ code: 2, out: '', started: [] });
    expect(err).toContain(hint);
  });
});

describe('gotgt-native daemon', () => {
  it('without options says nothing but the log level', async () => {
    const { code, started } = await run(['daemon']);
    expect(code).toBe(0);
    expect(started).toEqual([
      { configFile: null, stateDirectory: null, host: null, port: null, blocksMultipleHosts: false, logLevel: 'info' },
    ]);
  });

  it('hands over all its options', async () => {
    const args = ['--config', 'a.json', '--state-dir', '/s', '--host', '[::1]', '--port', '0', '--log', 'TRACE'];
    args.push('--block-multiple-hosts');
    expect((await run(['daemon', ...args])).started).toEqual([
      {
        configFile: 'a.json',
        stateDirectory: '/s',
        host: '::1',
        port: 0,
        blocksMultipleHosts: true,
        logLevel: 'trace',
      },
    ]);
  });

  it.each([
    ['panic', 'error'],
    ['fatal', 'error'],
    ['warning', 'warn'],
  ])("takes gotgt's log level %s as %s", async (word, level) => {
    expect((await run(['daemon', '--log', word])).started[0]?.logLevel).toBe(level);
  });

  it('a configuration fault is one block on standard error and exit 1', async () => {
    const fault = new ConfigError('/etc/gotgt.json:3:9', 'storages[0].path', 7, 'expected a path');
    const { code, out, err } = await run(['daemon'], fault);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(`${fault.describe()}\n`);
  });

  it('a failure of the system is one sentence and exit 1', async () => {
    const failure = Object.assign(new Error('listen EADDRINUSE: address already in use 127.0.0.1:3260'), {
      code: 'EADDRINUSE',
    });
    expect(await run(['daemon'], failure)).toMatchObject({ code: 1, err: `gotgt-native: ${failure.message}\n` });
  });

  it('a bug shows where it is', async () => {
    const { code, err } = await run(['daemon'], new TypeError('x is not a function'));
    expect(code).toBe(1);
    expect(err).toContain('program.test.ts');
  });
});
