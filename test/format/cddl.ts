/** As much of CDDL (RFC 8610) as docs/state-file.cddl uses; anything else in a schema is an error, not a match. */
import { readItems, Tagged } from '../value/tiny-reader.js';

type Matches = (value: unknown) => boolean;
type Member = { key: string | undefined; isOptional: boolean; type: Matches };

const prelude: Record<string, Matches> = {
  any: () => true,
  tstr: value => typeof value === 'string',
  bstr: value => value instanceof Uint8Array,
  uint: value => Number.isInteger(value) && (value as number) >= 0,
  number: value => typeof value === 'number',
  bool: value => typeof value === 'boolean',
  null: value => value === null,
};

/** Returns a matcher for the first rule of a schema. */
export function compileCddl(text: string): Matches {
  const tokens = text.replace(/;.*/g, '').match(/"[^"]*"|#6\.\d+|=>|\.?[a-zA-Z][\w-]*|\d+|\S/g) ?? [];
  const rules = new Map<string, Matches>();
  let at = 0;
  const accept = (token: string): boolean => tokens[at] === token && ++at > 0;
  const expect = (token: string): void => {
    if (!accept(token))
      throw new SyntaxError(`expected ${token}, found ${tokens.slice(at, at + 5).join(' ')}`);
  };

  function type(): Matches {
    const choices = [controlled()];
    while (accept('/')) choices.push(controlled());
    return value => choices.some(choice => choice(value));
  }

  function controlled(): Matches {
    const base = primary();
    if (accept('.size')) {
      const size = Number(tokens[at++]);
      return value =>
        base(value) &&
        (value instanceof Uint8Array ? value.length === size : (value as number) < 256 ** size);
    }
    const isSequence = tokens[at] === '.cborseq';
    if (!accept('.cbor') && !accept('.cborseq')) return base;
    const content = primary();
    return value => {
      if (!base(value)) return false;
      const items = readItems(value as Uint8Array);
      return isSequence ? content(items) : items.length === 1 && content(items[0]);
    };
  }

  function primary(): Matches {
    const token = tokens[at++] ?? 'nothing';
    if (token === '{') return map();
    if (token === '[') return array();
    if (token.startsWith('"')) return value => value === token.slice(1, -1);
    if (/^\d/.test(token)) return value => value === Number(token);
    if (token.startsWith('#6.')) {
      expect('(');
      const content = type();
      expect(')');
      return value =>
        value instanceof Tagged && value.tag === Number(token.slice(3)) && content(value.content);
    }
    if (!/^[a-z]/.test(token)) throw new SyntaxError(`unknown token ${token}`);
    return value => {
      const rule = rules.get(token) ?? prelude[token];
      if (!rule) throw new SyntaxError(`unknown rule ${token}`);
      return rule(value);
    };
  }

  function map(): Matches {
    const members: Member[] = [];
    while (!accept('}')) {
      if (accept('*')) {
        expect('tstr');
        expect('=>');
        members.push({ key: undefined, isOptional: true, type: type() });
      } else {
        const isOptional = accept('?');
        const key = tokens[at++];
        expect(':');
        members.push({ key, isOptional, type: type() });
      }
      accept(',');
    }
    return value => {
      if (typeof value !== 'object' || value === null) return false;
      if (Array.isArray(value) || value instanceof Uint8Array || value instanceof Tagged) return false;
      const rest = new Map(Object.entries(value));
      for (const { key, isOptional, type } of members) {
        if (key === undefined) return [...rest.values()].every(type);
        if (!rest.has(key) ? !isOptional : !type(rest.get(key))) return false;
        rest.delete(key);
      }
      return rest.size === 0;
    };
  }

  function array(): Matches {
    const items: { isRepeated: boolean; type: Matches }[] = [];
    while (!accept(']')) {
      items.push({ isRepeated: accept('*'), type: type() });
      accept(',');
    }
    return value => {
      if (!Array.isArray(value)) return false;
      let next = 0;
      for (const { isRepeated, type } of items) {
        if (isRepeated) while (next < value.length && type(value[next])) next++;
        else if (next >= value.length || !type(value[next++])) return false;
      }
      return next === value.length;
    };
  }

  const first = tokens[0]!;
  while (at < tokens.length) {
    const name = tokens[at++]!;
    expect('=');
    rules.set(name, type());
  }
  return rules.get(first)!;
}
