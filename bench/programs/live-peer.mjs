// Holds jobs open as a peer does, until its parent is gone. argv: peer, directory, number of jobs.
import { peers } from '../peers/index.mjs';

const [name, directory, count] = process.argv.slice(2);
const peer = peers[name](directory);
for (let n = 0; n < Number(count); n++) peer.openAnother(n);
process.on('disconnect', () => process.exit());
process.send('open');
