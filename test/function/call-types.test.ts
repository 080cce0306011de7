import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { packageRoot } from '../helpers/command-line.ts';

/** What the compiler says to each call below a `@ts-expect-error` of the fixture, by the comment. */
function messages(): Map<string, string[]> {
  const fixture = join(packageRoot, 'test/fixtures/deferred-calls.ts');
  const text = readFileSync(fixture, 'utf8');
  const config = ts.getParsedCommandLineOfConfigFile(
    join(packageRoot, 'test/tsconfig.json'),
    { noEmit: true, incremental: false },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
  );
  const options = { ...config?.options };
  delete options.tsBuildInfoFile;
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  const getSourceFile = host.getSourceFile.bind(host);
  // With the same lines, but nothing that is expected: each call is then an error of its own.
  const bare = text.replaceAll('@ts-expect-error', 'expected');
  host.readFile = path => (path === fixture ? bare : readFile(path));
  host.getSourceFile = (path, language, ...rest) =>
    path === fixture ? ts.createSourceFile(path, bare, language) : getSourceFile(path, language, ...rest);
  const program = ts.createProgram([fixture], options, host);
  const source = program.getSourceFile(fixture);
  const lines = text.split('\n');
  const told = new Map<string, string[]>();
  for (const { start = 0, messageText } of program.getSemanticDiagnostics(source)) {
    const line = source?.getLineAndCharacterOfPosition(start).line ?? 0;
    const comment = lines[line - 1]?.split('@ts-expect-error: ')[1];
    assert.ok(comment, `line ${line + 1} compiles: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
    told.set(comment, [...(told.get(comment) ?? []), ts.flattenDiagnosticMessageText(messageText, '\n')]);
  }
  return told;
}

const expected: Record<string, RegExp> = {
  'too few arguments': /^Expected (2-3|3) arguments, but got [12]\.$/,
  'too few arguments for any overload': /Source has 0 element\(s\) but target requires/,
  'too many arguments': /^Expected [13] arguments, but got [24]\.$/,
  'an argument of another type': /'number' is not assignable to parameter of type 'string \| Buffer/,
  'an option that is misspelled':
    /'forse' does not exist in type 'RmOptions'\. Did you mean to write 'force'\?/,
  'an option that no overload has':
    /'withFileType' does not exist .*Did you mean to write 'withFileTypes'\?/s,
  'the arguments of two overloads': /'string' is not assignable to type 'number'/,
  'no key of the first argument': /Type '"b"' is not assignable to type '"a"'/,
  'the constraint does not hold': /'id' is missing|missing in type/,
  'a promise, the call was made already': /'Promise<void>' is not assignable to parameter of type/,
  'a callback cannot be stored': /"it cannot be stored: pass what identifies it, as plain data"/,
  'and without it the call is not complete': /Source has 1 element\(s\) but target requires [23]/,
  'a socket cannot be stored': /'Socket' is not .* '"it cannot be stored: pass what identifies it/,
  'a URL cannot be stored': /'URL' is not assignable to parameter of type 'string \| Buffer/,
  'a function cannot be stored as an argument': /"it cannot be stored: pass what identifies it/,
  'a method that needs its object': /"it needs `this`, which is not stored: defer a function that calls it/,
  'no function': /'string' is not assignable to parameter of type/,
};

test('the compiler says of each call that is refused what is wrong with it', () => {
  const told = messages();
  assert.deepEqual([...told.keys()].sort(), Object.keys(expected).sort());
  for (const [what, pattern] of Object.entries(expected))
    for (const message of told.get(what) ?? []) assert.match(message, pattern, what);
});
