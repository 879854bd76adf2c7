/**
 * Runs in the sandbox: reads one picture from its input, writes a line of JSON about it and then the
 * picture anew, smaller, as WebP without any of the metadata. What it says of a picture that it cannot
 * read goes to stderr.
 */
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';

const [side, pixels] = process.argv.slice(2).map(Number);
// libvips keeps and spreads out for servers; this process makes one picture and ends.
sharp.cache(false);
sharp.concurrency(1);
try {
  const image = sharp(await buffer(process.stdin), { limitInputPixels: pixels, pages: 1 });
  const { width, height, format, orientation = 1 } = await image.metadata();
  const fit = { fit: 'inside', withoutEnlargement: true };
  const smaller = await image.autoOrient().resize(side, side, fit).webp({ quality: 80 }).toBuffer();
  // From the fifth on, an orientation lies on its side.
  const [across, down] = orientation >= 5 ? [height, width] : [width, height];
  process.stdout.write(`${JSON.stringify({ width: across, height: down, format })}\n`);
  process.stdout.write(smaller);
} catch (error) {
  process.stderr.write(String(error.message));
  process.exitCode = 1;
}
