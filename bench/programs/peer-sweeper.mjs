// Sweeps once, as a peer does. argv: peer, directory.
import { peers } from '../peers/index.mjs';

const [name, directory] = process.argv.slice(2);
const { ran } = await peers[name](directory).sweep();
console.log(JSON.stringify({ ok: ran }));
