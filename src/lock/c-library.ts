/** The C library of this process, for messages. Slow: it takes Node's diagnostic report. */
export function cLibrary(): string {
  if (process.platform !== 'linux') return 'libc of the system';
  const version = glibcVersion();
  return version === undefined ? 'not glibc' : `glibc ${version}`;
}

/** Whether Node runs on another C library of Linux than glibc. As slow as {@link cLibrary}. */
export function isOnMusl(): boolean {
  return process.platform === 'linux' && glibcVersion() === undefined;
}

/** Only glibc gives its version in the report. */
function glibcVersion(): string | undefined {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime;
}
