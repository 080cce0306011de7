/** Runs in a page. Contrast is that of WCAG 2, where text needs 4.5, and large text 3. */
export function look() {
  const parse = text => {
    const [r = 0, g = 0, b = 0, a = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], [x, y, z]) => [
    r * a + x * (1 - a),
    g * a + y * (1 - a),
    b * a + z * (1 - a),
    1,
  ];
  const light = colour => {
    const [r = 0, g = 0, b = 0] = colour.slice(0, 3).map(value => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    if (element === null) return [255, 255, 255, 1];
    const colour = parse(getComputedStyle(element).backgroundColor);
    return colour[3] === 1 ? colour : over(colour, behind(element.parentElement));
  };
  const faint = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    const { color, fontSize, fontWeight, visibility } = getComputedStyle(element);
    if (node.textContent?.trim() === '' || element.getClientRects().length === 0 || visibility === 'hidden')
      continue;
    if (element.closest('svg, script, style, noscript') !== null) continue;
    const ground = behind(element);
    const [one, two] = [light(over(parse(color), ground)), light(ground)];
    const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    const size = Number.parseFloat(fontSize);
    const needed = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700) ? 3 : 4.5;
    if (contrast < needed)
      faint.add(`${color} on ${ground.map(Math.round)}: ${contrast.toFixed(2)} (${element.className})`);
  }
  return {
    tooWide: Math.max(0, document.documentElement.scrollWidth - window.innerWidth),
    missing: [...document.images]
      .filter(image => !image.complete || image.naturalWidth === 0)
      .map(image => image.src),
    faint: [...faint],
  };
}
