/** What several wait for, and one opens, once. */
export class Gate {
  readonly opened: Promise<void>;
  open!: () => void;

  constructor() {
    this.opened = new Promise(resolve => {
      this.open = resolve;
    });
  }
}
