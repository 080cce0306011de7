/** The warning of a failed function in three loggers, which fit as they are: node loggers.mjs console|pino|winston BASE */
import { promises } from 'node:fs';
import { join } from 'node:path';
import { DeferredFunctionManager } from 'deferred-sweep';
import pino from 'pino';
import winston from 'winston';

const [, , name, base] = process.argv;
const loggers = {
  console,
  pino: pino({ name: 'worker' }),
  winston: winston.createLogger({ transports: [new winston.transports.Console()] }),
};

const manager = new DeferredFunctionManager(base, { logger: loggers[name] });
await manager.run(async defer => {
  defer(promises.rmdir, join(base, 'not-there'));
});
