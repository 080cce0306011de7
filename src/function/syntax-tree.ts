import type * as Estree from 'estree';

/** The nodes directly below a node of a syntax tree, each with the property that holds it. */
export function* childrenOf(node: Estree.Node): Iterable<[child: Estree.Node, property: string]> {
  for (const [property, held] of Object.entries(node)) {
    for (const item of Array.isArray(held) ? held : [held]) if (isNode(item)) yield [item, property];
  }
}

function isNode(value: unknown): value is Estree.Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
