import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Why tests with certificates cannot run here, or false. */
export const skipCertificates: string | false = spawnSync('openssl', ['version']).error
  ? 'SKIPPED: no openssl here'
  : false;

/** Certificates of an authority of one's own, as PEM files in a directory. */
export class Authority {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#openssl(['req', '-x509', ...newKey('ca'), '-subj', '/CN=own authority', '-out', 'ca.crt']);
  }

  /** The certificate of the authority itself. */
  get path(): string {
    return join(this.#directory, 'ca.crt');
  }

  /** For a host, or a role. Returns the paths of the certificate and of its key. */
  issue(name: string, days = 2): { certificate: string; key: string } {
    writeFileSync(join(this.#directory, 'extensions'), `subjectAltName = DNS:${name}\n`);
    this.#openssl(['req', ...newKey(name), '-subj', `/CN=${name}`, '-out', 'request']);
    const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', String(days)];
    this.#openssl(['x509', '-req', '-in', 'request', '-extfile', 'extensions', ...by, '-out', `${name}.crt`]);
    return { certificate: join(this.#directory, `${name}.crt`), key: join(this.#directory, `${name}.key`) };
  }

  #openssl(args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.#directory, stdio: 'pipe' });
  }
}

function newKey(name: string): string[] {
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  return [...curve, '-nodes', '-keyout', `${name}.key`];
}
