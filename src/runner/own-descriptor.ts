import { inodeOf } from '../lock/held-file.ts';

/** A descriptor that this process has since its start. A function may close it; then its number may be a file of the function's. */
export class OwnDescriptor {
  readonly fd: number;
  readonly #inode: string | undefined;

  constructor(fd: number) {
    this.fd = fd;
    this.#inode = inodeOf(fd);
  }

  get isOpen(): boolean {
    return this.#inode !== undefined && inodeOf(this.fd) === this.#inode;
  }
}
