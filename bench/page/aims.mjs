/** Lines of the table: question | floor | ours best / median | ratio | aim. */
import { figure } from './figure.mjs';
import { ORIGINAL_RATIO_OF_RUN } from './original.mjs';

const OURS = 'deferred-sweep';

/** Looks at the rows of one question. Each line is undefined where something was not measured. */
export class Look {
  #rows;
  #unit;

  constructor(rows, unit) {
    this.#rows = rows;
    this.#unit = unit.split(' ')[0];
  }

  of(who, size) {
    return this.#rows.find(row => row.who === who && row.size === size);
  }

  sizes() {
    return [...new Set(this.#rows.map(row => row.size))];
  }

  #show = ({ best, median, rounds, unit = this.#unit }) =>
    `${figure(best)}${rounds > 1 ? ` / ${figure(median)}` : ''} ${unit}`;

  /** Ours against the floor, best against best. */
  ratio(what, { size, aim, floor = 'floor', who = OURS, isOfOriginal = false }) {
    const [ours, least] = [this.of(who, size), this.of(floor, size)];
    if (!ours || !least) return undefined;
    return {
      what,
      floor: `${figure(least.best)} ${this.#unit}`,
      ours: this.#show(ours),
      ratio: times(ours.best / least.best),
      aim: `≤ ${aim} ×${isOfOriginal ? `; the original's ${ORIGINAL_RATIO_OF_RUN.toFixed(1)}` : ''}`,
    };
  }

  /** A whole sweep against two starts of Node and three times the floor. */
  wholeSweep(what, { size, aim }) {
    const [ours, node, least] = [OURS, 'node -e 0', 'floor'].map(who => this.of(who, size));
    if (!ours || !node || !least) return undefined;
    const whole = 2 * node.best + 3 * least.best;
    return {
      what,
      floor: `2 × ${figure(node.best)} + 3 × ${figure(least.best)} ${this.#unit}`,
      ours: this.#show(ours),
      ratio: times(ours.best / whole),
      aim: `≤ ${aim} ×`,
    };
  }

  /** What one file adds between the sizes, as a part of what it adds at the first step. */
  perFile(what, sizes, aim) {
    const rows = sizes.map(size => this.of(OURS, size));
    const empty = this.of(OURS, 1);
    if (!empty || rows.includes(undefined)) return undefined;
    const costs = rows.map(row => ((row.best - empty.best) * 1000) / (row.size - 1));
    return {
      what,
      floor: '',
      ours: `${costs.map(figure).join(', ')} µs`,
      ratio: `${figure(Math.max(...costs) / Math.min(...costs))} between them`,
      aim,
    };
  }

  /** How many a second. */
  rate(what, { size, aim }) {
    const [ours, least] = [this.of(OURS, size), this.of('floor', size)];
    if (!ours || !least) return undefined;
    const aSecond = ms => Math.round((size * 1000) / ms).toLocaleString('en');
    return {
      what,
      floor: `${aSecond(least.best)} a second`,
      ours: `${aSecond(ours.best)} / ${aSecond(ours.median)} a second`,
      ratio: times(ours.best / least.best),
      aim: `≥ ${aim.toLocaleString('en')} a second`,
    };
  }

  /** One size against another. */
  growth(what, { who, from, to, aim }) {
    const [small, large, least] = [
      this.of(who, from),
      this.of(who, to),
      this.of(`floor of ${who.split(', ')[1]}`, to),
    ];
    if (!small || !large) return undefined;
    return {
      what,
      floor: least ? `${figure(least.best)} ${this.#unit}` : '',
      ours: `${this.#show(large)}; among ${from} ${this.#show(small)}`,
      ratio: `${times(large.best / small.best)} of that`,
      aim,
    };
  }

  /** What a larger size adds. */
  added(what, { whos, from, to, aim }) {
    const parts = whos.map(who => [this.of(who, from), this.of(who, to)]);
    if (parts.flat().includes(undefined)) return undefined;
    return {
      what,
      floor: `${figure(this.of('node -e 0', from).best)} ${this.#unit}`,
      ours: parts
        .map(
          ([small, large], n) =>
            `${whos[n].split(', ')[1]} ${figure(small.best)} to ${figure(large.best)} ${this.#unit}`,
        )
        .join('; '),
      ratio: parts.map(([small, large]) => `+ ${figure(Math.max(0, large.best - small.best))}`).join('; '),
      aim,
    };
  }

  /** A limit of time. */
  below(what, { who, size, aim }) {
    const row = this.of(who, size);
    if (!row) return undefined;
    return { what, floor: '', ours: this.#show(row), ratio: '', aim };
  }
}

function times(ratio) {
  return `${figure(ratio)} ×`;
}
