/** What functions of one runner share, whoever registered them, and any of them may change. */

/** Remembers working directory, umask and environment; what it returns puts them back. */
export function keepSurroundings(): () => void {
  const cwd = process.cwd();
  const umask = process.umask();
  const env = { ...process.env };
  return () => {
    process.umask(umask);
    for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
    for (const [name, value] of Object.entries(env))
      if (process.env[name] !== value) process.env[name] = value;
    try {
      process.chdir(cwd);
    } catch {
      // Removed meanwhile, perhaps as it should be: as for an owner's directory that was gone before.
      process.chdir('/');
    }
  };
}
