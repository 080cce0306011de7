/** One connection at a time: made, prepared, watched, and made again when it is lost. Runs in the session thread. */
import { abandon, addressOf, BIGINT, newClient, type PgClient, SUCCESSFUL_COMPLETION } from './driver.ts';
import type { FromThread, SessionConfig, SessionEvent } from './messages.ts';
import { endClient, pause, withinPatience as within } from './patience.ts';
import { endFormer, goesOn, isStatementError, type Prepared, prepare, testSessionLocks } from './prepare.ts';

/** An idle session is asked this often whether it lives, and given this long to answer. */
const PING_EVERY_MS = 1000;
const PING_PATIENCE_MS = 3000;
/**
 * How long any other statement may take before the connection is believed dead. Less than the 8 s after which the server
 * frees the locks of a client that is cut off, so that the owner is unsure first.
 */
const STATEMENT_PATIENCE_MS = 6000;

/**
 * How many statements are on their way at once, so that their number a second does not depend on the way. Not all: what
 * waits here when its time is over was surely not done.
 */
const PIPELINED = 32;

/** From the loss of a connection until the logger is told why there is no other. */
const TOLD_AFTER_MS = 3000;

/** The connection was lost before the server answered. */
export class LinkLost extends Error {}

/** The server answered and warned: what it did may not be on the synchronous standby. */
export class Unconfirmed extends Error {}

export class Link {
  readonly #config: SessionConfig;
  readonly #say: (message: FromThread) => void;
  readonly #reattach: (client: PgClient) => Promise<void>;
  #client: PgClient | undefined;
  #prepared: Prepared | undefined;
  /** Backends of before, which the server may still have. */
  #former: string[] = [];
  #isClosed = false;
  /** The ends of those in progress and of those that wait, in the order of the calls, which is that of the answers. */
  readonly #turns: Promise<void>[] = [];
  /** Warnings that came with answers: their number, and the last. */
  #warned = 0;
  #warning = '';
  /** Why the last attempt to connect again failed, to be put behind another reason; empty while there is a connection. */
  trouble = '';
  /** Resolves when there is a connection again, at once where there is one, or where none is made any more. */
  connected: Promise<void> = Promise.resolve();
  readonly #pinging: NodeJS.Timeout;
  /** From the loss of a connection until the next has all locks. */
  #expiry: NodeJS.Timeout | undefined;

  /** @param reattach - takes the locks again on a new connection */
  constructor(
    config: SessionConfig,
    say: (message: FromThread) => void,
    reattach: (client: PgClient) => Promise<void>,
  ) {
    this.#config = config;
    this.#say = say;
    this.#reattach = reattach;
    this.#pinging = setInterval(() => void this.#ping(), PING_EVERY_MS);
  }

  /**
   * Makes the first connection. Returns what is weaker than it should be.
   * @throws DeferredSweepError why the server will not do; what `pg` throws
   */
  async open(): Promise<readonly string[]> {
    const client = await this.#connect();
    try {
      await withinPatience(testSessionLocks(client, this.#config.connection), STATEMENT_PATIENCE_MS);
    } catch (error) {
      abandon(client);
      throw error;
    }
    this.#adopt(client);
    return this.#prepared!.warnings;
  }

  /**
   * What `body` gets from the server, by one statement. They are sent and answered in the order of the calls.
   * @param isDurable - whether an answer with a warning does not count: a wait for a standby may have been cancelled
   * @throws LinkLost where the connection went before the answer; Unconfirmed; what the server refuses
   */
  use<T>(
    body: (client: PgClient) => Promise<T>,
    isDurable = false,
    patienceMs: number = STATEMENT_PATIENCE_MS,
  ): Promise<T> {
    const before = this.#turns.at(-1);
    const room = this.#turns.at(this.#client?.pipeline === true ? -PIPELINED : -1);
    const turn = Promise.resolve(room).then(() => this.#use(body, before, patienceMs, isDurable));
    const end = (): void => void this.#turns.shift();
    this.#turns.push(turn.then(end, end)); // what failed is told to the caller of this turn
    return turn;
  }

  async #use<T>(
    body: (client: PgClient) => Promise<T>,
    before: Promise<void> | undefined,
    patienceMs: number,
    isDurable: boolean,
  ): Promise<T> {
    const client = this.#client;
    if (client === undefined) throw new LinkLost('the connection is lost');
    const warned = this.#warned;
    try {
      const answered = body(client);
      answered.catch(() => {}); // told below
      // The server takes one after the other, so the time of each begins with the answer to the one before.
      await before;
      const answer = await withinPatience(answered, patienceMs);
      // A warning may be that of another on its way. To ask again does no harm.
      if (isDurable && this.#warned !== warned) throw new Unconfirmed(this.#warning);
      return answer;
    } catch (error) {
      if (error instanceof Unconfirmed) throw error;
      if (
        isStatementError(error) &&
        (await withinPatience(goesOn(client, error), PING_PATIENCE_MS).catch(() => false))
      )
        throw error;
      this.#lose(client, messageOf(error));
      throw error instanceof LinkLost ? error : new LinkLost(messageOf(error));
    }
  }

  /** Lets the connection go, and with it every lock, and makes another one. */
  drop(reason: string): void {
    if (this.#client !== undefined) this.#lose(this.#client, reason);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#pinging);
    clearTimeout(this.#expiry);
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await endClient(client);
  }

  async #connect(): Promise<PgClient> {
    const { connection, schema } = this.#config;
    const client = await newClient(connection);
    // A number holds each of them but keys, which are read as text.
    client.setTypeParser(BIGINT, Number);
    this.#say({ kind: 'connecting', address: addressOf(client) });
    try {
      await withinPatience(client.connect(), STATEMENT_PATIENCE_MS);
      const prepared = await withinPatience(prepare(client, schema), STATEMENT_PATIENCE_MS);
      if (this.#prepared) this.#former.push(this.#prepared.backend);
      this.#prepared = prepared;
      return client;
    } catch (error) {
      abandon(client);
      throw error;
    }
  }

  #adopt(client: PgClient): void {
    this.#client = client;
    this.trouble = '';
    client.on('error', error => this.#lose(client, messageOf(error)));
    client.on('notice', ({ code, message = '' }) => {
      // The word for its severity is in the server's language.
      if (code === SUCCESSFUL_COMPLETION) return;
      this.#warned += 1;
      this.#warning = message;
    });
    client.on('end', () => this.#lose(client, 'the server closed the connection'));
  }

  #lose(client: PgClient, reason: string): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    abandon(client); // what is on its way rejects
    if (this.#isClosed) return;
    this.#tell('unsure', reason);
    this.#expiry ??= setTimeout(() => this.#tell('expired'), this.#config.graceMs / 2);
    this.connected = this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    const lostMs = performance.now();
    const said = new Set<string>();
    for (let tries = 1; !this.#isClosed; tries++) {
      let client: PgClient | undefined;
      try {
        client = await this.#connect();
        // Closed meanwhile: a session that is left would keep locks that are not used.
        if (this.#isClosed) return abandon(client);
        await withinPatience(endFormer(client, this.#former), STATEMENT_PATIENCE_MS);
        this.#former = [];
        await withinPatience(this.#reattach(client), STATEMENT_PATIENCE_MS);
        if (this.#isClosed) return abandon(client);
        // Lost between its locks and here, it is found out by the next statement, or ping.
        this.#adopt(client);
        clearTimeout(this.#expiry);
        this.#expiry = undefined;
        this.#tell('sure');
        return;
      } catch (error) {
        if (client !== undefined) abandon(client);
        const why = messageOf(error);
        this.trouble = `, and no connection: ${why}`;
        // A restart, and a standby on its way to be the primary, are over by then. Each reason once.
        if (performance.now() - lostMs > TOLD_AFTER_MS && !said.has(why)) {
          said.add(why);
          this.#tell('warning', `still no connection: ${why}`);
        }
      }
      await pause(tries);
    }
  }

  #tell(...event: SessionEvent): void {
    this.#say({ kind: 'event', event });
  }

  async #ping(): Promise<void> {
    // A statement on its way shows as much as a ping.
    if (this.#client === undefined || this.#turns.length > 0) return;
    try {
      await this.use(client => client.query('SELECT 1'), false, PING_PATIENCE_MS);
    } catch (error) {
      // A lost link has been told; a server that refuses this statement still answers.
      if (!(error instanceof LinkLost || error instanceof Unconfirmed || isStatementError(error)))
        throw error;
    }
  }
}

function withinPatience<T>(work: Promise<T>, patienceMs: number): Promise<T> {
  return within(work, patienceMs, what => new LinkLost(`the server ${what}`));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
