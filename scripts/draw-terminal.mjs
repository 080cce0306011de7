// Lines of a terminal as a drawing (SVG) that is read on light and dark pages, and by screen readers as text.

const COLUMNS = 100;
const LINE_HEIGHT = 19;
const MARGIN = 16;

/** An SVG with the lines, longer ones wrapped; what is typed is brighter than what is printed. */
export function drawTerminal(lines) {
  const rows = lines.flatMap(line =>
    wrap(line).map((text, part) => ({ text, part, isTyped: line.startsWith('$ ') })),
  );
  const width = COLUMNS * 7.85 + 2 * MARGIN;
  const height = rows.length * LINE_HEIGHT + 2 * MARGIN;
  const texts = rows.map(({ text, part, isTyped }, row) => {
    const colour = isTyped ? '#ffffff' : '#c5cdd9';
    const y = MARGIN + LINE_HEIGHT * (row + 0.75);
    return `  <text x="${MARGIN}" y="${y}" fill="${colour}" data-part="${part}" xml:space="preserve">${escaped(text)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    '  <title>A terminal: the worker dies and leaves a directory, the sweep removes it</title>',
    `  <rect width="100%" height="100%" rx="8" fill="#1b2230"/>`,
    `  <g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13">`,
    ...texts,
    '  </g>',
    '</svg>',
    '',
  ].join('\n');
}

/** The lines that a drawing was made of. */
export function textOfDrawing(drawing) {
  const lines = [];
  for (const [, part, text] of drawing.matchAll(/data-part="(\d+)" xml:space="preserve">(.*?)<\/text>/g)) {
    const plain = text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
    if (part === '0') lines.push(plain);
    else lines.push(`${lines.pop()}${plain}`);
  }
  return lines;
}

function wrap(line) {
  const parts = [];
  for (let at = 0; at < line.length || at === 0; at += COLUMNS) parts.push(line.slice(at, at + COLUMNS));
  return parts;
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
