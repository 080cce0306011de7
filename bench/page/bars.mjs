/** Candidates side by side: a bar to the best, a stroke at the median, on a logarithmic axis. Rows of one size are together. */
import { figure } from './figure.mjs';
import { colours, frame, logAxis, short, text } from './svg.mjs';

const LEFT = 300;
const RIGHT = 700;
const BAR = 15;
const STEP = 22;

export function bars(title, unit, rows) {
  const { classes, rules } = colours([...new Set(rows.map(row => row.who))]);
  const { at, ticks } = logAxis(
    rows.flatMap(row => [row.best, row.median ?? row.best]),
    LEFT,
    RIGHT,
  );
  const body = [text(16, 24, `${title}, ${unit}`, { kind: 'title' })];
  let y = 46;
  const top = y - 6;
  const lines = [];
  for (const size of new Set(rows.map(row => row.size))) {
    if (size !== undefined) {
      lines.push(text(16, y + 12, `${size}`, { kind: 'quiet' }));
      y += STEP;
    }
    for (const row of rows.filter(one => one.size === size)) {
      lines.push(...bar(row, y, classes.get(row.who), at));
      y += STEP;
    }
    y += 6;
  }
  for (const tick of ticks) {
    body.push(
      `<line class="grid" x1="${short(at(tick))}" x2="${short(at(tick))}" y1="${top}" y2="${y}"/>`,
      text(at(tick), y + 16, figure(tick), { kind: 'quiet', anchor: 'middle' }),
    );
  }
  return frame({
    title: `${title}, ${unit}: ${said(rows)}`,
    height: y + 28,
    rules,
    body: [...body, ...lines],
  });
}

function bar(row, y, colour, at) {
  const end = at(row.best);
  const drawn = [
    text(LEFT - 10, y + 12, row.who, { anchor: 'end' }),
    `<rect class="${colour}" x="${LEFT}" y="${y}" width="${short(Math.max(1, end - LEFT))}" height="${BAR}"/>`,
  ];
  let label = figure(row.best);
  if (row.median !== undefined) {
    const x = short(at(row.median));
    drawn.push(`<line class="${colour}" x1="${x}" x2="${x}" y1="${y}" y2="${y + BAR}" stroke-width="2"/>`);
    label += `  (median ${figure(row.median)})`;
  }
  drawn.push(text(at(row.median ?? row.best) + 8, y + 12, label, { kind: 'quiet' }));
  return drawn;
}

function said(rows) {
  return rows
    .map(row => `${row.size === undefined ? '' : `${row.size}, `}${row.who} ${figure(row.best)}`)
    .join('; ');
}
