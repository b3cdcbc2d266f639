/** docs/TUNING.md: the knobs' words (bench/tuning/knobs.mjs) and, beside them, the figures of each experiment. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MEASURES } from '../macro/cases.mjs';
import { verdictOf } from '../tuning/comparison.mjs';
import { EXPERIMENTS } from '../tuning/experiments.mjs';
import { KNOBS, WITHOUT_EFFECT } from '../tuning/knobs.mjs';

const INTRODUCTION = `# Tuning

<!-- Written by scripts/tuning-report.mjs from bench/results/*-tuning.jsonl and bench/tuning/knobs.mjs; do not edit. -->

What each knob does, when to turn it, and what it brought on one machine. The keys themselves are in [CONFIG.md](CONFIG.md).

Each figure is a setting against the default: both are measured in the same run, one after the other, round by round, over
loopback with the client \`wire\` of [BENCHMARKS.md](BENCHMARKS.md). The ratio is the median of the rounds' ratios, and beside
it stand the least and the greatest of them. A difference is told when every round shows it and the median is at least 3 %;
else the table says that this machine can show none. The default storage is \`iouring\` on a file in the page cache, unless a
row says something else. CPU is the time of the whole daemon per I/O, which tells more than the throughput where the client is
the limit.
`;

const REPRODUCE = `## To measure it yourself

\`\`\`sh
apt-get install gcc libiscsi-dev pkg-config
npm ci && npm run build
npm run bench:tuning           # about five minutes; as root it measures loop devices too
node scripts/tuning-report.mjs # writes this page
\`\`\`

Your machine will differ in all that has to do with its disks, its cores and its network: the ratios of the protocol are the
ones that travel. One experiment alone: \`npm run bench:tuning -- --experiment large-write\`.
`;

const VERDICTS = {
  better: '**better**',
  worse: '**worse**',
  same: 'no difference that this machine can show',
};
/** A share of a core that others took, from which on the page says so. */
const OTHERS_LOAD_MIN = 0.2;

/** @returns { runs, results } of bench/results: of every experiment one run alone: the quietest of the last day */
export function readTuning(dir) {
  const lines = readdirSync(dir)
    .filter((name) => name.endsWith('-tuning.jsonl'))
    .flatMap((name) => readFileSync(join(dir, name), 'utf8').split('\n').filter(Boolean))
    .map((line) => JSON.parse(line));
  const runs = new Map(lines.filter(({ type }) => type === 'tuning-run').map((run) => [run.date, run]));
  const results = lines.filter(({ type }) => type === 'tuning');
  const chosen = new Map();
  for (const result of results) {
    const best = chosen.get(result.experiment);
    if (best === undefined || isPreferred(result, best)) chosen.set(result.experiment, result);
  }
  return { runs, results: results.filter(({ experiment, date }) => chosen.get(experiment).date === date) };
}

/** Of a later day, or of the same day with less other work on the machine. */
function isPreferred(result, best) {
  const [day, bestDay] = [result.date.slice(0, 10), best.date.slice(0, 10)];
  return day === bestDay ? result.othersLoad < best.othersLoad : day > bestDay;
}

/** The whole page. Throws when a knob shows what was not measured. */
export function tuningDocument(data) {
  const knobs = KNOBS.map((knob) => knobSection(knob, data));
  return [INTRODUCTION, runSection(data), ...knobs, withoutEffectSection(), REPRODUCE].join('\n');
}

/** The keys that have a knob, and those (or all below them) that have no effect: { tuned, without }. */
export function tuningKeys() {
  return { tuned: KNOBS.flatMap(({ keys }) => keys), without: WITHOUT_EFFECT.flatMap(({ keys }) => keys) };
}

function runSection({ runs, results }) {
  const used = [...new Set(results.map(({ date }) => date))].sort();
  const lines = used.map((date) => {
    const { commit, isClean, cpu, cores, memoryGiB, kernel, node, fileSystem, rounds, seconds } = runs.get(date);
    const at = `${date.slice(0, 16).replace('T', ' ')}`;
    const source = `${commit.slice(0, 8)}${isClean ? '' : ' with changes'}`;
    const machine = `${cpu}, ${cores} cores, ${memoryGiB} GiB, files on ${fileSystem}`;
    return `| ${at} | ${source} | ${machine} | Linux ${kernel}, Node.js ${node} | ${rounds} rounds of ${seconds} s |`;
  });
  const head = ['| date (UTC) | commit | machine | versions | run |', '|---|---|---|---|---|'];
  return ['## Runs\n', ...head, ...lines, ''].join('\n');
}

function knobSection({ title, keys, does, turn, measured }, data) {
  const names = keys.map((key) => `\`${key}\``).join(', ');
  const head = [
    `## ${title}\n`,
    ...(names === '' ? [] : [`${names}\n`]),
    `${does}\n`,
    `**When to turn it:** ${turn}\n`,
    '| load | default | setting | default → setting | ratio (least–greatest) | CPU µs per I/O | |',
    '|---|---|---|--:|--:|--:|---|',
  ];
  const rows = measured.flatMap(({ experiment, settings }) => settings.map((id) => figuresRow(experiment, id, data)));
  return [...head, ...rows, ...busyNote(measured, data), ''].join('\n');
}

function figuresRow(experimentId, settingId, { runs, results }) {
  const experiment = EXPERIMENTS.find(({ id }) => id === experimentId);
  const setting = experiment?.settings.find(({ id }) => id === settingId);
  const result = results.find((each) => each.experiment === experimentId && each.setting === settingId);
  if (setting === undefined || result === undefined) throw new Error(`${experimentId} ${settingId} was not measured`);
  const { fileSystem } = runs.get(result.date);
  const words = [experiment.title, experiment.base?.title ?? 'default', setting.title];
  const cells = words.map((text) => text.replaceAll('{fs}', fileSystem));
  return `| ${[...cells, ...figures(experiment, result)].join(' | ')} |`;
}

function figures({ measure }, result) {
  if (result.skipped !== undefined) return ['', '', '', `not measured: ${result.skipped}`];
  const { ratio, base, here } = result;
  const { unit, title, digits } = MEASURES[measure];
  const name = unit === '' ? title : unit;
  return [
    `${grouped(base.value, digits)} → ${grouped(here.value, digits)} ${name}`,
    `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)})`,
    `${base.cpu.toFixed(1)} → ${here.cpu.toFixed(1)}`,
    VERDICTS[verdictOf(measure, result)],
  ];
}

function busyNote(measured, { results }) {
  const loads = measured.map(({ experiment }) => results.find((result) => result.experiment === experiment).othersLoad);
  const most = Math.max(...loads);
  return most < OTHERS_LOAD_MIN ? [] : ['', `Meanwhile other work kept up to ${most.toFixed(1)} cores busy.`];
}

function withoutEffectSection() {
  const lines = WITHOUT_EFFECT.map(({ why, keys }) => `- ${why}: ${keys.map((key) => `\`${key}\``).join(', ')}`);
  return ['## Keys without effect on speed\n', ...lines, ''].join('\n');
}

function grouped(value, digits) {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
