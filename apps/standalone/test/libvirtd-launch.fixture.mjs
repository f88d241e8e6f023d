// Starts libvirtd as `./drover up` does, in namespaces that the spec made, and prints what was launched as one JSON line.
import { startLibvirtd } from '../dist/infrastructure/index.js';

const launched = {};
const socket = await startLibvirtd(process.argv[2], (name, identity) => {
  launched[name] = identity;
  return Promise.resolve();
});
console.log(JSON.stringify({ socket, launched }));
