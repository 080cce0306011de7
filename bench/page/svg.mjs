/** The parts of a chart that are alike: its frame, colours for light and dark pages, the logarithmic axis. */

const WIDTH = 860;

/** who → [light, dark]. Others take what is left over, in order. */
const KNOWN = {
  floor: ['#6e7781', '#9aa4af'],
  'node -e 0': ['#a3abb3', '#6b7580'],
  'deferred-sweep': ['#0969da', '#58a6ff'],
  'fs-ext by hand': ['#1a7f37', '#56d364'],
  'proper-lockfile': ['#bc4c00', '#f0883e'],
  'better-sqlite3': ['#bf3989', '#f778ba'],
  'signal-exit': ['#6639ba', '#bc8cff'],
};
const ORIGINAL = ['#9a6700', '#d4a72c'];
const OTHERS = [
  ['#218bff', '#a5d6ff'],
  ['#0a3069', '#79c0ff'],
  ['#116329', '#7ee787'],
  ['#953800', '#ffa657'],
  ['#8250df', '#d2a8ff'],
  ['#57606a', '#c9d1d9'],
];

/** A colour for each, as names of CSS classes; `style` defines them. */
export function colours(whos) {
  const rest = [...OTHERS];
  const classes = new Map();
  const rules = { light: [], dark: [] };
  for (const [index, who] of whos.entries()) {
    const [light, dark] =
      KNOWN[who] ?? (who.startsWith('the original') ? ORIGINAL : (rest.shift() ?? OTHERS[0]));
    classes.set(who, `c${index}`);
    rules.light.push(`.c${index} { fill: ${light}; stroke: ${light}; }`);
    rules.dark.push(`.c${index} { fill: ${dark}; stroke: ${dark}; }`);
  }
  return { classes, rules };
}

export function frame({ title, height, rules, body }) {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    '<style>',
    'text { font: 12px system-ui, sans-serif; fill: #1f2328; } .quiet { fill: #59636e; } .title { font-weight: 600; }',
    '.page { fill: #ffffff; } .grid { stroke: #d1d9e0; } .line { fill: none; stroke-width: 2; }',
    ...rules.light,
    '@media (prefers-color-scheme: dark) {',
    'text { fill: #e6edf3; } .quiet { fill: #9198a1; } .page { fill: #0d1117; } .grid { stroke: #30363d; }',
    ...rules.dark,
    '}',
    '.line { fill: none; }',
    '</style>',
    '<rect class="page" width="100%" height="100%" rx="6"/>',
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

export function text(x, y, content, { kind = '', anchor = 'start' } = {}) {
  const of = kind === '' ? '' : ` class="${kind}"`;
  return `<text x="${short(x)}" y="${short(y)}" text-anchor="${anchor}"${of}>${escaped(content)}</text>`;
}

export function short(value) {
  return `${Number(value.toFixed(1))}`;
}

/** A logarithmic axis over whole powers of ten. */
export function logAxis(values, from, to) {
  const least = Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const most = Math.max(least + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9));
  const at = value => from + ((Math.log10(value) - least) / (most - least)) * (to - from);
  const ticks = Array.from({ length: most - least + 1 }, (_, n) => 10 ** (least + n));
  return { at, ticks };
}

function escaped(content) {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
