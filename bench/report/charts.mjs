/**
 * Charts as plain SVG text. No chart library: bars and lines are all a report needs, a picture without scripts opens
 * anywhere, and a benchmark should not need a download.
 */
import { SERVERS } from '../macro/servers.mjs';

/** Colours that stay apart for colour-blind eyes (Okabe and Ito), the same server always in the same one. */
export const COLOURS = {
  null: '#999999',
  file: '#56b4e9',
  iouring: '#0072b2',
  'iouring-direct': '#cc79a7',
  tgtd: '#d55e00',
  floor: '#009e73',
};

const WIDTH = 560;
const LABEL_WIDTH = 190;
const BAR_HEIGHT = 20;
const BAR_STEP = 27;
const VALUE_WIDTH = 90;
const PLOT = { left: 64, right: 28, top: 12, bottom: 34, height: 250 };
const TICKS = 5;

/**
 * Horizontal bars with the spread of the rounds as a line.
 * @param bars [{ server, label, value: { median, min, max } }]
 */
export function barChart(title, bars, format) {
  const most = Math.max(...bars.map(({ value }) => value.max));
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const x = (value) => LABEL_WIDTH + (value / most) * room;
  const marks = bars.map(({ server, label, value }, index) => {
    const y = index * BAR_STEP + 4;
    const middle = y + BAR_HEIGHT / 2;
    const tip = `${label}: ${format(value.median)} (${format(value.min)} to ${format(value.max)})`;
    return [
      `<g><title>${escapeText(tip)}</title>`,
      `<text x="${LABEL_WIDTH - 8}" y="${middle}" class="label">${escapeText(label)}</text>`,
      `<rect x="${LABEL_WIDTH}" y="${y}" width="${px(x(value.median) - LABEL_WIDTH)}" height="${BAR_HEIGHT}" fill="${COLOURS[server]}"/>`,
      `<line x1="${px(x(value.min))}" x2="${px(x(value.max))}" y1="${middle}" y2="${middle}" class="spread"/>`,
      `<text x="${px(x(value.max) + 6)}" y="${middle}" class="value">${escapeText(format(value.median))}</text></g>`,
    ].join('');
  });
  return figure(title, WIDTH, bars.length * BAR_STEP + 8, marks.join('\n'));
}

/**
 * Lines over steps that stand at equal distances.
 * @param series [{ server, label, values }], one value per step
 */
export function lineChart(title, steps, series, format, axis) {
  const most = niceAbove(Math.max(...series.flatMap(({ values }) => values)));
  const x = (index) => PLOT.left + (index / Math.max(1, steps.length - 1)) * (WIDTH - PLOT.left - PLOT.right);
  const y = (value) => PLOT.top + (1 - value / most) * PLOT.height;
  const floorY = PLOT.top + PLOT.height;
  const grid = Array.from({ length: TICKS + 1 }, (_, index) => {
    const value = (most * index) / TICKS;
    const at = px(y(value));
    return `<line x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${at}" y2="${at}" class="grid"/><text x="${PLOT.left - 6}" y="${at}" class="label">${escapeText(format(value))}</text>`;
  });
  const labels = steps.map(
    (step, index) => `<text x="${px(x(index))}" y="${floorY + 16}" class="step">${escapeText(step)}</text>`,
  );
  const lines = series.map(({ server, label, values }) => {
    const points = values.map((value, index) => `${px(x(index))},${px(y(value))}`);
    const dots = values.map(
      (value, index) =>
        `<circle cx="${px(x(index))}" cy="${px(y(value))}" r="3.5" fill="${COLOURS[server]}"><title>${escapeText(`${label}, ${steps[index]}: ${format(value)}`)}</title></circle>`,
    );
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${COLOURS[server]}" stroke-width="2"/>${dots.join('')}`;
  });
  const caption = `<text x="${(PLOT.left + WIDTH) / 2}" y="${floorY + 32}" class="step">${escapeText(axis)}</text>`;
  const height = floorY + PLOT.bottom + 4;
  return figure(title, WIDTH, height, [...grid, ...labels, ...lines, caption].join('\n'), series);
}

/** Text that may stand in HTML. */
export function escapeText(text) {
  return String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

export function serverLabel(server) {
  return SERVERS[server].title;
}

function figure(title, width, height, body, series = []) {
  const legend = series.map(
    ({ server, label }) => `<span><i style="background:${COLOURS[server]}"></i>${escapeText(label)}</span>`,
  );
  const key = legend.length === 0 ? '' : `<p class="legend">${legend.join('')}</p>`;
  const svg = `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeText(title)}">${body}</svg>`;
  return `<figure><figcaption>${escapeText(title)}</figcaption>${key}${svg}</figure>`;
}

function px(value) {
  return value.toFixed(1);
}

/** The next 1, 2, 2.5 or 5 times a power of ten. */
function niceAbove(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value);
}
