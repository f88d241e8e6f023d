// node tools/guest-image/main.mjs IMAGES [CACHE]: builds IMAGES/guest if it is not current, and prints its folder.
import path from 'node:path';
import { buildGuestImage } from './build.mjs';

const [imageFolder, cacheFolder] = process.argv.slice(2);
if (imageFolder === undefined) {
  console.error('usage: node tools/guest-image/main.mjs IMAGES [CACHE]');
  process.exit(2);
}
try {
  const { folder } = buildGuestImage({
    imageFolder: path.resolve(imageFolder),
    cacheFolder: path.resolve(cacheFolder ?? path.join(imageFolder, '..', 'cache')),
    report: (step) => console.error(`guest image: ${step}`),
  });
  console.log(folder);
} catch (error) {
  console.error(`cannot build the guest image: ${error.message}`);
  process.exit(1);
}
