/** A reactor in a thread of its own: where the thread starts. What it is asked, and what it says, stands in reactor-messages.ts. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type ConfigSource, configurationOf } from '../mgmt/config/config.ts';
import { ConfigError } from '../mgmt/config/config-error.ts';
import { LOG_LEVELS } from '../mgmt/daemon-options.ts';
import type { Log } from '../mgmt/logging.ts';
import { takeOver } from '../reload.ts';
import { assert } from '../util/assert.ts';
import type { LogLine, ReactorReply, ReactorRequest, ReactorStart } from './reactor-messages.ts';
import { ServedReactor } from './served-reactor.ts';

assert(parentPort !== null, 'this is the start of a thread, and no program');
await serve(parentPort, workerData as ReactorStart);

async function serve(port: MessagePort, { plan, source, logLevel }: ReactorStart): Promise<void> {
  const say = (reply: ReactorReply) => port.postMessage(reply);
  const log = logBy(say, logLevel);
  let served: ServedReactor;
  try {
    const configuration = configurationOf(source);
    const onRefused = (refused: Extract<ReactorReply, { kind: 'refused' }>['refused']) =>
      say({ kind: 'refused', refused });
    served = await ServedReactor.open({ plan, configuration, log, onRefused, handOver: null });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { file, key, value, message } = error;
    say({ kind: 'fault', fault: { file, key, value, message } });
    return;
  }
  port.on('message', (request: ReactorRequest) => answer(served, request, port, say));
  say({ kind: 'serving' });
}

function answer(served: ServedReactor, request: ReactorRequest, port: MessagePort, say: (reply: ReactorReply) => void) {
  switch (request.kind) {
    case 'ports':
      return served.setPorts(request.ports);
    case 'connection':
      return served.adopt(request.connection);
    case 'status':
      return say({ kind: 'status', status: served.status });
    case 'takeOver':
      return takeOverSource(served, request.source).then(() => say({ kind: 'takenOver' }));
    case 'close':
      return served.reactor.close().then((isInOrder) => {
        say({ kind: 'closed', isInOrder });
        port.close();
      });
  }
}

/** The main thread found no fault in it; a file that it names may be gone meanwhile. */
async function takeOverSource({ running }: ServedReactor, source: ConfigSource): Promise<void> {
  try {
    await takeOver(running, configurationOf(source));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { file, key, message } = error;
    running.logger.error({ file, key }, `the configuration was not read again: ${message}`);
  }
}

/** Lines that nobody would print are not sent. */
function logBy(say: (reply: ReactorReply) => void, logLevel: ReactorStart['logLevel']): Log {
  const lineOf = (level: LogLine['level']) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(logLevel)) return () => undefined;
    return (first: unknown, second?: unknown) => {
      const hasFields = typeof first === 'object' && first !== null;
      const fields = hasFields ? (first as LogLine['fields']) : {};
      say({ kind: 'log', line: { level, fields, message: String(hasFields ? second : first) } });
    };
  };
  return { debug: lineOf('debug'), info: lineOf('info'), warn: lineOf('warn'), error: lineOf('error') };
}
