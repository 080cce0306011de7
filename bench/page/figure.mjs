/** A number with as many digits as are worth reading. */
export function figure(value) {
  if (value === 0) return '0';
  if (value >= 1000) return Math.round(Number(value.toPrecision(3))).toLocaleString('en');
  return `${Number(value.toPrecision(value < 1 ? 2 : 3))}`;
}
