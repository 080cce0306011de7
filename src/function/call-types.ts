/**
 * What the compiler knows of a deferred call, for `defer`, `create` and `capture`. They refuse what would be refused when
 * the program runs, and let through what only the running program can tell, such as an instance of a class.
 */
import type { FileHandle } from 'node:fs/promises';

/** Any function that can be deferred. */
// biome-ignore lint/suspicious/noExplicitAny: only `any` lets every parameter list through; ArgumentsOf<F> is checked.
export type AnyFunction = (...args: any[]) => unknown;

/** A list of arguments; that it names the primitives makes the compiler keep `'a'` instead of `string`. */
export type Given = (string | number | bigint | boolean | symbol | object | null | undefined)[];

/** The arguments of a call of `F`: those of one of its overloads. `A` are those that were given, for a generic function. */
export type ArgumentsOf<F, A extends unknown[]> = Shape<F>['isGeneric'] extends true
  ? A
  : StorableList<Shape<F>['parameters']>;

/** What the compiler adds to the type of a function that is deferred: nothing, or why it cannot be. */
export type Deferrable<F, A extends unknown[]> = F extends AnyFunction
  ? undefined extends ThisParameterType<F>
    ? Shape<F>['isGeneric'] extends true
      ? (...args: Writable<NoInfer<A>>) => unknown
      : unknown
    : 'it needs `this`, which is not stored: defer a function that calls it on its object'
  : unknown;

/** Parameters of all overloads as a union. The compiler fills signatures that `F` does not have with its first one. */
type Shape<F> = F extends {
  (...args: infer A1): infer R1;
  (...args: infer A2): infer R2;
  (...args: infer A3): infer R3;
  (...args: infer A4): infer R4;
  (...args: infer A5): infer R5;
  (...args: infer A6): infer R6;
  (...args: infer A7): infer R7;
  (...args: infer A8): infer R8;
}
  ? {
      parameters: A1 | A2 | A3 | A4 | A5 | A6 | A7 | A8;
      isGeneric: [keyof F] extends [never]
        ? Same<F, (...args: A8) => R8> extends true
          ? false
          : Same<[A1, R1], [A8, R8]> extends true
            ? true
            : // A generic signature whose parameters are related is lost in this copy.
              {
                  (...args: A1): R1;
                  (...args: A2): R2;
                  (...args: A3): R3;
                  (...args: A4): R4;
                  (...args: A5): R5;
                  (...args: A6): R6;
                  (...args: A7): R7;
                  (...args: A8): R8;
                } extends F
              ? false
              : true
        : false;
    }
  : never;

/** Whether two types are the same, not only assignable: a generic function is assignable to one without parameters. */
type Same<X, Y> = (<T>() => T extends X ? 1 : 2) extends <T>() => T extends Y ? 1 : 2 ? true : false;

/** Arguments are inferred as constants, whose arrays are read-only; a function may ask for arrays that are not. */
type Writable<T> = T extends readonly unknown[] ? { -readonly [K in keyof T]: Writable<T[K]> } : T;

type StorableList<A> = A extends unknown[] ? { [K in keyof A]: Storable<A[K]> } : never;

type Storable<T> = T extends Unstorable ? 'it cannot be stored: pass what identifies it, as plain data' : T;

/** Types of which `defer` refuses each value. Sockets, servers, streams and child processes are event emitters. */
type Unstorable =
  | ((...args: never) => unknown)
  | symbol
  | PromiseLike<unknown>
  // A WeakRef, by a type that a program for ES2020 has, too.
  | { readonly [Symbol.toStringTag]: 'WeakRef' }
  | URL
  | URLSearchParams
  | AbortController
  | EventTarget
  | FileHandle
  | NodeJS.EventEmitter
  | NodeJS.Immediate
  | NodeJS.Timeout;
