/** Programs that start trees of processes. Each process prints its pid and then sleeps; `pids` is how many do. */
export interface Tree {
  readonly file: string;
  readonly argv: readonly string[];
  readonly pids: number;
}

const sleep = 'exec sleep 86400';

/** setsid, a double fork, nohup, and a background job of a subshell: none is below the first shell any more. */
const shells: Tree = {
  file: 'sh',
  argv: [
    '-c',
    `echo $$; (setsid sh -c 'echo $$; ${sleep}' &); ( ( nohup sh -c 'echo $$; ${sleep}' & ) & ); sh -c 'echo $$; ${sleep}' & ${sleep}`,
  ],
  pids: 4,
};

/** A daemon by the book. */
const python: Tree = {
  file: 'python3',
  argv: [
    '-c',
    `import os, sys, time
def tell(): os.write(1, b"%d\\n" % os.getpid())
tell()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        tell()
        time.sleep(86400)
    os._exit(0)
os.wait()
time.sleep(86400)`,
  ],
  pids: 2,
};

/** A detached child whose environment is empty, and one below it: the token is lost, the tree is not. */
const node: Tree = {
  file: process.execPath,
  argv: [
    '-e',
    `const { spawn } = require('node:child_process');
     console.log(process.pid);
     spawn('/bin/sh', ['-c', 'echo $$; sh -c "echo \\$\\$; ${sleep}" & ${sleep}'], { env: { PATH: process.env.PATH }, detached: true, stdio: ['ignore', 'inherit', 'inherit'] });
     setInterval(() => {}, 86400000);`,
  ],
  pids: 3,
};

/** Children that write over their environment, as Chromium's do. */
const overwriting: Tree = {
  file: 'python3',
  argv: [
    '-c',
    `import os, time, ctypes
def tell(): os.write(1, b"%d\\n" % os.getpid())
tell()
for _ in range(2):
    if os.fork() == 0:
        fields = open("/proc/self/stat").read().rsplit(")", 1)[1].split()
        start, end = int(fields[47]), int(fields[48])
        ctypes.memset(start, ord("x"), end - start)
        os.setsid()
        tell()
        time.sleep(86400)
time.sleep(86400)`,
  ],
  pids: 3,
};

/** None of them minds SIGTERM. */
const stubborn: Tree = {
  file: 'sh',
  argv: ['-c', `trap '' TERM HUP; echo $$; (setsid sh -c "trap '' TERM; echo \\$\\$; ${sleep}" &); ${sleep}`],
  pids: 2,
};

/** Asked to end, it starts others: each starts another, 30 times. */
const fertile: Tree = {
  file: 'python3',
  argv: [
    '-c',
    `import os, signal, time
def bear(*_):
    global left
    while left > 0:
        left -= 1
        if os.fork() == 0: os.setsid()
        else: os._exit(0)
    time.sleep(86400)
left = 30
signal.signal(signal.SIGTERM, bear)
os.write(1, b"%d\\n" % os.getpid())
time.sleep(86400)`,
  ],
  pids: 1,
};

export const trees: Readonly<Record<string, Tree>> = { shells, python, node, overwriting, stubborn, fertile };
