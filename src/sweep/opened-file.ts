import { closeDescriptor, unlockAndClose } from '../lock/close.ts';

/** An open descriptor, and whether it holds the file's lock. */
export class OpenedFile {
  readonly fd: number;
  readonly path: string;
  readonly name: string;
  isLocked = false;
  /** True: the look ends with the lock held. */
  isKept = false;

  constructor(fd: number, path: string, name: string) {
    this.fd = fd;
    this.path = path;
    this.name = name;
  }

  close(): void {
    if (this.isKept) return;
    if (this.isLocked) unlockAndClose(this.fd);
    else closeDescriptor(this.fd);
  }
}
