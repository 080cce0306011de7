/** Tokens: random names in the environment of a process, which everything it starts inherits: `docs/actions.md`. */
import { randomBytes } from 'node:crypto';

/** The variable. Its value is a list: of a job inside a job, the outer token first. */
const TOKEN_VARIABLE = 'DEFERRED_SWEEP_TOKEN';

const SEPARATOR = ':';

/** 128 random bits: no other process has it by accident. */
export function createToken(): string {
  return randomBytes(16).toString('base64url');
}

/** `env` with the token added. Those of outer jobs stay, also this process's where `env` was made without them. */
export function withToken(env: NodeJS.ProcessEnv, token: string): NodeJS.ProcessEnv {
  const outer = [process.env, env].flatMap(each => tokensOf(each[TOKEN_VARIABLE]));
  const tokens = new Set([...outer, token]);
  return { ...env, [TOKEN_VARIABLE]: [...tokens].join(SEPARATOR) };
}

/** Whether an environment, its variables ended by NULs, has the token. */
export function hasToken(environment: string, token: string): boolean {
  // The long way only for those few that have it somewhere.
  if (!environment.includes(token)) return false;
  return environment.split('\0').some(variable => {
    const [name, value] = variable.split('=');
    return name === TOKEN_VARIABLE && tokensOf(value).includes(token);
  });
}

function tokensOf(value: string | undefined): readonly string[] {
  return value ? value.split(SEPARATOR) : [];
}
