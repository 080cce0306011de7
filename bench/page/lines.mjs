/** How cost grows: a line for each candidate through its best, both axes logarithmic. */
import { figure } from './figure.mjs';
import { colours, frame, logAxis, short, text } from './svg.mjs';

const LEFT = 70;
const RIGHT = 600;
const TOP = 44;
const BOTTOM = 330;
const LABEL_STEP = 16;

export function lines(title, unit, axis, rows) {
  const whos = [...new Set(rows.map(row => row.who))];
  const { classes, rules } = colours(whos);
  const x = logAxis(
    rows.map(row => row.size),
    LEFT,
    RIGHT,
  );
  const y = logAxis(
    rows.map(row => row.best),
    BOTTOM,
    TOP,
  );
  const body = [text(16, 24, `${title}, ${unit}, best`, { kind: 'title' }), ...grid(x, y, axis)];
  const ends = [];
  for (const who of whos) {
    const points = rows
      .filter(row => row.who === who)
      .sort((a, b) => a.size - b.size)
      .map(row => [short(x.at(row.size)), short(y.at(row.best)), row]);
    const colour = classes.get(who);
    body.push(`<polyline class="${colour} line" points="${points.map(([a, b]) => `${a},${b}`).join(' ')}"/>`);
    for (const [a, b] of points) body.push(`<circle class="${colour}" cx="${a}" cy="${b}" r="3"/>`);
    const [endX, endY] = points.at(-1).map(Number);
    ends.push({ who, colour, x: endX, y: endY, at: endY });
  }
  return frame({
    title: `${title}, ${unit}, by ${axis}: ${whos.join(', ')}`,
    height: BOTTOM + 50,
    rules,
    body: [...body, ...labels(ends)],
  });
}

function grid(x, y, axis) {
  return [
    ...x.ticks.flatMap(tick => [
      `<line class="grid" x1="${short(x.at(tick))}" x2="${short(x.at(tick))}" y1="${TOP}" y2="${BOTTOM}"/>`,
      text(x.at(tick), BOTTOM + 16, tick.toLocaleString('en'), { kind: 'quiet', anchor: 'middle' }),
    ]),
    ...y.ticks.flatMap(tick => [
      `<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${short(y.at(tick))}" y2="${short(y.at(tick))}"/>`,
      text(LEFT - 8, y.at(tick) + 4, figure(tick), { kind: 'quiet', anchor: 'end' }),
    ]),
    text((LEFT + RIGHT) / 2, BOTTOM + 36, axis, { kind: 'quiet', anchor: 'middle' }),
  ];
}

/** Beside the ends of the lines, apart from each other. */
function labels(ends) {
  ends.sort((a, b) => a.y - b.y);
  for (const [index, end] of ends.entries())
    end.at = Math.max(end.y, index === 0 ? TOP : ends[index - 1].at + LABEL_STEP);
  const over = ends.at(-1).at - BOTTOM;
  if (over > 0) for (const end of ends) end.at -= over;
  return ends.flatMap(({ who, colour, x, y, at }) => [
    `<line class="grid" x1="${short(x + 4)}" y1="${short(y)}" x2="${RIGHT + 12}" y2="${short(at)}"/>`,
    `<circle class="${colour}" cx="${RIGHT + 18}" cy="${short(at)}" r="4"/>`,
    text(RIGHT + 28, at + 4, who),
  ]);
}
