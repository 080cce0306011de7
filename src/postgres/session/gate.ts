/** What several wait for, and one opens, once. */
export class Gate {
  readonly opened: Promise<void>;
  isOpen = false;
  open!: () => void;

  constructor() {
    this.opened = new Promise(resolve => {
      this.open = () => {
        this.isOpen = true;
        resolve();
      };
    });
  }
}
