/** docs/BENCHMARKS.md. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CASES, MEASURES } from '../macro/cases.mjs';
import { SCALE_TARGETS } from '../macro/scale.mjs';
import { SERVERS } from '../macro/servers.mjs';
import { checkTargets, SERVER_OF_TARGETS, targetText } from '../macro/table.mjs';
import { rowsOf } from './results.mjs';

export const ENGINES = ['wire', 'libiscsi'];

/** What was missed, with the profile that says why, and what was tried: written by hand. */
const SHORTFALLS = fileURLToPath(new URL('shortfalls.md', import.meta.url));

const INTRODUCTION = `# Benchmarks

<!-- Written by scripts/bench-report.mjs from bench/results/*.jsonl; do not edit. -->

Two clients send the same load. \`wire\` speaks iSCSI itself and batches its system calls, so that the server is the limit;
\`libiscsi\` is the library that QEMU and many others use, and often the limit itself. Figures are medians of interleaved
rounds over loopback, from files in the page cache on ext4; CPU is user and system time of the whole server process.
\`floor\` is a single-threaded C server without any checks (\`bench/macro/floor.c\`), the least that sockets and \`pread\` can
cost. Before anything is measured, every server that keeps data is checked to give back what was written.

Cases with 4 KiB run on a file that was written in pieces of 4 KiB, cases with 256 KiB on one that was written in large
pieces: since Linux keeps large pages for a file written in large pieces, a random 4 KiB write into such a file costs ext4
many times as much, whatever server asks for it. The case "file in large pages" shows it.
`;

const REPRODUCE = `## To measure it yourself

\`\`\`sh
apt-get install gcc libiscsi-dev pkg-config tgt   # tgt: as root only, and left out when it is not there
npm ci && npm run build
npm run bench                # all cases; npm run bench -- --quick for two to three minutes, --sweep for the charts
node bench/micro/run.mjs
node scripts/bench-report.mjs
\`\`\`

The machine should have nothing else to do. A run appends to \`bench/results\`; this page and \`bench/results/report.html\` show
the newest full run of each case.
`;

/** @param data of readResults() */
export function markdown(data) {
  return [
    INTRODUCTION,
    machineSection(data),
    targetSection(data),
    readFileSync(SHORTFALLS, 'utf8'),
    ...ENGINES.map((engine) => figuresSection(data, engine)),
    scaleSection(data),
    sweepSection(data),
    microSection(data),
    REPRODUCE,
  ].join('\n');
}

function machineSection({ runs, results }) {
  const used = [...new Set(results.map(({ date }) => date))].sort();
  const lines = used.map((date) => {
    const run = runs.get(date);
    const kind = run.isQuick ? 'quick' : `${run.rounds} rounds of ${run.seconds} s`;
    const commit = `${run.commit.slice(0, 8)}${run.isClean ? '' : ' with changes'}`;
    const { cpu, cores, memoryGiB, kernel, node, libiscsi, tgt, loadAverage } = run;
    const versions = `Node ${node}, libiscsi ${libiscsi}, tgt ${tgt}`;
    const busy = loadAverage > cores / 2 ? `**busy: load average ${loadAverage} at the start**` : 'quiet';
    return `| ${date.slice(0, 16).replace('T', ' ')} | ${commit} | ${cpu}, ${cores} cores, ${memoryGiB} GiB | Linux ${kernel} | ${versions} | ${kind} | ${busy} |`;
  });
  const head = [
    '| date (UTC) | commit | machine | kernel | versions | run | machine was |',
    '|---|---|---|---|---|---|---|',
  ];
  return ['## Runs\n', ...head, ...lines, ''].join('\n');
}

function targetSection({ results }) {
  const title = SERVERS[SERVER_OF_TARGETS].title;
  const head = [
    `## What was to be reached\n\nBy ${title}, the fastest store that keeps data.\n`,
    '| work | to reach | wire | libiscsi |',
    '|---|---|---|---|',
  ];
  const lines = CASES.flatMap((aCase) =>
    aCase.targets.map((target) => {
      const cells = ENGINES.map((engine) => verdict(aCase, target, results, engine));
      return `| ${aCase.title} | ${targetText(target)} | ${cells.join(' | ')} |`;
    }),
  );
  return [...head, ...lines, ''].join('\n');
}

function verdict(aCase, target, results, engine) {
  const rows = rowsOf(results, aCase.id, engine);
  const found = checkTargets(aCase, rows, results, engine).find((check) => check.target === target);
  if (found === undefined) return '–';
  return found.isMet ? `${found.ratio.toFixed(2)} reached` : `**${found.ratio.toFixed(2)} missed**`;
}

function figuresSection({ results }, engine) {
  const cases = CASES.filter(({ id }) => rowsOf(results, id, engine).length > 0);
  if (cases.length === 0) return '';
  return [
    `## Figures with the client ${engine}\n`,
    ...cases.map((aCase) => caseSection(aCase, rowsOf(results, aCase.id, engine))),
  ].join('\n');
}

function caseSection(aCase, rows) {
  const measure = MEASURES[aCase.measure];
  const head = [
    `### ${aCase.title}\n`,
    ...othersNote(rows[0]),
    `| server | ${measure.title} | min–max | × floor | × tgtd | mean µs | p50 | p99 | p99.9 | CPU µs per I/O | server CPU | client CPU | RSS MiB |`,
    '|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|',
  ];
  return [...head, ...rows.map((row) => figuresLine(row, rows, aCase.measure)), ''].join('\n');
}

function othersNote({ othersLoad }) {
  if (othersLoad === undefined || othersLoad < 0.1) return [];
  return [`Meanwhile other work kept ${othersLoad.toFixed(1)} cores busy.\n`];
}

function figuresLine(row, rows, name) {
  const { digits } = MEASURES[name];
  const main = row[name];
  const cells = [
    SERVERS[row.server].title,
    grouped(main.median, digits),
    `${grouped(main.min, digits)}–${grouped(main.max, digits)}`,
    ratio(row, rows, 'floor', name),
    ratio(row, rows, 'tgtd', name),
    ...['latency', 'p50', 'p99', 'p999'].map((field) => grouped(row[field].median, 0)),
    row.cpu.median.toFixed(2),
    percent(row.serverLoad.median),
    percent(row.clientLoad.median),
    row.residentMiB,
  ];
  return `| ${cells.join(' | ')} |`;
}

function ratio(row, rows, server, name) {
  const other = rows.find((candidate) => candidate.server === server);
  return other === undefined ? '–' : (row[name].median / other[name].median).toFixed(2);
}

function scaleSection({ scale }) {
  if (scale === null) return '';
  const lines = SCALE_TARGETS.map(({ field, title, unit, atMost }) => {
    const verdict = scale[field] <= atMost ? 'reached' : '**missed**';
    return `| ${title} | ≤ ${atMost} ${unit} | ${scale[field]} ${unit} | ${verdict} |`;
  });
  return ['## Many targets and sessions\n', '| | to reach | measured | |', '|---|---|--:|---|', ...lines, ''].join(
    '\n',
  );
}

function sweepSection({ results }) {
  const sweeps = results.filter(({ sweep }) => sweep !== undefined);
  if (sweeps.length === 0) return '';
  const tables = [
    ['depth', 'IOPS of 4 KiB random reads by depth', 'iops', (at) => `${at}`],
    ['block-read', 'MiB/s of random reads by block size, depth 16', 'mibPerS', (at) => `${at / 1024} KiB`],
    ['block-write', 'MiB/s of random writes by block size, depth 16', 'mibPerS', (at) => `${at / 1024} KiB`],
  ];
  return ['## By depth and block size (client wire)\n', ...tables.map((table) => sweepTable(sweeps, ...table))].join(
    '\n',
  );
}

function sweepTable(sweeps, name, title, measure, label) {
  const rows = sweeps.filter(({ sweep }) => sweep === name);
  const steps = [...new Set(rows.map(({ at }) => at))].sort((a, b) => a - b);
  const servers = [...new Set(rows.map(({ server }) => server))];
  const lines = servers.map((server) => {
    const cells = steps.map((at) =>
      grouped(rows.find((row) => row.server === server && row.at === at)[measure].median, 0),
    );
    return `| ${SERVERS[server].title} | ${cells.join(' | ')} |`;
  });
  return [
    `### ${title}\n`,
    `| server | ${steps.map(label).join(' | ')} |`,
    `|---|${'--:|'.repeat(steps.length)}`,
    ...lines,
    '',
  ].join('\n');
}

function microSection({ micro, runs }) {
  if (micro.length === 0) return '';
  const { date, commit } = runs.get(micro[0].date);
  const lines = micro.map(
    ({ name, nsPerOp, bytesPerOp }) =>
      `| ${name} | ${nsPerOp.median.toFixed(1)} | ${nsPerOp.min.toFixed(1)} | ${bytesPerOp.toFixed(1)} |`,
  );
  return [
    `## Micro benchmarks\n\n${date.slice(0, 16).replace('T', ' ')} UTC, ${commit.slice(0, 8)}.\n`,
    '| operation | ns (median) | ns (least) | bytes allocated |',
    '|---|--:|--:|--:|',
    ...lines,
    '',
  ].join('\n');
}

function grouped(value, digits) {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function percent(load) {
  return `${Math.round(load * 100)} %`;
}
