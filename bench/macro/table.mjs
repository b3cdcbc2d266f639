/** The table of one case: every server's figures, and their ratios to the floor, to tgtd and to what the case says. */
import { CASES, MEASURES } from './cases.mjs';

/** The store whose figures have to reach the targets: the fastest one that keeps data. */
export const SERVER_OF_TARGETS = 'iouring';

/**
 * @param rows results of this case and engine, one per server
 * @param all results of the run so far, for targets that look at another case
 */
export function caseTable(aCase, engine, rows, all) {
  const measure = MEASURES[aCase.measure];
  const head = [
    'server',
    measure.title,
    'min..max',
    '× floor',
    '× tgtd',
    'mean µs',
    'p99 µs',
    'CPU µs/IO',
    'server',
    'client',
    'RSS',
  ];
  const lines = rows.map((row) => {
    const main = row[aCase.measure];
    return [
      row.server,
      main.median.toFixed(measure.digits),
      `${main.min.toFixed(measure.digits)}..${main.max.toFixed(measure.digits)}`,
      ratioTo(rows, 'floor', row, aCase.measure),
      ratioTo(rows, 'tgtd', row, aCase.measure),
      row.latency.median.toFixed(0),
      row.p99.median.toFixed(0),
      row.cpu.median.toFixed(2),
      `${(row.serverLoad.median * 100).toFixed(0)}%`,
      `${(row.clientLoad.median * 100).toFixed(0)}%`,
      `${row.residentMiB}`,
    ];
  });
  const verdicts = checkTargets(aCase, rows, all, engine).map(
    ({ server, text, ratio, isMet }) =>
      `   ${isMet ? 'reached ' : 'MISSED  '} ${server}: ${ratio.toFixed(2)}, wanted ${text}`,
  );
  return [`\n${aCase.title} (${engine})`, ...align([head, ...lines]), ...verdicts].join('\n');
}

/** Every target of the case, for SERVER_OF_TARGETS: { server, text, ratio, isMet }. */
export function checkTargets(aCase, rows, all, engine) {
  const ours = rows.filter(({ server }) => server === SERVER_OF_TARGETS);
  return ours.flatMap((row) =>
    aCase.targets.flatMap((target) => {
      const other = findOther(target.of, row, rows, all, engine);
      if (other === undefined) return [];
      const ratio = row[target.measure].median / other[target.measure].median;
      const isMet = target.atLeast === undefined ? ratio <= target.atMost : ratio >= target.atLeast;
      return [{ server: row.server, text: targetText(target), ratio, isMet, target }];
    }),
  );
}

export function targetText({ of, measure, atLeast, atMost }) {
  const whom = of.startsWith('case:') ? `its own "${CASES.find(({ id }) => id === of.slice(5)).title}"` : of;
  const share = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
  return `${MEASURES[measure].title} ${share} × ${whom}`;
}

function findOther(of, row, rows, all, engine) {
  if (!of.startsWith('case:')) return rows.find(({ server }) => server === of);
  const id = of.slice(5);
  return all.find((result) => result.case === id && result.engine === engine && result.server === row.server);
}

function ratioTo(rows, server, row, measure) {
  const other = rows.find((candidate) => candidate.server === server);
  return other === undefined ? '-' : (row[measure].median / other[measure].median).toFixed(2);
}

function align(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  '),
  );
}
