/** The HTML report: one file without scripts, fonts or anything else from elsewhere. */
import { CASES, MEASURES } from '../macro/cases.mjs';
import { barChart, escapeText, lineChart, serverLabel } from './charts.mjs';
import { ENGINES } from './markdown.mjs';
import { rowsOf } from './results.mjs';

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1240px; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; background: #fff }
h1 { font-size: 1.6rem } h2 { font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 1px solid #ddd }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(520px, 1fr)); gap: 1.2rem }
figure { margin: 0; padding: .8rem; border: 1px solid #e2e2e2; border-radius: 6px }
figcaption { font-weight: 600; margin-bottom: .3rem } svg { width: 100%; height: auto; display: block }
svg text { font: 12px system-ui, sans-serif; fill: #333; dominant-baseline: middle }
.label { text-anchor: end } .step { text-anchor: middle } .grid { stroke: #e6e6e6 } .spread { stroke: #000; stroke-opacity: .45; stroke-width: 1.5 }
.legend { margin: 0 0 .3rem; font-size: .85rem } .legend span { margin-right: 1rem } .legend i { display: inline-block; width: .8em; height: .8em; margin-right: .35em }
table { border-collapse: collapse; font-size: .9rem } td, th { border: 1px solid #ddd; padding: .2rem .6rem; text-align: left }
@media (prefers-color-scheme: dark) {
  body { background: #16181b; color: #ddd } figure, td, th, h2 { border-color: #3a3d42 } svg text { fill: #ccc } .grid { stroke: #33363b } .spread { stroke: #fff }
}`;

const SWEEPS = [
  {
    name: 'depth',
    title: 'IOPS of 4 KiB random reads by depth',
    measure: 'iops',
    axis: 'depth',
    label: (at) => `${at}`,
  },
  {
    name: 'block-read',
    title: 'Throughput of random reads by block size, depth 16',
    measure: 'mibPerS',
    axis: 'block size, KiB',
    label: (at) => `${at / 1024}`,
  },
  {
    name: 'block-write',
    title: 'Throughput of random writes by block size, depth 16',
    measure: 'mibPerS',
    axis: 'block size, KiB',
    label: (at) => `${at / 1024}`,
  },
];
const PERCENTILES = [
  ['p50', '50 %'],
  ['p90', '90 %'],
  ['p99', '99 %'],
  ['p999', '99.9 %'],
];

/** @param data of readResults() */
export function html(data) {
  const sections = ENGINES.map((engine) => engineSection(data, engine));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>gotgt-native: benchmarks</title><style>${STYLE}</style></head><body>
<h1>gotgt-native: benchmarks</h1>
${runTable(data)}
<p>Bars are medians of interleaved rounds; the thin line goes from the least to the most of them.</p>
${sections.join('\n')}
${sweepSection(data)}
</body></html>
`;
}

function runTable({ runs, results }) {
  const used = [...new Set(results.map(({ date }) => date))].sort();
  const lines = used.map((date) => {
    const { commit, cpu, cores, kernel, node, libiscsi, rounds, seconds, loadAverage } = runs.get(date);
    const cells = [
      date.slice(0, 16),
      commit.slice(0, 8),
      `${cpu}, ${cores} cores`,
      kernel,
      node,
      libiscsi,
      `${rounds} × ${seconds} s`,
      loadAverage,
    ];
    return `<tr>${cells.map((cell) => `<td>${escapeText(cell)}</td>`).join('')}</tr>`;
  });
  const head = ['date (UTC)', 'commit', 'machine', 'kernel', 'Node', 'libiscsi', 'rounds', 'load average at start'];
  return `<table><tr>${head.map((cell) => `<th>${cell}</th>`).join('')}</tr>${lines.join('')}</table>`;
}

function engineSection({ results }, engine) {
  const cases = CASES.map((aCase) => ({ aCase, rows: rowsOf(results, aCase.id, engine) })).filter(
    ({ rows }) => rows.length > 0,
  );
  if (cases.length === 0) return '';
  const main = cases.map(({ aCase, rows }) => bars(aCase, rows, aCase.measure));
  const cpu = cases.map(({ aCase, rows }) => bars(aCase, rows, 'cpu'));
  const latency = cases.map(({ aCase, rows }) => percentiles(aCase, rows));
  return `<h2>Throughput and latency, client ${engine}</h2><div class="charts">${main.join('\n')}</div>
<h2>Server CPU per I/O, client ${engine}</h2><div class="charts">${cpu.join('\n')}</div>
<h2>Latency percentiles, client ${engine}</h2><div class="charts">${latency.join('\n')}</div>`;
}

function bars(aCase, rows, name) {
  const { title, unit } = MEASURES[name];
  const list = rows.map((row) => ({ server: row.server, label: serverLabel(row.server), value: row[name] }));
  return barChart(`${aCase.title}: ${title}`, list, (value) => `${short(value)}${unit === '' ? '' : ` ${unit}`}`);
}

function percentiles(aCase, rows) {
  const series = rows.map((row) => ({
    server: row.server,
    label: serverLabel(row.server),
    values: PERCENTILES.map(([field]) => row[field].median),
  }));
  const steps = PERCENTILES.map(([, label]) => label);
  return lineChart(`${aCase.title}: latency, µs`, steps, series, short, 'share of I/Os that were faster');
}

function sweepSection({ results }) {
  const charts = SWEEPS.map(({ name, title, measure, axis, label }) => {
    const rows = results.filter(({ sweep }) => sweep === name);
    if (rows.length === 0) return '';
    const steps = [...new Set(rows.map(({ at }) => at))].sort((a, b) => a - b);
    const servers = [...new Set(rows.map(({ server }) => server))];
    const value = (server, at) => rows.find((row) => row.server === server && row.at === at)[measure].median;
    const series = servers.map((server) => ({
      server,
      label: serverLabel(server),
      values: steps.map((at) => value(server, at)),
    }));
    return lineChart(title, steps.map(label), series, short, axis);
  });
  if (charts.every((chart) => chart === '')) return '';
  return `<h2>By depth and block size, client wire</h2><div class="charts">${charts.join('\n')}</div>`;
}

function short(value) {
  if (value >= 10000) return `${Math.round(value / 1000)}k`;
  if (value >= 100) return `${Math.round(value)}`;
  if (value === 0) return '0';
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
