import { execFileSync, spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

/** Why tests with network namespaces cannot run here, or false. */
export const skipNamespaces: string | false = whyNot();

function whyNot(): string | false {
  if (process.getuid?.() !== 0) return 'SKIPPED: network namespaces need root';
  for (const [program, ...args] of [
    ['iptables', '--version'],
    ['ip', '-V'],
    ['unshare', '-n', 'iptables', '-L', '-n'],
  ]) {
    if (spawnSync(program!, args).status !== 0)
      return `SKIPPED: ${program} ${args.join(' ')} does not work here`;
  }
  return false;
}

/** Which packets of a namespace are dropped. */
export type Cut = 'both ways' | 'to the server' | 'from the server' | 'link down';

let count = 0;

/** A "machine" of its own, with one cable to this one; gone at the end of the test. */
export class Namespace {
  readonly name: string = `ds-${process.pid}-${count}`;
  /** This machine's address on the cable. */
  readonly address: string;
  readonly #link: string;

  constructor(t: Pick<TestContext, 'after'>) {
    const number = (process.pid * 8 + count++) % 16_384;
    const [high, low] = [64 + Math.floor(number / 256), number % 256];
    this.#link = `ds${process.pid % 100_000}h${count}`;
    this.address = `10.${high}.${low}.1`;
    t.after(() => {
      spawnSync('ip', ['link', 'del', this.#link]);
      spawnSync('ip', ['netns', 'del', this.name]);
    });
    const peer = `${this.#link}c`.slice(0, 15);
    ip('netns', 'add', this.name);
    ip('link', 'add', this.#link, 'type', 'veth', 'peer', 'name', peer, 'netns', this.name);
    ip('addr', 'add', `${this.address}/30`, 'dev', this.#link);
    ip('link', 'set', this.#link, 'up');
    ip('-n', this.name, 'addr', 'add', `10.${high}.${low}.2/30`, 'dev', peer);
    ip('-n', this.name, 'link', 'set', peer, 'up');
    ip('-n', this.name, 'link', 'set', 'lo', 'up');
  }

  /** What stands before a command that runs in it. */
  get under(): [string, ...string[]] {
    return ['ip', 'netns', 'exec', this.name];
  }

  cut(how: Cut): void {
    if (how === 'link down') ip('link', 'set', this.#link, 'down');
    if (how !== 'from the server') this.#iptables('-A', 'OUTPUT');
    if (how !== 'to the server') this.#iptables('-A', 'INPUT');
  }

  heal(how: Cut): void {
    if (how === 'link down') {
      ip('link', 'set', this.#link, 'up');
    }
    this.#iptables('-F');
  }

  #iptables(...args: readonly string[]): void {
    const rule = args[0] === '-A' ? ['-j', 'DROP'] : [];
    execFileSync('ip', ['netns', 'exec', this.name, 'iptables', '-w', ...args, ...rule]);
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args);
}
